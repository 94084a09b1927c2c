"""``index.json``: what a repository holds, in one file; all of it can be made anew from the other files.

An entry is kept as long as the file that it was made from is the same (its git hash says so), else that is read again.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from hyperx_cl.foreign import read_json
from hyperx_cl.share.facts import expect_facts
from hyperx_cl.share.layout import CONFIG, FORMAT, LANGUAGES, WEIGHTS, Place
from hyperx_cl.share.note import Note, as_json, scores, texts

_TOLD = ("source", "licence", "losses", "nearest", "method", "created", "parent", "rounded", "task", "n", "steps",
         "tokens")  # fmt: skip


def git_hash(data: bytes) -> str:
    """What git calls some bytes: SHA-1 with a header, 40 hexadecimal digits."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def entry_of(note: Note) -> dict[str, Any]:
    """What the index and the card tell of a record, out of its note."""
    provenance = {key: note.provenance[key] for key in _TOLD if key in note.provenance}
    if isinstance(text := note.provenance.get("text"), Mapping):
        provenance["lines"] = text.get("lines")
    return {
        "kind": note.place.kind, "name": note.place.name, "hash": note.place.hash, "model": note.model,
        "numbers": note.numbers, "tasks": list(note.tasks), "sha256": note.sha256, "size": note.size,
        "licences": list(note.licences), "scores": [dict(score) for score in note.scores], "pieces": note.pieces,
        "rules": note.rules, "told": provenance, "labels": len(note.definition.get("labels", ())),
        "note": git_hash(note.to_bytes()),
    }  # fmt: skip


def model_entry(config: Mapping[str, Any], text: bytes, *, numbers: int, sha256: str, size: int) -> dict[str, Any]:
    """What the index and the card tell of the model."""
    backbone = config["backbone"]
    return {
        "fingerprint": config["fingerprint"], "numbers": numbers, "languages": sorted(config["languages"]),
        "tasks": {task["name"]: len(task["labels"]) for task in config["tasks"]},
        "backbone": {
            key: backbone.get(key) for key in ("id", "revision", "fingerprint", "model_type", "layers", "hidden")
        },
        "files": {CONFIG: {"git": git_hash(text), "size": len(text)}, WEIGHTS: {"sha256": sha256, "size": size}},
    }  # fmt: skip


@dataclass(frozen=True)
class Index:
    """What a repository holds.

    Attributes:
        records: An entry for each record.
        model: The model's entry, None where it holds none.
    """

    records: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict)
    model: Mapping[str, Any] | None = None

    def to_bytes(self) -> bytes:
        """The file; equal indexes give equal bytes."""
        records = [dict(self.records[place]) for place in sorted(self.records)]
        return as_json({"format": FORMAT, "model": self.model, "records": records})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what can be read of it: an entry that is none is left out, for it can be made anew."""
        try:
            told = read_json(data)
            rows = told["records"] if told["format"] == FORMAT else []
            model = told["model"] if told["format"] == FORMAT else None
            records = {Place(row["kind"], row["name"], row["hash"]): row for row in rows if _is_entry(row)}
            return cls(records, model if _is_model(model) else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def languages(self) -> dict[str, list[Mapping[str, Any]]]:
        """The versions of each language, the newest that is no other's parent first."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for place in sorted(self.records):
            if place.kind == LANGUAGES:
                found.setdefault(place.name, []).append(self.records[place])
        return {code: ordered(rows) for code, rows in found.items()}

    def licences(self) -> list[str]:
        """Of all data that anything in it was learnt from."""
        return sorted({licence for row in self.records.values() for licence in row["licences"]})

    def models(self) -> set[str]:
        """Fingerprints of all models that its records are for; one, in a repository of ours."""
        own = {str(self.model["fingerprint"])} if self.model else set()
        return own | {str(row["model"]) for row in self.records.values()}


def ordered(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Versions of one language: those that are nobody's parent before the others, the newest first."""
    rows = list(rows)
    parents = {row["told"].get("parent") for row in rows}
    newest = sorted(rows, key=lambda row: (str(row["told"].get("created") or ""), str(row["hash"])), reverse=True)
    return sorted(newest, key=lambda row: row["hash"] in parents)


def _is_entry(row: Any) -> bool:
    try:
        texts(row["tasks"], 64)
        texts(row["licences"], 200)
        scores(row["scores"])
        expect_facts(row["told"])
        return all(isinstance(row[key], str) for key in ("kind", "name", "hash", "model", "sha256", "note")) and all(
            type(row[key]) is int for key in ("numbers", "size", "pieces", "rules", "labels")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _is_model(model: Any) -> bool:
    try:
        texts(model["languages"], 64)
        return (
            isinstance(model["fingerprint"], str) and type(model["numbers"]) is int and isinstance(model["tasks"], dict)
            and all(type(labels) is int for labels in model["tasks"].values())
            and isinstance(model["backbone"]["id"], str) and isinstance(model["backbone"]["fingerprint"], str)
            and isinstance(model["files"][CONFIG]["git"], str) and isinstance(model["files"][WEIGHTS]["sha256"], str)
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
