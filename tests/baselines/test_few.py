"""A few sentences for a baseline: they are learnt, what must stay stays, and what is wrong is told."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hyperx_cl.baselines.few import FULL_RATE, MADX_RATE, learn_few
from hyperx_cl.baselines.full import Full
from hyperx_cl.baselines.madx import MadX
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from tests.baselines import building
from tests.baselines.test_full import build as build_full
from tests.train.small_text import tagged

PAIR = Pair("pos", "mt")


def made(kind: str, backbone: Path) -> MadX | Full:
    """A model of either kind."""
    return building.build(backbone) if kind == "madx" else build_full(backbone)


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """All of it, as it is now."""
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(("kind", "rate"), [("madx", 1e-2), ("full", 2e-3)])
def test_the_sentences_are_learnt_and_nothing_else_moves(kind: str, rate: float, tiny_backbone: Path) -> None:
    model, sentences = made(kind, tiny_backbone), tagged(8)
    like: Any = model
    encoded = Encoder(model.tokenizer, max_length=24).words(sentences, None)
    before, start = tensors(model), labelled_counts(like, PAIR, sentences, encoded).value
    few = learn_few(model, PAIR, sentences, epochs=30, rate=rate, max_length=24)
    assert labelled_counts(like, PAIR, sentences, encoded).value > max(0.9, start)
    moved = {name for name, value in tensors(model).items() if not torch.equal(value, before[name])}
    own = ("task_adapters.pos.", "heads.pos.") if kind == "madx" else ("encoder.", "heads.pos.")
    wanted = {name for name, _ in model.named_parameters() if name.startswith(own) and "pooler" not in name}
    assert moved == wanted
    assert few.numbers == sum(before[name].numel() for name in wanted)
    assert few.steps == 30 and few.tokens > 30 * 8 and not model.training  # one batch holds them all


def test_the_same_seed_ends_alike_and_another_does_not(tiny_backbone: Path) -> None:
    ends = []
    for seed in (1, 1, 2):
        model = made("full", tiny_backbone)
        learn_few(model, PAIR, tagged(4), epochs=2, seed=seed, max_tokens=64, max_length=24)
        ends.append(model.state_dict()["heads.pos.weight"].clone())
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])


def test_the_rates_are_the_paper_s() -> None:
    assert (MADX_RATE, FULL_RATE) == (1e-4, 1e-5)


@pytest.mark.parametrize(
    ("pair", "sentences", "epochs", "error", "said"),
    [
        (Pair("mlm", "mt"), tagged(2), 1, UsageError, "give a task with labels"),
        (PAIR, tagged(2), 0, UsageError, "give a task with labels, and an epoch"),
        (PAIR, [], 1, DataError, "no sentence of pos in 'mt'"),
        (PAIR, [Sentence(("a",), ("NOPE",))], 1, DataError, "NOPE"),
        (Pair("pos", "yo"), tagged(2), 1, NotFoundError, "no language 'yo'"),
    ],
)
def test_what_cannot_be_learnt_is_refused(
    pair: Pair, sentences: list[Sentence], epochs: int, error: type[Exception], said: str, tiny_backbone: Path
) -> None:
    with pytest.raises(error, match=said):
        learn_few(made("madx", tiny_backbone), pair, sentences, epochs=epochs, max_length=24)
