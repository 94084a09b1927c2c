"""The files of a model are verified without torch, and its base languages read out of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.errors import DataError
from hyperx_cl.share.model_files import base_records, parse_config, read_model
from tests.model.building import build


@pytest.fixture
def saved(tiny_backbone: Path, tmp_path: Path) -> Path:
    """A model with parts for its base languages, saved."""
    build(tiny_backbone, language_part=4).save_pretrained(tmp_path)
    return tmp_path


def test_the_fingerprint_is_the_same_as_torch_s_and_so_are_the_base_languages(saved: Path, tiny_backbone: Path) -> None:
    model = build(tiny_backbone, language_part=4)
    files = read_model(saved / "config.json", saved / "model.safetensors", "it")
    assert files.fingerprint == model.fingerprint()
    assert files.numbers == sum(tensor.numel() for tensor in model.saved_tensors().values())
    assert [record.hash for record in base_records(files, "it")] == [
        model.record(code, {}).hash for code in ("en", "mt", "ug")
    ]


def _changed(told: dict[str, Any], path: str, value: Any) -> bytes:
    place = told = json.loads(json.dumps(told))
    *way, last = path.split(".")
    for key in way:
        place = place[int(key)] if key.isdigit() else place[key]
    place[last] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "path, value",
    [
        ("format", "hyperx-cl/model@9"), ("languages", "en"), ("languages", [1]), ("model.embedding", 0),
        ("model.exec", "x"), ("tasks.0.kind", "code"), ("tasks.0.labels", ["A", "A"]), ("tasks.0.extra", 1),
        ("backbone.id", None), ("backbone.hidden", "wide"), ("fingerprint", 7),
    ],
)  # fmt: skip
def test_a_configuration_of_another_kind_is_refused(saved: Path, path: str, value: object) -> None:
    told = json.loads((saved / "config.json").read_bytes())
    parse_config(json.dumps(told).encode(), "it")
    with pytest.raises(DataError):
        parse_config(_changed(told, path, value), "it")


def test_another_configuration_has_another_fingerprint(saved: Path) -> None:
    told = json.loads((saved / "config.json").read_bytes())
    (saved / "config.json").write_bytes(_changed(told, "model.dropout", True))
    with pytest.raises(DataError, match="fingerprint"):
        read_model(saved / "config.json", saved / "model.safetensors", "it")
