"""A new task: its vector and head are learnt on labelled sentences; hypernetwork, heads and languages stay."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperx_cl.config import AddTaskOptions
from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, DataError, UsageError, did_you_mean
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.evaluate.metrics import metric_name
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views
from hyperx_cl.task_record import TaskRecord, expect_task_name
from hyperx_cl.train.checkpoint import (
    checkpoint_exists,
    load_checkpoint,
    naming_checkpoint,
    same_run,
    save_checkpoint,
    told_of,
    under,
)
from hyperx_cl.train.corpora import draw_some
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.memory import Memory
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import Proof, Witness, frozen
from hyperx_cl.train.stopping import Stopping
from hyperx_cl.train.task_data import Labelled, complete

BEST, MEAN = "best", "mean"


@dataclass(frozen=True)
class AddedTask:
    """The end of learning a task.

    Args:
        record: Vector and head of the best look.
        scores: Score of each language with dev sentences at that look, 0 to 1; the look was chosen by their mean.
        metric: Its exact name.
        start: Where the vector started: ``mean``, or a task's name.
        screened: Mean dev score of each start under a head that was learnt for a few steps; empty where none was tried.
        steps: Optimiser steps taken.
        tokens: Real tokens read, those of the screening included.
        seconds: Seconds over all sittings.
        proof: That nothing else has changed.
    """

    record: TaskRecord
    scores: dict[str, float]
    metric: str
    start: str
    screened: dict[str, float]
    steps: int
    tokens: int
    seconds: float
    proof: Proof


def add_task(
    model: HyperX, task: Task, data: Mapping[str, Labelled], options: AddTaskOptions, *, checkpoint: Path | None = None,
    resume: bool = False, provenance: Mapping[str, Any] | None = None, reporter: Reporter | None = None,
) -> AddedTask:  # fmt: skip
    """Learn a task's vector and head; the paper leaves this to future work.

    The vector starts from another task's, or from the mean of them all: under each of these, a head alone is learnt
    for a few steps, and the one with the best mean dev score begins, with a head drawn anew. The best look at the dev
    sentences stays. The model has the task afterwards.

    Args:
        model: With the languages attached.
        task: What is to be learnt; without labels it gets those of the training sentences.
        data: Labelled sentences by language.
        options: How.
        checkpoint: Folder to keep a checkpoint in, or none. It stays until `remove_checkpoint`, so that nothing is
            lost before the record is stored.
        resume: Go on from that checkpoint, if there is one.
        provenance: Facts to keep in the record.
        reporter: Told how it goes.

    Raises:
        ConflictError: The model has a task of that name, there is a checkpoint and `resume` was not asked for, or it
            belongs to another task, data, model or set of options.
        DataError: A language without labelled words, a single label, or no dev sentences at all.
        NotFoundError: The model lacks one of the languages.
        UsageError: The name cannot be one, the start is unknown, or the rows are longer than the backbone reads.
    """
    _expect_possible(model, task, data, options)
    task = complete(task, data)
    if checkpoint and not resume and checkpoint_exists(checkpoint):
        raise ConflictError(
            f"An interrupted run of task '{task.name}' has left a checkpoint; go on with --resume, or remove "
            f"{checkpoint}."
        )
    witness = Witness(model, None)
    try:
        with frozen(model, seed=options.seed):
            learner = _Learner(model, task, data, options, checkpoint, reporter or Silent())
            learner.run(resume=resume)
        seconds, metric = round(learner.seconds, 1), metric_name(task.name, task.kind)
        facts = _facts(learner, data, metric, seconds) | dict(provenance or {})
        return AddedTask(
            model.record_task(task.name, facts), learner.best_scores, metric, learner.start, learner.screened,
            learner.loop.number, learner.tokens, seconds, witness.compare(),
        )  # fmt: skip
    except BaseException:
        if task.name in model.added_tasks:
            model.forget_task(task.name)
        raise


class _Learner:
    """One task's learning: a start, then steps with looks at the dev sentences."""

    def __init__(
        self, model: HyperX, task: Task, data: Mapping[str, Labelled], options: AddTaskOptions,
        checkpoint: Path | None, reporter: Reporter,
    ) -> None:  # fmt: skip
        self.began, self.earlier = time.perf_counter(), 0.0
        self.model, self.task, self.options = model, task, options
        self.checkpoint, self.reporter = checkpoint, reporter
        self.memory = Memory.of(options, reporter)
        self.train, self.dev = _encoded(model, task, data, options)
        if not self.dev:
            raise DataError(
                f"There are no dev sentences to choose by: give some of one language at least, or 200 training "
                f"sentences of {task.name}, of which a tenth is then held out."
            )
        self.configuration: dict[str, Any] = {
            "task": asdict(task) | {"labels": list(task.labels), "label_map": dict(task.label_map)},
            "model": model.fingerprint(),
            "data": {code: [content_hash(d.train), content_hash(d.dev)] for code, d in sorted(data.items())},
            "options": asdict(options),
        }  # fmt: skip
        self.learnt = model.new_task(task, torch.zeros(model.options.embedding))
        self.first_head = copy.deepcopy(self.learnt.head.state_dict())
        self.start, self.screened, self.screen_tokens = "", dict[str, float](), 0
        self.looks: list[tuple[int, float]] = []
        self.idle = 0
        self.best_scores: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Seconds so far, those of earlier sittings included."""
        return self.earlier + time.perf_counter() - self.began

    @property
    def tokens(self) -> int:
        """Real tokens read so far."""
        return self.loop.tokens + self.screen_tokens

    def run(self, *, resume: bool) -> None:
        """Learn until the steps are taken or the dev sentences gain no more; the best look stays."""
        if resume and self.checkpoint is not None and checkpoint_exists(self.checkpoint):
            self._restore(self.checkpoint)
        else:
            self._begin(self._vector())
            self.best = copy.deepcopy(self.learnt.state_dict())
        with naming_checkpoint(self.checkpoint), Stopping(self._save) as stopping:
            while self.idle < self.options.patience and self.loop.number < self.options.steps:
                self._until_look(stopping)
        self.learnt.load_state_dict(self.best)
        self.learnt.requires_grad_(True)

    def _vector(self) -> Tensor:
        """The vector to start from, ``(d,)``."""
        starts = _starts(self.model, self.task.name)
        wanted = self.options.start
        if wanted != BEST:
            self.start = wanted
            return starts[wanted]
        for name, vector in starts.items():
            self.screened[name] = round(self._screen(vector), 6)
        self.start = max(self.screened, key=lambda name: self.screened[name])  # the first of equals: the mean
        said = ", ".join(f"{name} {100 * score:.2f}" for name, score in self.screened.items())
        self.reporter.say(f"starts by dev score after {self.options.screen_steps} steps of a head alone: {said}")
        return starts[self.start]

    def _screen(self, vector: Tensor) -> float:
        self._place(vector, learns=False)
        o = self.options
        groups, schedule = [Group(list(self.learnt.head.parameters()), o.rate)], Schedule(o.screen_steps, 0, 1.0)
        loop = Loop(
            self.model,
            groups,
            self._drawer(self._sampler()),
            schedule,
            clip=o.clip,
            memory=self.memory,
        )
        for _ in loop:
            pass
        self.screen_tokens += loop.tokens
        return _mean(self._scores())

    def _begin(self, vector: Tensor) -> None:
        o = self.options
        self._place(vector, learns=o.vector)
        self.sampler = self._sampler()
        groups = [Group(list(self.learnt.head.parameters()), o.rate)]
        if o.vector:
            groups.append(Group([self.learnt.embedding], o.rate_embedding))
        schedule = Schedule(o.steps, min(o.warmup, o.steps - 1), o.final_rate)
        draw = self._drawer(self.sampler)
        self.loop = Loop(self.model, groups, draw, schedule, clip=o.clip, memory=self.memory)

    def _place(self, vector: Tensor, *, learns: bool) -> None:
        """Put a vector beside the head as it was drawn."""
        self.learnt.load_state_dict({"embedding": vector, **{f"head.{name}": t for name, t in self.first_head.items()}})
        self.learnt.embedding.requires_grad_(learns)

    def _sampler(self) -> PairSampler:
        lengths = {pair: [len(window) for window in windows] for pair, windows in self.train.items()}
        o = self.options
        return PairSampler(lengths, max_tokens=o.tokens, seed=o.seed, temperature=o.temperature)

    def _drawer(self, sampler: PairSampler) -> Callable[[], Batch]:
        def draw() -> Batch:
            pair, indices = next(sampler)
            windows = [self.train[pair][i] for i in indices]
            return collate(windows, pair, pad_id=self.model.tokenizer.pad_token_id).to(self.model.device)

        return draw

    def _until_look(self, stopping: Stopping) -> None:
        before = self.loop.tokens
        for step in self.loop:
            if step.number % self.options.check_every and step.number != self.options.steps:
                stopping.check()
                continue
            scores = self._scores()
            self._look(step.number, scores)
            rate = (step.tokens - before) / max(step.seconds, 1e-9)
            told = f"dev {100 * _mean(scores):.2f} (best {100 * _mean(self.best_scores):.2f}) · {rate:.0f} tokens/s"
            self.reporter.say(f"step {step.number}: loss {step.loss:.3f}, {told}")
            self.reporter.step(step.number, told)
            self._save()
            return

    def _look(self, step: int, scores: dict[str, float]) -> None:
        mean = _mean(scores)
        if mean > max((seen for _, seen in self.looks), default=-1.0):
            self.best, self.best_scores, self.idle = copy.deepcopy(self.learnt.state_dict()), scores, 0
        else:
            self.idle += 1
        self.looks.append((step, mean))

    def _scores(self) -> dict[str, float]:
        return {
            pair.language: labelled_counts(self.model, pair, sentences, windows).value
            for pair, (sentences, windows) in self.dev.items()
        }

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "configuration": self.configuration, "start": self.start, "screened": self.screened,
            "screen_tokens": self.screen_tokens, "looks": self.looks, "idle": self.idle,
            "best_scores": self.best_scores, "sampler": self.sampler.state_dict(), "seconds": self.seconds,
        }  # fmt: skip
        kept = {"learnt": self.learnt.state_dict(), "best": self.best}
        tensors = {f"{part}/{name}": value for part, own in kept.items() for name, value in own.items()}
        save_checkpoint(self.checkpoint, self.loop, tensors, state)

    def _restore(self, folder: Path) -> None:
        if not same_run(folder, self.configuration):
            raise ConflictError(
                f"The checkpoint in {folder} was made with another task, data, model or other options; resume with "
                "the same ones, or remove it."
            )
        self._begin(torch.zeros(self.model.options.embedding))
        tensors, state = load_checkpoint(folder, self.loop)
        self.learnt.load_state_dict(under(tensors, "learnt"))
        self.best = under(tensors, "best")
        self.start, self.screened, self.screen_tokens = state["start"], state["screened"], state["screen_tokens"]
        self.looks, self.idle = [(step, mean) for step, mean in state["looks"]], state["idle"]
        self.best_scores, self.earlier = state["best_scores"], float(state["seconds"])
        self.sampler.load_state_dict(state["sampler"])
        self.reporter.say(told_of(state))


def _expect_possible(model: HyperX, task: Task, data: Mapping[str, Labelled], options: AddTaskOptions) -> None:
    expect_task_name(task.name)
    if task.name in model.tasks:
        raise ConflictError(f"The model has a task '{task.name}' already; choose another name.")
    if not data:
        raise UsageError(f"Give labelled sentences of at least one language to learn {task.name} from.")
    for code in data:
        model.language(code)
    starts = (BEST, MEAN, *model.tasks)
    if options.start not in starts:
        raise UsageError(
            f"start '{options.start}' is neither best, mean nor a task of the model"
            f"{did_you_mean(options.start, starts)}; its tasks are {', '.join(model.tasks)}."
        )
    model.backbone.expect_room(options.max_length)


def _starts(model: HyperX, name: str) -> dict[str, Tensor]:
    """The mean of the other tasks' vectors, and each of them, ``(d,)``."""
    others = {other: model.task_embedding(other).detach().clone() for other in model.tasks if other != name}
    return {MEAN: torch.stack([*others.values()]).mean(0), **others}


