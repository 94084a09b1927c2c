"""What is told of a backbone without its weights is what a model that is really built of it has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.config import ModelOptions
from hyperx_cl.errors import HyperXError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.planned import Planned, planned
from tests.backbone_types import EVERY, site_of


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", *EVERY])
def test_the_numbers_are_those_of_the_model(
    kind: str, typed_backbone: Callable[[str], Path], tiny_backbone: Path, tiny_xlmr: Path, tmp_path: Path
) -> None:
    folder = {"bert": tiny_backbone, "xlm-roberta": tiny_xlmr}.get(kind) or typed_backbone(kind)
    site = site_of(kind)
    model = HyperX(load_backbone(str(folder), adapter_site=site), ModelOptions(adapter_site=site), [], ["en"])
    numbers = sum(value.numel() for value in model.norms.parameters())
    shutil.copy(folder / "config.json", tmp_path)  # no weights, no tokenizer
    told = planned(str(tmp_path), adapter_site=site)
    assert told == Planned(model.shape.layers, model.shape.hidden, numbers)
    assert numbers > 0


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (None, "it needs config.json"),
        ("{", "cannot be read"),
        ('{"model_type": "gpt2"}', "is a decoder"),
        ('{"model_type": "no such"}', "which transformers does not know"),
    ],
)
def test_what_cannot_be_a_backbone_is_refused(config: str | None, sentence: str, tmp_path: Path) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
        (tmp_path / "model.safetensors").touch()  # is not read
    with pytest.raises(HyperXError, match=sentence):
        planned(str(tmp_path))
