"""What is told of a shared record, ``<hash>.json`` beside its tensors: hashes, licences, scores and provenance."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hyperx_cl.errors import DataError
from hyperx_cl.foreign import read_json
from hyperx_cl.share.clean import clean
from hyperx_cl.share.facts import expect_facts, is_number
from hyperx_cl.share.layout import FORMAT, LANGUAGES, MAX_NOTE, TASKS, Place

_SCORE = {"task": str, "metric": str, "value": float, "low": float, "high": float, "split": str, "of": str}


@dataclass(frozen=True)
class Note:
    """All that is told of one record.

    Attributes:
        place: Where it lies.
        model: Fingerprint of the model it was made for.
        numbers: Count of its numbers.
        tasks: Of a language, the tasks it has something of its own for.
        sha256: Of the file with its tensors.
        size: Of that file, in bytes.
        licences: Of all data that it was learnt from, sorted.
        scores: Each with ``task``, ``metric``, ``value``, ``low``, ``high``, ``split``, ``of`` (hash of the record
            that was scored) and more.
        provenance: Where it came from.
        definition: Of a task: kind, labels, column.
        pieces: Count of the pieces of its token patch.
        rules: Count of the rules of its transliteration.
    """

    place: Place
    model: str
    numbers: int
    tasks: tuple[str, ...]
    sha256: str
    size: int
    licences: tuple[str, ...]
    scores: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any]
    definition: Mapping[str, Any] = field(default_factory=dict)
    pieces: int = 0
    rules: int = 0

    @property
    def method(self) -> str:
        """How it was made."""
        return str(self.provenance["method"])

    @property
    def created(self) -> str:
        """When; empty where it is not told."""
        return str(self.provenance.get("created") or "")

    @property
    def parent(self) -> str | None:
        """Hash of the record it was learnt from, if any."""
        parent = self.provenance.get("parent")
        return parent if isinstance(parent, str) else None

    def to_bytes(self) -> bytes:
        """The file; equal notes give equal bytes."""
        told = {
            "format": FORMAT, "kind": "language" if self.place.kind == LANGUAGES else "task", "name": self.place.name,
            "hash": self.place.hash, "model": self.model, "numbers": self.numbers, "tasks": list(self.tasks),
            "file": {"sha256": self.sha256, "size": self.size}, "licences": list(self.licences),
            "scores": [dict(score) for score in self.scores], "definition": dict(self.definition),
            "pieces": self.pieces, "rules": self.rules, "provenance": dict(self.provenance),
        }  # fmt: skip
        return as_json(told)

    @classmethod
    def from_bytes(cls, data: bytes, place: Place, source: str) -> "Note":
        """Read the file of a place.

        Raises:
            DataError: It is too large, no such file, of another format, or tells of another record.
        """
        if len(data) > MAX_NOTE:
            raise DataError(f"{source} has {len(data):,} bytes, at most {MAX_NOTE:,} are read: report it")
        try:
            told = read_json(data)
            if told["format"] != FORMAT:
                raise DataError(
                    f"{source} has format {str(told['format'])[:40]!r}, this version reads {FORMAT!r}: update hyperx-cl"
                )
            kind = "language" if place.kind == LANGUAGES else "task"
            if (told["kind"], told["name"], told["hash"]) != (kind, place.name, place.hash):
                raise DataError(f"{source} tells of another record than its name does: get it again")
            note = cls(
                place, _text(told["model"], 64), _count(told["numbers"]),
                texts(told["tasks"], 64),
                _text(told["file"]["sha256"], 64), _count(told["file"]["size"]),
                texts(told["licences"], 200),
                scores(told["scores"]), _told(told["provenance"]),
                _definition(told["definition"], place.kind),
                _count(told["pieces"]), _count(told["rules"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{source} is not the note of a shared record: get it again from where it came") from error
        return note

    def joined(self, other: "Note") -> "Note":
        """This note with what the other, of the very same record, knows beyond it: nothing there is lost.

        Scores and licences are united; the longer list of corrections goes with the source and licence that it ends in.
        """
        corrected = max((other, self), key=lambda note: len(note.provenance.get("corrections", ())))
        told = {key: corrected.provenance[key] for key in ("source", "licence", "corrections")
                if key in corrected.provenance}  # fmt: skip
        return replace(
            other, licences=tuple(sorted({*self.licences, *other.licences})),
            scores=joined_scores(other.scores, self.scores), provenance={**other.provenance, **told},
        )  # fmt: skip


def joined_scores(
    first: Iterable[Mapping[str, Any]], second: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Scores of both, sorted; of two of the same thing the later one (``at``)."""
    kept: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for score in (*first, *second):
        key = tuple(str(score.get(name, "")) for name in ("task", "metric", "split", "of", "data"))
        if key not in kept or str(score.get("at", "")) > str(kept[key].get("at", "")):
            kept[key] = score
    return tuple(kept[key] for key in sorted(kept))


def as_json(value: Any) -> bytes:
    """JSON as it stands in a repository: sorted, indented, UTF-8, one line feed at the end."""
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n").encode()


def sha256(data: bytes) -> str:
    """SHA-256 of some bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def texts(values: Any, longest: int) -> tuple[str, ...]:
    """A list of texts of at most so many characters.

    Raises:
        ValueError: It is none; as TypeError.
    """
    if not isinstance(values, list):
        raise TypeError
    return tuple(_text(value, longest) for value in values)


def scores(values: Any) -> tuple[dict[str, Any], ...]:
    """A list of scores.

    Raises:
        ValueError: It is none; as TypeError and KeyError.
    """
    if not isinstance(values, list):
        raise TypeError
    return tuple(_score(value) for value in values)


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _told(value: Any) -> dict[str, Any]:
    """A provenance from elsewhere: known facts alone, and of the kinds that are read later."""
    told = {key: fact for key, fact in clean(dict(value)).items() if fact is not None or key != "created"}
    expect_facts(told)
    _text(told.get("method") or None, 64)
    for key, longest in (("created", 40), ("parent", 64), ("licence", 200), ("source", 2000)):
        _text(told.get(key) or "", longest)
    return told


def _definition(value: Any, kind: str) -> dict[str, Any]:
    """What a task is; a language has none."""
    if not isinstance(value, dict) or (kind == LANGUAGES and value):
        raise TypeError
    if kind == TASKS:
        texts(value["labels"], 200)
    return value


def _score(value: Any) -> dict[str, Any]:
    for name, kind in _SCORE.items():
        if not (is_number(value[name]) if kind is float else isinstance(value[name], kind)):
            raise TypeError
    return {_text(key, 64): _plain(item) for key, item in value.items()}


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | None):
        raise TypeError
    return value
