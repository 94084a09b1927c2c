"""A few labelled sentences for a baseline: MAD-X moves the task's adapter and head, full fine-tuning all there is.

The recipe is the paper's own (appendix D): 50 passes over the sentences, in batches of about 32, at the task's rate and
without decay, from the model that the zero-shot scores are of. Nothing is held out, so nothing is chosen.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from hyperx_cl.baselines.full import Full
from hyperx_cl.baselines.madx import MadX
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import check_labels
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.train.labelled_draw import LabelledDraw
from hyperx_cl.train.loop import Group, Loop, Schedule, make_accelerator
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import frozen

MADX_RATE, FULL_RATE = 1e-4, 1e-5
"""The paper's learning rates of MAD-X's task adapters and of fine-tuned mBERT (section 4.3)."""


@dataclass(frozen=True)
class Few:
    """How it went.

    Args:
        steps: Optimiser steps taken.
        tokens: Real tokens read.
        seconds: Wall-clock seconds.
        numbers: Numbers that moved.
    """

    steps: int
    tokens: int
    seconds: float
    numbers: int


def learn_few(
    model: MadX | Full, pair: Pair, sentences: Sequence[Sentence], *, epochs: int = 50, rate: float | None = None,
    max_tokens: int = 1600, max_length: int = 128, seed: int = 1, reporter: Reporter | None = None,
) -> Few:  # fmt: skip
    """Learn on from a few sentences of one pair. What moves serves every language: load a model for this alone.

    Args:
        model: Learnt on the sources; MAD-X with the language's adapter, which stays.
        pair: Task and language.
        sentences: With labels.
        epochs: Passes over them.
        rate: Learning rate, the same at every step; by default `MADX_RATE` or `FULL_RATE`.
        max_tokens: Rows times longest row of a batch.
        max_length: Pieces in a row.
        seed: Of order and dropout.
        reporter: Told how it goes.

    Raises:
        DataError: There is no sentence, or one has a label outside the task's set.
        NotFoundError: The model lacks the task or the language.
        UsageError: The task has no labels, or options are out of range.
    """
    begin, task = time.perf_counter(), model.task(pair.task)
    if task.kind == "mlm" or epochs < 1:
        raise UsageError(f"{pair.task} in {epochs} epochs is nothing to learn: give a task with labels, and an epoch.")
    if not sentences:
        raise DataError(f"There is no sentence of {pair.task} in '{pair.language}' to learn from; give at least one.")
    check_labels(sentences, task, "the labelled sentences")
    model.backbone.expect_room(max_length)
    moving = _moving(model, pair)
    encoded = Encoder(model.tokenizer, max_length=max_length).words(sentences, task.label_ids)
    draw = LabelledDraw(
        pair, encoded, pad_id=int(model.tokenizer.pad_token_id), max_tokens=max_tokens, seed=seed, device=model.device
    )
    steps = epochs * draw.epoch
    rate = rate or (MADX_RATE if isinstance(model, MadX) else FULL_RATE)
    reporter, like = reporter or Silent(), cast(Any, model)  # it is put into training and back as a HyperX is
    with frozen(like, seed=seed):
        for parameter in moving:
            parameter.requires_grad_(True)
        accelerator = make_accelerator(cpu=model.device.type == "cpu")
        loop = Loop(model, [Group(moving, rate)], draw, Schedule(steps, final=1.0), accelerator=accelerator)
        for step in loop:
            reporter.step(step.number, f"{pair.task} {pair.language} loss {step.loss:.3f}")
    numbers = sum(parameter.numel() for parameter in moving)
    return Few(loop.number, loop.tokens, round(time.perf_counter() - begin, 1), numbers)


def _moving(model: MadX | Full, pair: Pair) -> list[nn.Parameter]:
    if isinstance(model, Full):
        kept = model.saved_tensors()
        others = tuple(f"heads.{name}." for name in model.tasks if name != pair.task)
        return [p for name, p in model.named_parameters() if name in kept and not name.startswith(others)]
    model.language(pair.language)
    return [*model.task_adapters[pair.task].parameters(), *model.heads[pair.task].parameters()]
