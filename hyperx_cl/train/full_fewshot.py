"""A few labelled sentences that move the hypernetwork too, while a regulariser holds every other pair's adapters.

The output regulariser of von Oswald et al. 2020 (Continual learning with hypernetworks, equation 2): what the
hypernetwork H wrote for a pair j before, it shall write again, ``beta / J * sum_j ||H(e_j; now) - H(e_j; then)||^2``.
Heads and LayerNorms are not generated, so it cannot hold them: the task's head is shared by all of its languages.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from hyperx_cl.config import FewshotOptions, FullOptions
from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import check_labels
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.evaluate.metrics import metric_name
from hyperx_cl.model.hooks import seat_hooks
from hyperx_cl.model.hyperx import HyperX, Output
from hyperx_cl.model.infer import Views
from hyperx_cl.train.labelled_draw import LabelledDraw
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import Proof, Witness, frozen


@dataclass(frozen=True)
class Change:
    """What moving the hypernetwork has done to one score.

    Args:
        before: Score before, 0 to 1.
        after: Score after, 0 to 1.
        sentences: How many it was measured on.
    """

    before: float
    after: float
    sentences: int

    @property
    def difference(self) -> float:
        """After minus before; below 0 it is harm."""
        return self.after - self.before


@dataclass(frozen=True)
class FullLearnt:
    """What a few sentences have made of a model.

    Args:
        model: The new model; the one that it was made from is as it was.
        target: The pair's score on the test sentences; ``None`` without any.
        others: Score of each other language that was measured, in the same task.
        metric: Exact name of all these scores.
        moved: Of each other pair, ``||H(e_j; now) - H(e_j; then)|| / ||H(e_j; then)||``, over all layers.
        loss: Mean loss of the sentences, without the regulariser, over the last epoch, nats a word.
        steps: Optimiser steps.
        digests: SHA-256 of each sentence.
        seconds: How long it took.
        proof: That the model it was made from has not changed.
    """

    model: HyperX
    target: Change | None
    others: dict[str, Change]
    metric: str
    moved: dict[Pair, float]
    loss: float
    steps: int
    digests: list[str]
    seconds: float
    proof: Proof

    @property
    def harm(self) -> float | None:
        """Mean of the other languages' differences, each counting alike; below 0 it is harm. None without any."""
        changes = [change.difference for change in self.others.values()]
        return sum(changes) / len(changes) if changes else None


def full_fewshot(
    model: HyperX, code: str, task: str, sentences: Sequence[Sentence], options: FewshotOptions, full: FullOptions, *,
    test: Sequence[Sentence] | None = None, others: Mapping[str, Sequence[Sentence]] | None = None,
    reporter: Reporter | None = None,
) -> FullLearnt:  # fmt: skip
    """Learn hypernetwork, the task's head and the task's vector from a few labelled sentences, in a copy of the model.

    As in the paper's appendix D there is no decay; there is no warm-up either, which would outlast the sentences. All
    that belongs to a language (vector, part, shift, what its pairs have of their own), the LayerNorms and the other
    tasks' heads and vectors stay frozen.

    The regulariser reads the pairs of every task with every language in use, base and added, but for the one that is
    learnt. All of them in every step would cost more than the sentences, so each step draws `FullOptions.full_pairs` of
    them from the seed, without replacement, and takes their mean: that is the mean over all on average. A pair of the
    task that is learnt is read now under the task's vector of now, for that is what it will run with.

    Args:
        model: With all its languages and learnt tasks attached.
        code: The language.
        task: A task of kind words or spans.
        sentences: What is learnt from.
        options: Of these `clip`, `max_tokens`, `max_length` and `seed`; a batch is a step.
        full: How.
        test: Sentences of the pair to measure before and after on; never learnt from.
        others: Sentences of other languages, in the task, to measure before and after on.
        reporter: Told how it goes.

    Raises:
        NotFoundError: The model lacks a language or the task.
        UsageError: The task has no labels, or the rows are longer than the backbone reads.
        DataError: No sentences, or a label outside the task's set.
    """
    if model.task(task).kind == "mlm":
        raise UsageError("mlm has no labels: use `hyperx-cl add-language` to learn from raw text.")
    model.backbone.expect_room(options.max_length)
    if not sentences:
        raise DataError("There is no labelled sentence to learn from; give at least one.")
    measured = {name: given for name, given in {**(others or {}), code: test or ()}.items() if given}
    check_labels(sentences, model.task(task), "the labelled sentences")
    for name, given in measured.items():
        check_labels(given, model.task(task), f"the sentences of {name} to measure on")
    begin, reporter, pair = time.perf_counter(), reporter or Silent(), Pair(task, code)
    witness, before = Witness(model, None), _scores(model, task, measured, options.max_length)
    learner = _Learner(model, pair, sentences, options, full)
    learner.learn(reporter)
    after, moved = _scores(learner.model, task, measured, options.max_length), learner.moved()
    changes = {name: Change(before[name], after[name], len(measured[name])) for name in before}
    return FullLearnt(
        learner.model, changes.pop(code, None), changes, metric_name(task, model.task(task).kind), moved,
        learner.loss, learner.schedule.steps, [sentence.digest for sentence in sentences],
        round(time.perf_counter() - begin, 1), witness.compare(),
    )  # fmt: skip


def other_pairs(model: HyperX, pair: Pair) -> list[Pair]:
    """The J pairs whose adapters the regulariser holds: every task in every language in use, but for `pair`."""
    return [other for name in model.tasks for code in model.languages() if (other := Pair(name, code)) != pair]


