"""A course of learning for baselines: steps, looks at held-out data, the best look stays, resumable at every look."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.train.checkpoint import checkpoint_exists, load_checkpoint, read_state, save_checkpoint
from hyperx_cl.train.loop import Group, Loop, Schedule, make_accelerator
from hyperx_cl.train.progress import Reporter


@dataclass(frozen=True)
class Course:
    """How long, how fast, and what is kept.

    Args:
        steps: Most optimiser steps.
        rate: Peak learning rate; it falls to 0 at the last step.
        warmup: Steps of linear warm-up.
        check_every: Steps between two looks.
        patience: Looks without gain before stopping (0: take all steps).
        checkpoint: Folder to keep a checkpoint in at every look, or none.
        resume: Go on from that checkpoint, if there is one.
        reporter: Told how it goes.

    Raises:
        UsageError: A number out of range.
    """

    steps: int
    rate: float
    warmup: int
    check_every: int
    patience: int
    checkpoint: Path | None
    resume: bool
    reporter: Reporter

    def __post_init__(self) -> None:
        """Refuse what is no way to learn."""
        if min(self.steps, self.check_every) < 1 or min(self.warmup, self.patience) < 0 or self.rate <= 0:
            raise UsageError(
                f"steps {self.steps}, check_every {self.check_every}, warmup {self.warmup}, patience {self.patience} "
                f"and rate {self.rate:g} are out of range: steps, check_every and rate must be above 0, "
                "the others at least 0."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the numbers that come out."""
        return {name: getattr(self, name) for name in ("steps", "rate", "warmup", "check_every", "patience")}


@dataclass(frozen=True)
class Learnt:
    """How a course went.

    Args:
        steps: Optimiser steps taken.
        tokens: Real tokens read.
        seconds: Seconds of all sittings, looks included.
        looks: Step and value of every look: MLM loss in nats a masked piece, or 1 - mean dev score of the pairs.
        chosen: Step of the look that stayed.
        scores: Dev score of each pair that has one, 0 to 1; empty for a language.
    """

    steps: int
    tokens: int
    seconds: float
    looks: tuple[tuple[int, float], ...]
    chosen: int
    scores: Mapping[Pair, float] = field(default_factory=dict)


class Learning:
    """A course's steps with its looks, of which the lowest stays, and of equal ones the last.

    Args:
        model: What is trained, in a frame where nothing else of it is.
        moving: The parameters that move, by name.
        draw: Gives the next batch.
        sampler: What `draw` draws from; kept in checkpoints.
        course: How.
        configuration: What decides the numbers that come out, JSON-able; a checkpoint of another one is refused.
        title: Stands before what is told, a name and what a look measures: ``mt: stop loss``.
    """

    def __init__(
        self, model: nn.Module, moving: Mapping[str, nn.Parameter], draw: Callable[[], Batch], sampler: PairSampler,
        course: Course, configuration: Mapping[str, Any], title: str,
    ) -> None:  # fmt: skip
        self.moving, self.sampler, self.course, self.title = moving, sampler, course, title
        self.configuration = json.loads(json.dumps(configuration))
        for parameter in moving.values():
            parameter.requires_grad_(True)
        self.loop = Loop(
            model, [Group(list(moving.values()), course.rate)], draw,
            Schedule(course.steps, min(course.warmup, course.steps - 1)),
            accelerator=make_accelerator(cpu=next(iter(moving.values())).device.type == "cpu"),
        )  # fmt: skip
        self.best: dict[str, Tensor] = {}
        self.looks: list[tuple[int, float]] = []
        self.chosen, self.earlier, self.begin = 0, 0.0, time.perf_counter()

    def run(self, look: Callable[[], float], *, first: bool = False) -> Learnt:
        """Take the steps, or those that are left.

        Args:
            look: Measures the model as it is; the lower the better.
            first: Look before the first step too.

        Raises:
            ConflictError: The checkpoint to go on from is of another configuration.
            DataError: It is damaged.
        """
        folder = self.course.checkpoint
        if self.course.resume and folder is not None and checkpoint_exists(folder):
            self._restore(folder)
        elif first:
            self._look(look())
        while not self._ended:
            self._until_look(look)
        self._fill(self.best)
        return Learnt(self.loop.number, self.loop.tokens, self._seconds, tuple(self.looks), self.chosen)

    @property
    def _ended(self) -> bool:
        idle = sum(step > self.chosen for step, _ in self.looks)
        return self.loop.number >= self.course.steps or 0 < self.course.patience <= idle

    @property
    def _seconds(self) -> float:
        return round(self.earlier + time.perf_counter() - self.begin, 1)

    def _until_look(self, look: Callable[[], float]) -> None:
        for step in self.loop:
            self.course.reporter.step(step.number, f"{self.title.split(':')[0]} loss {step.loss:.3f}")
            if step.number % self.course.check_every and step.number != self.course.steps:
                continue
            self._look(look())
            if self.course.checkpoint is not None:
                self._save(self.course.checkpoint)
            self.course.reporter.say(f"{self.title} {self.looks[-1][1]:.4f} at step {step.number}")
            return

    def _look(self, value: float) -> None:
        self.looks.append((self.loop.number, value))
        if value <= min(seen for _, seen in self.looks):
            self.chosen = self.loop.number
            self.best = {name: parameter.detach().clone() for name, parameter in self.moving.items()}

    def _fill(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.moving.items():
                parameter.copy_(tensors[name])

    def _save(self, folder: Path) -> None:
        tensors: dict[str, Tensor] = {f"now/{name}": parameter for name, parameter in self.moving.items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        state = {
            "configuration": self.configuration, "looks": self.looks, "chosen": self.chosen, "seconds": self._seconds,
            "sampler": self.sampler.state_dict(),
        }  # fmt: skip
        save_checkpoint(folder, self.loop, tensors, state)

    def _restore(self, folder: Path) -> None:
        if read_state(folder)["configuration"] != self.configuration:
            raise ConflictError(
                f"The checkpoint in {folder} was made with other data, adapters or options; go on with the same ones, "
                "or remove it."
            )
        tensors, state = load_checkpoint(folder, self.loop)
        self._fill({name: tensors[f"now/{name}"] for name in self.moving})
        self.best = {name: tensors[f"best/{name}"] for name in self.moving}
        self.looks = [(step, value) for step, value in state["looks"]]
        self.chosen, self.earlier = state["chosen"], state["seconds"]
        self.sampler.load_state_dict(state["sampler"])
