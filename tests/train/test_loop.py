"""The loop: schedule, accumulation, what moves, and a loss that is not a number."""

from pathlib import Path

import pytest
import torch

from hyperx_cl.config import TrainOptions
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Group, Loop, Schedule, make_accelerator
from tests.model.building import batch, build


def test_rates_rise_and_fall() -> None:
    schedule = Schedule(steps=10, warmup=4, final=0.25)
    factors = [schedule.factor(step) for step in range(10)]
    assert factors[:4] == pytest.approx([0.25, 0.5 * 0.9, 0.75 * 0.8, 0.7])
    assert factors[4:] == pytest.approx([0.6, 0.5, 0.4, 0.3, 0.25, 0.25])
    assert Schedule(steps=4).factor(0) == 1.0


def test_every_group_has_its_rate_at_every_step(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    given, schedule = batch(model, "pos", "mt"), Schedule(4, warmup=2)
    loop = Loop(model, groups(model, TrainOptions()), lambda: given, schedule, accelerator=make_accelerator(cpu=True))
    for step in loop:
        factor = schedule.factor(step.number - 1)
        rates = [group["lr"] for group in loop.optimiser.param_groups]
        assert rates == pytest.approx([group.rate * factor for group in loop.groups])
    assert (loop.number, loop.tokens) == (4, 4 * given.tokens)
    assert list(loop) == []


def test_accumulation_is_the_mean_of_its_micro_batches(tiny_backbone: Path) -> None:
    tensors = []
    for accumulation in (1, 2):
        model = build(tiny_backbone)
        stream = [batch(model, "mlm", "mt")] * accumulation
        loop = Loop(
            model, groups(model, TrainOptions()), iter(stream).__next__, Schedule(1), accumulation=accumulation,
            accelerator=make_accelerator(cpu=True),
        )  # fmt: skip
        (step,) = loop
        assert step.tokens == accumulation * stream[0].tokens and step.task == "mlm"
        tensors.append(model.saved_tensors() | {"loss": torch.tensor(step.loss)})
    for name, value in tensors[0].items():
        torch.testing.assert_close(tensors[1][name], value, rtol=0, atol=1e-5)


def test_only_what_is_in_a_group_moves(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    before = {name: value.clone() for name, value in model.saved_tensors().items()}
    given = batch(model, "mlm", "mt")
    vector = model.language("mt").own.embedding
    loop = Loop(
        model,
        [Group([vector], 1e-2), Group([], 1.0)],
        lambda: given,
        Schedule(2),
        accelerator=make_accelerator(cpu=True),
    )
    assert len(loop.groups) == 1 and len(list(loop)) == 2
    moved = [name for name, value in model.saved_tensors().items() if not torch.equal(value, before[name])]
    assert moved == ["base.mt.own.embedding"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_spoils_nothing(tiny_backbone: Path, value: float) -> None:
    model = build(tiny_backbone)
    given = batch(model, "pos", "mt")
    with torch.no_grad():
        model.get_parameter("heads.pos.bias")[0] = value
    before = {name: tensor.clone() for name, tensor in model.saved_tensors().items()}
    loop = Loop(
        model, groups(model, TrainOptions()), lambda: given, Schedule(2), accelerator=make_accelerator(cpu=True)
    )
    message = (
        r"^The loss is not a number at step 1 \(pos in mt; sentences 1, 2 of what is learnt on\): lower --rate, or use "
        r"--precision fp32\.$"
    )
    with pytest.raises(HyperXError, match=message):
        list(loop)
    assert loop.number == 0
    for name, tensor in model.saved_tensors().items():
        assert torch.equal(tensor.nan_to_num(), before[name].nan_to_num()), name
