"""A model's row as a file: it comes back as it was, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.errors import DataError
from hyperx_cl.registry.model_file import (
    Exported,
    ExportedLanguage,
    ExportedModel,
    _seal,
    read_model,
    write_model,
)

BACKBONE = {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
ONE = Exported("0a" * 32, "0b" * 32)
MODEL = ExportedModel(
    "first", "a1" * 32, "/models/é", BACKBONE, {"d_p": 32, "rate": 1e-4}, "2026-11-22T14:05:00+00:00", True,
    {"mt": ExportedLanguage(2, 4, {2: ONE, 3: ONE})}, {"number": ONE},
)  # fmt: skip


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    path = write_model(MODEL, tmp_path)
    assert path.name == f"{'a1' * 32}.json"
    assert read_model(path) == MODEL
    assert list(json.loads(path.read_text(encoding="utf-8"))) == [
        "format", "name", "fingerprint", "path", "backbone", "config", "created", "default", "languages", "tasks",
        "sha256",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "other"}, "is damaged or was changed"),
        ({"format": "hyperx-cl/model-row@2"}, "has format 'hyperx-cl/model-row@2', this version reads .*: update"),
        ({"sha256": "0" * 64}, "is damaged or was changed"),
    ],
)
def test_what_was_changed_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write_model(MODEL, tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_model(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"format": 1}', "\x00"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError, match="does not describe a model"):
        read_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5}, {"config": []}, {"default": "yes"}, {"backbone": {"id": 1}}, {"languages": {"mt": 1}},
        {"languages": {"mt": {"current": 9, "last": 4, "versions": {"2": {"hash": "0a" * 32, "note": "0b" * 32}}}}},
        {"languages": {"mt": {"current": 2, "last": 1, "versions": {"2": {"hash": "0a" * 32, "note": "0b" * 32}}}}},
        {"languages": {"mt": {"current": 0, "last": 1, "versions": {}}}},
        {"tasks": {"number": {"hash": "../../etc/passwd", "note": "0b" * 32}}},
    ],
)  # fmt: skip
def test_what_is_sealed_but_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write_model(MODEL, tmp_path)
    told = json.loads(path.read_text(encoding="utf-8")) | change
    told.pop("sha256")
    path.write_text(json.dumps(told | {"sha256": _seal(told)}), encoding="utf-8")
    with pytest.raises(DataError, match="does not fit together .*: export the model again"):
        read_model(path)
