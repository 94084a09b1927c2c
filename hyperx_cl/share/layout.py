"""The layout of a repository, ``hyperx-cl/pack@1``: its exact names, and how large each file may be.

Nothing is ever read whose name is not one of these; `docs/format.md` describes them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

FORMAT = "hyperx-cl/pack@1"
CONFIG, WEIGHTS, INDEX, CARD = "config.json", "model.safetensors", "index.json", "README.md"
LANGUAGES, TASKS = "languages", "tasks"

KIB, MIB = 2**10, 2**20
MAX_NOTE = MIB
MAX_INDEX = 16 * MIB
MAX_CARD = 4 * MIB
MAX_NUMBERS = 16 * MIB
MAX_WEIGHTS = 8 * 2**30
MAX_HEADER = 4 * MIB
MAX_TENSORS = 50_000
MAX_FILES = 100_000

_RECORD = re.compile(
    rf"(?P<kind>{LANGUAGES}|{TASKS})/(?P<name>[A-Za-z0-9][A-Za-z0-9_-]{{0,63}})/(?P<hash>[0-9a-f]{{64}})"
    r"\.(?P<end>safetensors|json)"
)
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True, order=True)
class Place:
    """Where a record lies: two files of one name.

    Attributes:
        kind: ``languages`` or ``tasks``.
        name: The language's code, or the task's name.
        hash: The record's content hash, 64 hexadecimal digits.
    """

    kind: str
    name: str
    hash: str

    @property
    def numbers(self) -> str:
        """Path of its tensors."""
        return f"{self.kind}/{self.name}/{self.hash}.safetensors"

    @property
    def note(self) -> str:
        """Path of what is told of them."""
        return f"{self.kind}/{self.name}/{self.hash}.json"


def places(paths: Iterable[str]) -> list[Place]:
    """The records of a repository that have both of their files, sorted; all other names are ignored."""
    ends: dict[Place, set[str]] = {}
    for path in paths:
        if found := _RECORD.fullmatch(path):
            ends.setdefault(Place(found["kind"], found["name"], found["hash"]), set()).add(found["end"])
    return sorted(place for place, found_ends in ends.items() if len(found_ends) == 2)


def limit_of(path: str) -> int | None:
    """How many bytes a file of that name may have; None for names that are none of ours."""
    plain = {CONFIG: MAX_NOTE, WEIGHTS: MAX_WEIGHTS, INDEX: MAX_INDEX, CARD: MAX_CARD}
    if path in plain:
        return plain[path]
    found = _RECORD.fullmatch(path)
    return None if found is None else MAX_NOTE if found["end"] == "json" else MAX_NUMBERS


def is_repo_id(text: str) -> bool:
    """Whether a text is ``org/name`` as the Hub spells it."""
    return bool(_REPO.fullmatch(text)) and ".." not in text and "--" not in text and not text.endswith((".git", "."))
