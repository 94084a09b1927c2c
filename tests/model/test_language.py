"""What belongs to one language: a part acts in the lowest layers that it has, and nowhere else."""

from pathlib import Path

import pytest
import torch

from hyperx_cl.errors import DataError
from hyperx_cl.model.adapter import Part
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Language
from tests.model.building import batch, build


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    return build(tiny_backbone)


def stirred(layers: int) -> Part:
    part = Part(layers, 32, 4)
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.normal_(std=0.3)
    return part


def test_a_part_of_the_lower_layers_is_a_whole_part_with_nothing_above(model: HyperX) -> None:
    lower, whole = stirred(2), Part(3, 32, 4)
    for name, values in lower.state_dict().items():
        getattr(whole, name).data[:2] = values
    seen, logits = batch(model, "pos", "mt"), []
    for part in (None, lower, whole):
        model.new_language("mt", model.base["mt"].own.embedding).own.part = part
        logits.append(model(seen).logits[0])
    without, short, full = logits
    torch.testing.assert_close(short, full)  # products of other widths round otherwise on some processors
    assert not torch.allclose(short, without, atol=1e-3)


def test_a_part_of_the_lower_layers_comes_back_from_its_record(model: HyperX) -> None:
    model.new_language("qaa", torch.ones(8)).own.part = stirred(2)
    record = model.record("qaa", {})
    assert record.tensors["part.down"].shape == (2, 4, 32) and record.numbers == 8 + 2 * (2 * 4 * 32 + 4)
    there = Language.from_record(record).own.part
    assert there is not None and there.down.shape == (2, 4, 32)
    model.attach(record)
    assert model.record("qaa", {}).hash == record.hash


def test_a_part_of_more_layers_than_the_backbone_is_refused(model: HyperX) -> None:
    model.new_language("qaa", torch.ones(8)).own.part = stirred(4)
    with pytest.raises(DataError, match=r"does not fit this model: part.down has shape \(4, 4, 32\)"):
        model.attach(model.record("qaa", {}))
