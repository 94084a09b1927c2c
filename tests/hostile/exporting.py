"""An exported folder made by hand: what `registry import` is given, with whatever is bad in it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.hostile.forging import Tensors, language_hash, numbers_of, safetensors, sha256, task_hash
from tests.hostile.pack import DEFINITION, POS, PROVENANCE, SHAPE, head, part

MARK, BACKBONE = "a1" * 32, {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
CONFIG: dict[str, Any] = {
    "model": SHAPE, "tasks": [POS], "languages": ["en"], "layers": 3, "hidden": 16, "vocabulary": 200,
    "backbone": "tiny",
}  # fmt: skip


def write(
    folder: Path, tensors: Tensors | None = None, code: str = "mt", *, provenance: Mapping[str, Any] = PROVENANCE,
    task_tensors: Tensors | None = None, definition: Mapping[str, Any] = DEFINITION, identity: Mapping[str, Any] = {},
    **model: Any,
) -> Path:  # fmt: skip
    """Write a model with a language and a learnt task, all of whose hashes are true.

    Args:
        folder: Where to.
        tensors: Of the language.
        code: Of the language.
        provenance: Of both.
        task_tensors: Of the task.
        definition: Of the task.
        identity: Changes of what the language's file says of itself.
        model: Changes of the model's row.
    """
    told, sent = dict(tensors if tensors is not None else part()), dict(task_tensors or head())
    mine, other = language_hash(code, MARK, told), task_hash(MARK, definition, sent)
    said = {"format": "hyperx-cl/language@1", "language": code, "model": MARK, "hash": mine} | dict(identity)
    learnt = {
        "format": "hyperx-cl/task@1",
        "name": definition["name"],
        "model": MARK,
        "definition": definition,
        "hash": other,
    }
    note = _pair(
        folder / "languages",
        mine,
        safetensors(told, said),
        said | {"numbers": numbers_of(told), "provenance": provenance},
    )
    more = _pair(
        folder / "tasks",
        other,
        safetensors(sent, learnt),
        learnt | {"numbers": numbers_of(sent), "provenance": provenance},
    )
    row = {
        "format": "hyperx-cl/model-row@1", "name": "first", "fingerprint": MARK, "path": "/models/first",
        "backbone": BACKBONE,
        "config": CONFIG, "created": "2026-01-01", "default": True, "tasks": {definition["name"]: {"hash": other,
        "note": more}},
        "languages": {code: {"current": 1, "last": 1, "versions": {"1": {"hash": mine, "note": note}}}},
    } | model  # fmt: skip
    seal(folder, row)
    return folder


def seal(folder: Path, row: Mapping[str, Any]) -> None:
    """Write a model's row with its seal."""
    (folder / "models").mkdir(exist_ok=True)
    told = json.dumps(row, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    sealed = {**row, "sha256": hashlib.sha256(told).hexdigest()}
    (folder / "models" / f"{MARK}.json").write_text(json.dumps(sealed), encoding="utf-8")


def changed(folder: Path, kind: str, data: bytes) -> Path:
    """Put other bytes into a record's note or numbers, of which the model's row then tells."""
    (file,) = folder.glob(kind)
    file.write_bytes(data)
    path = folder / "models" / f"{MARK}.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    del row["sha256"]
    for kept in (row["languages"]["mt"]["versions"]["1"], row["tasks"]["number"]):
        note = next(folder.glob(f"*/{kept['hash']}.json"))
        kept["note"] = sha256(note.read_bytes())
    seal(folder, row)
    return folder


def _pair(folder: Path, name: str, numbers: bytes, note: Mapping[str, Any]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(numbers)
    text = json.dumps(note).encode()
    (folder / f"{name}.json").write_bytes(text)
    return sha256(text)
