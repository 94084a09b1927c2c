"""Where fetched files came from: a small JSON file beside them, which also tells what is whole and what is missing."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.file_names import of_code

FORMAT = "hyperx-cl/source@1"

TEXT = "text"
"""What the one file of a language's text is called where others have splits."""


@dataclass(frozen=True)
class Part:
    """One fetched file.

    Attributes:
        name: Of the file, beside the JSON file.
        count: Sentences, or lines of text.
        bytes: Its size.
        sha256: 64 hex digits.
        left_out: Sentences that could not be written down (a word with a tab in it, or without a sign).
    """

    name: str
    count: int
    bytes: int
    sha256: str
    left_out: int = 0


@dataclass(frozen=True)
class Source:
    """Where a language's files for one task came from.

    Attributes:
        task: ``pos``, ``ner`` or ``mlm``.
        language: The code that the files are kept under.
        dataset: Id on the Hub.
        config: Of the data set: a treebank, a language, an edition at a date.
        revision: Commit of the data set.
        licence: As far as it is known.
        splits: All that there are; those without a part are missing yet.
        parts: Split to file; text has the split ``text``.
        max_lines: Most lines of text that were asked for (less were there where it has less), None for labelled
            sentences.
    """

    task: str
    language: str
    dataset: str
    config: str
    revision: str
    licence: str
    splits: tuple[str, ...]
    parts: Mapping[str, Part] = field(default_factory=dict)
    max_lines: int | None = None

    @property
    def missing(self) -> list[str]:
        """Splits without a file yet."""
        return [split for split in self.splits if split not in self.parts]

    def having(self, split: str, part: Part) -> "Source":
        """The same with one more file."""
        return replace(self, parts={**self.parts, split: part})


def source_file(root: Path, folder: str, language: str) -> Path:
    """Where the JSON file of a task and language lies in a data root."""
    place, name = root / folder, of_code(language)
    return place / f"{name}.source.json" if folder == "mlm" else place / name / "source.json"


def data_file(root: Path, folder: str, language: str, split: str) -> Path:
    """Where a file of a task and language lies in a data root."""
    if folder == "mlm":
        return root / folder / f"{of_code(language)}.txt"
    return root / folder / of_code(language) / f"{split}.{'conllu' if folder == 'ud' else 'conll'}"


def read_source(file: Path) -> Source | None:
    """Read a JSON file of this kind, None where there is none. Files that are gone count as missing.

    Raises:
        DataError: It is not of this format.
        ConflictError: A file has been changed since it was fetched.
    """
    if not file.is_file():
        return None
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if told.pop("format") != FORMAT:
            raise ValueError
        parts = {split: Part(**part) for split, part in told.pop("parts").items()}
        source = Source(**told | {"splits": tuple(told["splits"])}, parts={})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{file} does not say where its files came from: remove it, and the files beside it") from error
    for split, part in parts.items():
        data = file.parent / part.name
        if data.is_file():
            if data.stat().st_size != part.bytes or _sha256(data) != part.sha256:
                raise ConflictError(
                    f"{data} has been changed since it was fetched: keep it in another --data-dir, or remove it to "
                    "have it fetched again"
                )
            source = source.having(split, part)
    return source


def write_source(file: Path, source: Source) -> None:
    """Write the JSON file, whole or not at all."""
    text = json.dumps({"format": FORMAT, **asdict(source)}, ensure_ascii=False, indent=2) + "\n"
    with _fresh(file) as fresh:
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, file)


def keep(file: Path, blocks: Iterable[str], beside: Path, source: Source, split: str) -> Source:
    """Write a data file, whole or not at all, and say so in the JSON file beside it.

    The JSON file comes first: where the work stops between the two, it names a file that is not there, which counts
    as missing; a file that it does not name would be taken for the user's own.

    Args:
        file: The data file.
        blocks: Its text in pieces, one a sentence or line; an empty one stands for what was left out.
        beside: The JSON file.
        source: What it says so far.
        split: Which split this is.

    Returns:
        What it says now.

    Raises:
        DataError: There is nothing to write.
    """
    digest, count, left_out = hashlib.sha256(), 0, 0
    with _fresh(file) as fresh:
        with fresh.open("wb") as out:
            for block in blocks:
                data = block.encode("utf-8")
                out.write(data)
                digest.update(data)
                count, left_out = count + bool(data), left_out + (not data)
            size = out.tell()
            out.flush()
            os.fsync(out.fileno())
        if not count:
            raise DataError(f"{source.dataset}, {source.config}, has nothing for {file.name}: choose another language")
        told = source.having(split, Part(file.name, count, size, digest.hexdigest(), left_out))
        file.unlink(missing_ok=True)
        write_source(beside, told)
        os.replace(fresh, file)
    return told


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


@contextmanager
def _fresh(file: Path) -> Iterator[Path]:
    """A temporary name in the same folder; what is left under it, or was by one that was killed, is removed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob(f".{file.name}.*.part"):
        old.unlink(missing_ok=True)
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    os.close(number)
    fresh = Path(name)
    try:
        fresh.chmod(0o644)
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
