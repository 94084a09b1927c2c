"""Speed: a measured peak that is a rate, and a count of operations that agrees with torch's own."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hyperx_cl.train.throughput import Speed, known_peak, matrix_peak, operations_per_token
from tests.model.building import batch, build


def test_the_peak_is_measured_and_leaves_the_random_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.randn(4)
    torch.manual_seed(7)
    assert matrix_peak(torch.device("cpu"), torch.float32, seconds=0.01) > 1e8
    assert torch.equal(torch.randn(4), expected)


def test_the_peak_is_measured_once() -> None:
    one, other = (known_peak(torch.device("cpu"), torch.float32) for _ in range(2))
    assert one == other > 1e8


def test_speed_in_words() -> None:
    assert str(Speed(5120.4, 0.314)) == "5120 tokens/s · 31% of peak"


@pytest.mark.parametrize("task", ["pos", "mlm"])
def test_operations_are_about_those_that_torch_counts(tiny_backbone: Path, task: str) -> None:
    model = build(tiny_backbone, bottleneck=64)
    given = batch(model, task, "mt", rows=1)
    with FlopCounterMode(display=False) as counter:
        loss = model(given).loss
        assert loss is not None
        loss.backward()
    masked = int(given.wanted.sum()) / given.tokens if task == "mlm" else 0.0
    ours = operations_per_token(model, length=given.tokens, masked=masked) * given.tokens
    # What the hypernetwork itself costs is left out: it is shared by all tokens of a batch.
    hypernetwork = (
        6
        * model.shape.layers
        * sum(p.numel() for p in (model.hypernetwork.generator.weight, *model.hypernetwork.projector.parameters()))
    )
    assert ours == pytest.approx(counter.get_total_flops() - hypernetwork, rel=0.15)
