"""A record made ready for its way, and one that has come: file, note, and the two checked against each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.share.clean import clean
from hyperx_cl.share.header import read_header
from hyperx_cl.share.layout import LANGUAGES, MAX_NUMBERS, TASKS, Place
from hyperx_cl.share.note import Note, sha256
from hyperx_cl.share.travel import pack, unpack
from hyperx_cl.task_record import TaskRecord, task_from_bytes, task_to_bytes


@dataclass(frozen=True)
class Packed:
    """A record as two files.

    Attributes:
        data: The one with its tensors.
        note: What the other tells.
    """

    data: bytes
    note: Note


def pack_language(
    record: LanguageRecord, *, licences: Iterable[str], scores: Iterable[Mapping[str, Any]] = ()
) -> Packed:  # fmt: skip
    """Make a record of `travel.travelling` ready; what its provenance tells beyond what travels is left out.

    Raises:
        UsageError: It is larger than a pull reads.
    """
    data = pack(record)
    if len(data) > MAX_NUMBERS:
        raise UsageError(
            f"{record.language} has {len(data):,} bytes, and a pull reads at most {MAX_NUMBERS:,}: learn it with a "
            "lower --rank"
        )
    note = Note(
        Place(LANGUAGES, record.language, record.hash), record.model, record.numbers, record.tasks, sha256(data),
        len(data), tuple(sorted(set(licences))), tuple(scores), clean(record.provenance), {}, len(record.pieces),
        len(record.transliteration),
    )  # fmt: skip
    return Packed(data, note)


def pack_task(record: TaskRecord, *, licences: Iterable[str]) -> Packed:
    """Make a learnt task ready: it travels in fp32, as it is stored."""
    data = task_to_bytes(record)
    note = Note(
        Place(TASKS, record.name, record.hash), record.model, record.numbers, (), sha256(data), len(data),
        tuple(sorted(set(licences))), (), clean(record.provenance), record.definition,
    )  # fmt: skip
    return Packed(data, note)


def unpack_language(file: Path, note: Note) -> LanguageRecord:
    """Read a language that has come, and hold it against its note.

    Raises:
        DataError: They do not belong together, or one is damaged.
    """
    source = f"the shared record {_short(note)}"
    _expect_told(file, note, source)
    record = unpack(file, source, note.provenance)
    found = (
        record.language, record.hash, record.model, record.numbers, record.tasks, len(record.pieces),
        len(record.transliteration),
    )  # fmt: skip
    _expect_same(found, note, source)
    return record


def unpack_task(file: Path, note: Note) -> TaskRecord:
    """Read a learnt task that has come, and hold it against its note.

    Raises:
        DataError: They do not belong together, or one is damaged.
    """
    source = f"the shared task {_short(note)}"
    _expect_told(file, note, source)
    read_header(file, source, dtypes=("F32",), largest=MAX_NUMBERS)
    record = task_from_bytes(file.read_bytes(), provenance=note.provenance, source=source)
    if record.definition != dict(note.definition):
        raise DataError(f"{source} is another task than its note tells: get it again from where it came")
    _expect_same((record.name, record.hash, record.model, record.numbers, (), 0, 0), note, source)
    return record


def _expect_told(file: Path, note: Note, source: str) -> None:
    size = file.stat().st_size
    if size != note.size or size > MAX_NUMBERS:
        raise DataError(f"{source} has {size:,} bytes, where its note tells of {note.size:,}: get it again")
    found = sha256(file.read_bytes())
    if found != note.sha256:
        raise DataError(f"{source} has SHA-256 {found[:12]}…, not {note.sha256[:12]}… as its note tells: get it again")


def _expect_same(found: tuple[Any, ...], note: Note, source: str) -> None:
    told = (note.place.name, note.place.hash, note.model, note.numbers, note.tasks, note.pieces, note.rules)
    if found != told:
        raise DataError(f"{source} is another one than its note tells: get it again from where it came")


def _short(note: Note) -> str:
    return f"{note.place.name} {note.place.hash[:12]}"
