"""A MAD-X model on disk: the same again, no backbone in it, and one sentence for whatever does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hyperx_cl.baselines.madx import MadX
from hyperx_cl.baselines.madx_storage import load, load_language, save, save_language
from hyperx_cl.errors import ConflictError, DataError, HyperXError, NotFoundError
from hyperx_cl.model.backbone import Backbone, load_backbone
from tests.baselines.building import build


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> Backbone:
    return load_backbone(str(tiny_backbone))


@pytest.fixture(scope="module")
def model(backbone: Backbone) -> MadX:
    return build(backbone)


def test_a_saved_model_loads_as_it_was(model: MadX, backbone: Backbone, tmp_path: Path) -> None:
    save(model, tmp_path)
    loaded = load(tmp_path, backbone)
    assert (loaded.tasks, loaded.languages()) == (model.tasks, model.languages())
    assert (loaded.language_rank, loaded.task_rank, loaded.training) == (5, 3, False)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    tables = [f"languages/{code}.safetensors" for code in ("en", "mt", "ug")]
    assert files == ["config.json", *tables, "tasks.safetensors"]
    assert not [name for name in load_file(tmp_path / "tasks.safetensors") if "mlm" in name]


def test_one_language_goes_from_a_model_to_another(model: MadX, backbone: Backbone, tmp_path: Path) -> None:
    assert save_language(model, "mt", tmp_path).is_file()
    other = build(backbone, languages=("en",), seed=1)
    load_language(other, "mt", tmp_path)
    assert other.languages() == ["en", "mt"]
    assert torch.equal(other.language("mt").up, model.language("mt").up)


def _rename(folder: Path) -> None:
    (folder / "languages" / "mt.safetensors").replace(folder / "languages" / "en.safetensors")


def _cut(folder: Path) -> None:
    file = folder / "languages" / "mt.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def _flip(folder: Path) -> None:
    file = folder / "tasks.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def _rank(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"language_rank": 6}))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda f: (f / "config.json").unlink(), NotFoundError, "no MAD-X model in .*: it needs config.json"),
        (lambda f: (f / "config.json").write_text("{"), DataError, "not the configuration of a MAD-X model"),
        (lambda f: (f / "config.json").write_text('{"format": "x"}'), DataError, "has format 'x', not hyperx-cl/mad-x"),
        (lambda f: (f / "languages" / "mt.safetensors").unlink(), NotFoundError, "There is no .*mt.safetensors"),
        (_rename, DataError, "holds the adapter of 'mt'"),
        (_cut, DataError, "mt.safetensors is damaged"),
        (_flip, DataError, "tasks.safetensors is damaged"),
        (_rank, DataError, "does not fit this model: its tasks or its rank are others"),
    ],
)
def test_damage_is_one_sentence(
    model: MadX, backbone: Backbone, tmp_path: Path, spoil: Callable[[Path], None], error: type[HyperXError],
    message: str,
) -> None:  # fmt: skip
    save(model, tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=message):
        load(tmp_path, backbone)


def test_another_backbone_is_refused(model: MadX, tiny_xlmr: Path, tmp_path: Path) -> None:
    save(model, tmp_path)
    other = load_backbone(str(tiny_xlmr))
    with pytest.raises(ConflictError, match="was learnt over a backbone with fingerprint"):
        load(tmp_path, other)
    with pytest.raises(ConflictError, match="mt.safetensors was learnt over a backbone"):
        load_language(build(other), "mt", tmp_path)
