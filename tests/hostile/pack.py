"""A good repository, tiny and the same every time, and ways to change one thing of it while all the rest stays true."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.hostile import forging
from tests.hostile.forging import Tensors, as_json, sha256

REPO = "org/pack"
HIDDEN, LAYERS, WIDTH, VOCABULARY = 16, 3, 8, 200
CONFIG, WEIGHTS, INDEX, CARD = "config.json", "model.safetensors", "index.json", "README.md"
Files = dict[str, bytes | None]
"""Changes of a repository: None takes a file away."""

SHAPE = {"embedding": WIDTH, "source_hidden": 12, "projected": 4, "bottleneck": 4}
POS = {"name": "pos", "kind": "words", "labels": ["NOUN", "VERB"], "column": "upos", "label_map": {}}
DEFINITION = {"name": "number", "kind": "words", "labels": ["none", "Plur"], "column": "feats.Number", "label_map": {}}
PROVENANCE = {
    "method": "mlm", "source": "Wikipedia", "licence": "CC-BY-SA-4.0", "author": "Anna", "created": "2026-01-01",
    "steps": 10, "tokens": 1000, "seconds": 1.5, "seed": 1, "capacity": "part", "hyperx_cl": "0.1.0",
    "text": {"sha256": "ab", "lines": {"train": 9, "stop": 1, "report": 1}}, "losses": {"mean": 5.5, "learnt": 4.25},
    "stop_losses": [[10, 4.25]], "options": {"steps": 10}, "nearest": "en", "start": "mean", "data": "wiki.txt",
    "corrections": [{"at": "2026-01-02", "was": {"source": "a"}, "is": {"source": "Wikipedia"}}],
}  # fmt: skip
SCORE = {"task": "pos", "metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "split": "test", "of": "f" * 64}


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Small numbers that fp16 holds."""
    return (np.random.default_rng(seed).integers(-64, 64, shape) / 256).astype(np.float32)


def part(rank: int = 2, *, hidden: int = HIDDEN, layers: int = LAYERS) -> dict[str, np.ndarray]:
    """A language's vector and part."""
    return {
        "embedding": numbers(1, WIDTH), "part.down": numbers(2, layers, rank, hidden),
        "part.down_bias": numbers(3, layers, rank), "part.up": numbers(4, layers, hidden, rank),
        "shift.ids": np.array([5, 7, 130], np.float32), "shift.factors": numbers(5, 3, 2),
        "shift.basis": numbers(6, 2, HIDDEN),
    }  # fmt: skip


def head() -> dict[str, np.ndarray]:
    """A learnt task's vector and head."""
    return {"embedding": numbers(7, WIDTH), "head.weight": numbers(8, 2, HIDDEN), "head.bias": numbers(9, 2)}


def weights() -> dict[str, np.ndarray]:
    """A model's tensors, as far as a pull knows them."""
    return {
        "base.en.own.embedding": numbers(10, WIDTH), "base.tr.own.embedding": numbers(11, WIDTH),
        "generator.weight": numbers(12, 32, 16), "projector.weight": numbers(13, 12, 8),
    }  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A record's two files."""

    path: str
    data: bytes
    note: dict[str, Any]

    @property
    def files(self) -> Files:
        """Both, the note sealed with size and hash of the data unless it says something else."""
        return {f"{self.path}.safetensors": self.data, f"{self.path}.json": as_json(self.note)}

    def with_data(self, data: bytes) -> Files:
        """Other data, of which the note tells."""
        return Record(self.path, data, self.note | {"file": {"sha256": sha256(data), "size": len(data)}}).files

    def with_note(self, **changes: Any) -> Files:
        """Another note; ``...`` takes a key away."""
        told = {key: value for key, value in (self.note | changes).items() if value is not ...}
        return {f"{self.path}.json": as_json(told)}