def squared_distances(now: HyperX, then: HyperX, pairs: Sequence[Pair]) -> Tensor:
    """``||H(e_j; now) - H(e_j; then)||^2`` of each pair over the adapters of all layers, ``(len(pairs),)``."""
    with torch.no_grad():
        targets = _written(then, pairs)
    written = zip(_written(now, pairs), targets, strict=True)
    return torch.stack([
        torch.stack([(one - other).square().sum() for one, other in zip(new, old, strict=True)]).sum()
        for new, old in written
    ])  # fmt: skip


class _Learner:
    """Learns one pair in a copy of a model."""

    def __init__(
        self, model: HyperX, pair: Pair, sentences: Sequence[Sentence], options: FewshotOptions, full: FullOptions
    ) -> None:
        self.then, self.model, self.pair, self.options, self.full = model, _copied(model), pair, options, full
        self.others = other_pairs(model, pair)
        encoder = Encoder(model.tokenizer_for(pair.language), max_length=options.max_length)
        windows = encoder.words(sentences, model.task(pair.task).label_ids)
        self._draw = LabelledDraw(
            pair, windows, pad_id=model.tokenizer.pad_token_id, max_tokens=options.max_tokens, seed=options.seed,
            device=model.device,
        )  # fmt: skip
        self.schedule = Schedule(full.full_epochs * self._draw.epoch, final=1.0)
        self._fits: list[float] = []

    @property
    def loss(self) -> float:
        """Mean loss of the sentences over the last epoch."""
        return float(np.mean(self._fits[-self._draw.epoch :]))

    def learn(self, reporter: Reporter) -> None:
        """Learn, telling how many epochs are done and the loss on the sentences alone."""
        regularised = _Regularised(self.model, self.then, self.others, self.full, self.options.seed)
        with frozen(self.model, seed=self.options.seed):
            moving = _moving(self.model, self.pair.task)
            for parameter in moving:
                parameter.requires_grad_(True)
            groups = [Group(moving, self.full.full_rate)]
            for step in Loop(regularised, groups, self._draw, self.schedule, clip=self.options.clip):
                self._fits.append(regularised.fit)
                reporter.step(step.number // self._draw.epoch, f"loss {regularised.fit:.4f}")

    def moved(self) -> dict[Pair, float]:
        """How far the adapters of each other pair have moved, as a share of their length."""
        found = {}
        with torch.no_grad():
            for pair in self.others:  # one by one: the adapters of a pair are as large as those of a model
                distance = float(squared_distances(self.model, self.then, [pair]).sqrt())
                length = sum(float(values.square().sum()) for values in _written(self.then, [pair])[0]) ** 0.5
                found[pair] = distance / length if length else float(distance > 0)
        return found


class _Regularised(nn.Module):
    """A model whose loss is that of the sentences and the regulariser's.

    Args:
        model: What learns.
        then: The model as it was.
        pairs: All J whose adapters are held.
        full: Weight, and how many pairs a step reads.
        seed: Of the draw of these.
    """

    def __init__(self, model: HyperX, then: HyperX, pairs: Sequence[Pair], full: FullOptions, seed: int) -> None:
        super().__init__()
        self.model, self._pairs, self._full = model, pairs, full
        self._then = [then]  # in a list, so that its tensors are no part of this module
        self._draw = np.random.default_rng([seed, len(pairs)])
        self.fit = 0.0

    def forward(self, batch: Batch) -> Output:
        """Run a batch; the loss is both together."""
        out: Output = self.model(batch)
        assert out.loss is not None
        self.fit, loss = float(out.loss.detach()), out.loss
        if self._pairs and self._full.full_weight:
            count = min(self._full.full_pairs, len(self._pairs))
            drawn = [self._pairs[i] for i in self._draw.choice(len(self._pairs), count, replace=False)]
            loss = loss + self._full.full_weight * squared_distances(self.model, self._then[0], drawn).mean()
        return Output(loss, out.logits)


def _copied(model: HyperX) -> HyperX:
    """A model of the same numbers over the same backbone, with the same languages and tasks."""
    shared = (model.backbone, model.tokenizer)
    copied = copy.deepcopy(model, {id(part): part for part in shared})
    seat_hooks(copied)
    return copied


def _moving(model: HyperX, task: str) -> list[nn.Parameter]:
    """What moves: the hypernetwork with its layer embeddings, the task's vector and its head."""
    head = model.added_tasks[task].head if task in model.added_tasks else model.heads[task]
    return [*model.hypernetwork.parameters(), cast(nn.Parameter, model.task_embedding(task)), *head.parameters()]


def _written(model: HyperX, pairs: Sequence[Pair]) -> list[list[Tensor]]:
    """All tensors that the hypernetwork writes for each pair, in fp32."""
    tasks = torch.stack([model.task_embedding(pair.task) for pair in pairs])
    languages = torch.stack([model.language(pair.language).embedding(pair.task) for pair in pairs])
    adapters = model.hypernetwork(tasks, languages)
    return [[values for layer in layers for values in layer if values is not None] for layers in adapters]


def _scores(model: HyperX, task: str, measured: Mapping[str, Sequence[Sentence]], max_length: int) -> dict[str, float]:
    """Score of each language that has sentences."""
    encoders = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=max_length))
    return {
        code: labelled_counts(model, Pair(task, code), given, encoders[code].words(given, None)).value
        for code, given in measured.items()
    }