def _encoded(
    model: HyperX, task: Task, data: Mapping[str, Labelled], options: AddTaskOptions
) -> tuple[dict[Pair, list[Encoded]], dict[Pair, tuple[list[Sentence], list[Encoded]]]]:
    """Windows to learn on, and dev sentences with theirs, each read as its language is read."""
    encoders = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=options.max_length))
    train, dev = {}, {}
    for code, labelled in sorted(data.items()):
        pair, encoder = Pair(task.name, code), encoders[code]
        chosen = draw_some(labelled.train, options.max_sentences, options.seed)
        train[pair] = encoder.words(chosen, task.label_ids)
        if labelled.dev:
            held = draw_some(labelled.dev, options.validation_sentences, options.seed)
            dev[pair] = held, encoder.words(held, None)
    return train, dev


def _mean(scores: Mapping[str, float]) -> float:
    return sum(scores.values()) / len(scores)


def _facts(learner: _Learner, data: Mapping[str, Labelled], metric: str, seconds: float) -> dict[str, Any]:
    return {
        "method": "task", "learnt": ["vector", "head"] if learner.options.vector else ["head"],
        "seed": learner.options.seed, "steps": learner.loop.number, "tokens": learner.tokens, "seconds": seconds,
        "start": learner.start, "screened": learner.screened, "metric": metric, "scores": learner.best_scores,
        "dev_scores": [[step, round(mean, 6)] for step, mean in learner.looks], "options": asdict(learner.options),
        "languages": {
            code: {"train": train, "train_sentences": len(data[code].train), "dev": dev,
                   "dev_sentences": len(data[code].dev)}
            for code, (train, dev) in learner.configuration["data"].items()
        },
    }  # fmt: skip