def language(
    mark: str, tensors: Tensors, code: str = "mt", *, name: str | None = None, halves: bool = True,
    pieces: tuple[str, ...] = (), rules: tuple[tuple[str, str], ...] = (), identity: Mapping[str, Any] = {},
    **note: Any,
) -> Record:  # fmt: skip
    """A language whose hashes are all true.

    Args:
        mark: The model's fingerprint.
        tensors: What the hash is of; matrices travel in fp16 with `halves`.
        code: Of the record.
        name: Of the folder, another one than the code.
        halves: Whether they do.
        pieces: Of the token patch.
        rules: Of the transliteration.
        identity: Changes of the metadata.
        note: Changes of the note.
    """
    mine = forging.language_hash(code, mark, tensors, pieces, rules)
    told = {"format": forging.PACK, "language": code, "model": mark, "hash": mine, "pieces": list(pieces),
            "transliteration": [list(rule) for rule in rules]} | dict(identity)  # fmt: skip
    sent = {key: array.astype(np.float16) if halves and array.ndim > 1 and array.dtype == np.float32 else array
            for key, array in tensors.items()}  # fmt: skip
    tasks = sorted({key.split(".")[1] for key in tensors if key.startswith("pair.")})
    more = {"tasks": tasks, "pieces": len(pieces), "rules": len(rules)}
    return _record(
        "language", "languages", name or code, mine, mark, forging.safetensors(sent, told), tensors, more | note
    )


def task(
    mark: str, tensors: Tensors, definition: Mapping[str, Any] = DEFINITION, *, name: str | None = None, **note: Any
) -> Record:
    """A learnt task whose hashes are all true."""
    mine = forging.task_hash(mark, definition, tensors)
    told = {"format": forging.TASK, "name": definition["name"], "model": mark, "definition": definition, "hash": mine}
    data = forging.safetensors(tensors, told)
    more = {"definition": dict(definition), "scores": []} | note
    return _record("task", "tasks", name or str(definition["name"]), mine, mark, data, tensors, more)


def _record(
    kind: str, folder: str, name: str, mine: str, mark: str, data: bytes, tensors: Tensors, more: Mapping[str, Any]
) -> Record:
    note = {
        "format": forging.PACK, "kind": kind, "name": name, "hash": mine, "model": mark,
        "numbers": forging.numbers_of(tensors), "tasks": [], "licences": ["CC-BY-SA-4.0"], "scores": [SCORE],
        "definition": {}, "pieces": 0, "rules": 0, "provenance": PROVENANCE,
        "file": {"sha256": sha256(data), "size": len(data)},
    } | dict(more)  # fmt: skip
    return Record(f"{folder}/{name}/{mine}", data, note)


@dataclass(frozen=True)
class Model:
    """A model's two files, whose fingerprint is true."""

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]

    @classmethod
    def of(cls, tensors: Tensors | None = None, backbone: Mapping[str, Any] = {}, **changes: Any) -> "Model":
        """One with other tensors, another backbone or another configuration."""
        told = dict(tensors if tensors is not None else weights())
        config = {
            "format": forging.MODEL, "model": SHAPE, "tasks": [POS, {"name": "mlm", "kind": "mlm", "labels": []}],
            "languages": ["en", "tr"],
            "backbone": {key: value for key, value in ({
                "id": "org/backbone", "revision": "c0" * 20, "fingerprint": "b2" * 32, "model_type": "bert",
                "layers": LAYERS, "hidden": HIDDEN, "vocabulary": VOCABULARY,
            } | dict(backbone)).items() if value is not ...},
        } | changes  # fmt: skip
        config = {key: value for key, value in config.items() if value is not ...}
        return cls({"fingerprint": forging.model_fingerprint(config, told), **config}, told)

    @property
    def mark(self) -> str:
        return str(self.config["fingerprint"])

    @property
    def files(self) -> Files:
        header, body = forging.described(self.tensors)
        return {CONFIG: as_json(self.config), WEIGHTS: forging.raw(header, body)}


MODEL = Model.of()
MT = language(MODEL.mark, part())
UG = language(MODEL.mark, {"embedding": numbers(20, WIDTH)}, "ug")
NUMBER = task(MODEL.mark, head())


def good() -> dict[str, bytes]:
    """A model with two base languages, two languages and a learnt task."""
    told = {**MODEL.files, **MT.files, **UG.files, **NUMBER.files, INDEX: empty_index(), CARD: b"---\n---\n# Pack\n"}
    return {path: data for path, data in told.items() if data is not None}


def empty_index(**more: Any) -> bytes:
    """An index that knows nothing, so that everything is read from the files themselves."""
    return as_json({"format": forging.PACK, "model": None, "records": []} | more)


def instead(record: Record) -> Files:
    """That record in place of the one version of mt, or of the task."""
    gone: Record = NUMBER if record.path.startswith("tasks/") else MT
    return {**dict.fromkeys(gone.files), **record.files}


def alone(model: Model) -> Files:
    """That model without any records."""
    return {**dict.fromkeys([*MT.files, *UG.files, *NUMBER.files]), **model.files}


def edited(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """JSON with something changed in place."""
    told = json.loads(data)
    change(told)
    return as_json(told)
