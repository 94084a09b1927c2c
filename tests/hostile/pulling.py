"""Somebody who pulls what may be bad, and all that can be seen of how that went."""

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.pack import REPO, Files, good
from tests.hub_server import HubServer

DATABASE = "registry.sqlite3"
ROOT = Path(__file__).parents[2]
_TODO = re.compile(
    r"[:;,] (or )?(again|ask|check|choose|export|get|give|learn|leave|log in|name|pull|push|put|report|restore|run|set"
    r"|take|try|update|use)\b|(is|are) (read|taken|expected)|needs (its|at least)|see the format|may hold"
    r"|so learn it again"
)
"""What to do, or what would have been right."""


@dataclass(frozen=True)
class Ended:
    """How one command ended; see `tests.hostile.worker`."""

    code: int
    out: str
    err: str
    connected: list[str]
    written: list[str]
    ran: list[str]
    peak: int


@dataclass
class Somebody:
    """A home with a registry, and a process of its own to run commands in."""

    process: "subprocess.Popen[str]" = field(repr=False)
    hub: HubServer = field(repr=False)
    home: Path
    cache: Path
    said: Path
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, *words: str | Path) -> Ended:
        """Run a command line."""
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = [self.environment | {"HYPERX_HOME": str(self.home)}, [str(word) for word in words]]
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Ended(**json.loads(self.process.stdout.readline()))

    def pull(self, changes: Files, *words: str, how: str = "pull") -> Ended:
        """Pull the good repository with something changed, from a Hub where nothing else is.

        Args:
            changes: Of the repository.
            words: Further options.
            how: ``pull``, the command, or ``library``, which is quicker.
        """
        self.hub.models.repositories.clear()
        self.hub.models.put(REPO, {**good(), **changes})
        return self(how, REPO, *words)

    def state(self) -> dict[str, str]:
        """Every row of the registry and every other file of the home, as hashes."""
        found = {"rows": _hash(repr(dump(self.home / DATABASE)).encode())}
        for file in sorted(self.home.rglob("*")):
            if file.is_file() and not file.name.startswith(DATABASE):
                found[str(file.relative_to(self.home))] = _hash(file.read_bytes())
            elif not file.is_file():
                found[str(file.relative_to(self.home))] = "a folder"
        return found

    def put_back(self, kept: Path) -> None:
        """Make the home again what it was."""
        shutil.rmtree(self.home)
        shutil.copytree(kept, self.home)


def dump(database: Path) -> list[tuple[Any, ...]]:
    """Every row of every table."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [(name, *row) for name in sorted(tables) for row in connection.execute(f'SELECT * FROM "{name}"')]


def hashes(database: Path) -> list[str]:
    """The content hashes of all versions and learnt tasks."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return sorted(h for (h,) in connection.execute("SELECT hash FROM versions UNION ALL SELECT hash FROM tasks"))


def expect_one_sentence(err: str, *pieces: str) -> None:
    """What a refusal says: one line for a reader, with what to do, that writes nothing to a terminal."""
    assert err.startswith("Error: ") and err.count("\n") == 1 and err.endswith("\n"), err
    assert err.count("Error: ") == 1 and "unforeseen" not in err and "Traceback" not in err, err
    assert _TODO.search(err), err
    assert len(err) < 2100 and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", err), err
    for piece in pieces:
        assert piece in err, (piece, err)


@contextmanager
def somebody(hub: HubServer, folder: Path, environment: Mapping[str, str]) -> Iterator[Somebody]:
    """Start such a process; what it says beside its answers goes into a file."""
    home, cache, said = folder / "home", folder / "hf", folder / "said.txt"
    for made in (home, cache):
        made.mkdir(parents=True)
    more = {"HF_HOME": str(cache), "HYPERX_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with (
        said.open("wb") as heard,
        subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "hostile" / "worker.py")], env={**environment, **more}, cwd=folder,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=heard,
        ) as process,
    ):  # fmt: skip
        yield Somebody(process, hub, home, cache, said)
        process.terminate()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
