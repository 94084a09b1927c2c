"""One sitting of base training: steps, validations, checkpoints, and the choice of the model at its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hyperx_cl.config import TrainOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.processes import Place
from hyperx_cl.train.checkpoint import naming_checkpoint, random_state, save_checkpoint
from hyperx_cl.train.corpora import Validator
from hyperx_cl.train.draw import Drawer
from hyperx_cl.train.loop import Loop, Step
from hyperx_cl.train.progress import Reporter, RunLog
from hyperx_cl.train.snapshots import Snapshots
from hyperx_cl.train.stopping import Stopping
from hyperx_cl.train.throughput import Speed, known_peak, operations_per_token

REPORT_EVERY = 50
"""Steps between two lines of the log."""


@dataclass(frozen=True)
class Ending:
    """What the last sitting ends with.

    Args:
        fingerprint: Of the model that was written.
        chosen: Which step or average it is.
        scores: Validation score of each pair, 0 to 1.
    """

    fingerprint: str
    chosen: str
    scores: dict[Pair, float]


class Sitting:
    """Trains until the last step, however often it was begun.

    Args:
        model: The model in training.
        loop: Its steps, with a `Drawer`.
        sampler: Kept in every checkpoint.
        validator: Scores the model.
        options: The run.
        out: The run's folder.
        state: Kept in every checkpoint: configuration, seconds of the earlier sittings.
        reporter: Told how it goes.
    """

    def __init__(
        self, model: HyperX, loop: Loop, sampler: PairSampler, validator: Validator, options: TrainOptions, out: Path,
        state: dict[str, Any], reporter: Reporter,
    ) -> None:  # fmt: skip
        self.model, self.loop, self.sampler, self.validator = model, loop, sampler, validator
        self.options, self.out, self.state, self.reporter = options, out, state, reporter
        self.main: bool = loop.accelerator.is_main_process
        self.snapshots = Snapshots(out / "snapshots", last=options.average_last, writes=self.main)
        self.log = RunLog(out / "log.jsonl")
        self.validating = self.peak = 0.0
        self.begun_at = 0

    def sit(self) -> Speed:
        """Train to the end.

        Returns:
            The speed of this sitting; of the last one where all steps were taken before.
        """
        self.snapshots.forget_after(self.loop.number)
        if self.loop.number >= self.options.steps:
            return self._was_done()
        self.peak = known_peak(self.loop.accelerator.device, self.model.backbone.word_embeddings.dtype)
        self.reporter.say(f"matrix peak of this machine: {self.peak / 1e9:.0f} GFLOP/s")
        self.begun_at = self.loop.tokens
        earlier, means, options, speed = self.state["seconds"], _Means(), self.options, Speed()
        folder, alone = self.out / "checkpoint", self.loop.accelerator.num_processes == 1
        with naming_checkpoint(folder), Stopping(self.checkpoint, alone=alone) as stopping:
            for step in self.loop:
                means.add(step)
                speed = self._speed(step)
                if self._due(step, REPORT_EVERY):
                    self.reporter.step(step.number, f"{means} · {speed}")
                    self.note(
                        "step", step=step.number, tokens=step.tokens, rate=round(speed.rate), peak_share=speed.share,
                        **means.now,
                    )  # fmt: skip
                self.state["seconds"] = earlier + step.seconds
                if self._due(step, options.validate_every):
                    self._validate(step, speed)
                if self._due(step, options.checkpoint_every):
                    self.checkpoint()
                stopping.check()
        return speed

    def checkpoint(self) -> None:
        """Keep everything that is needed to go on from here."""
        drawn = self.loop.gathered(random_state(self.loop))
        if self.main:
            state = self.state | {"sampler": self.sampler.state_dict(), "processes": len(drawn)}
            save_checkpoint(self.out / "checkpoint", self.loop, self.model.saved_tensors(), state, drawn[1:])
        self.loop.accelerator.wait_for_everyone()

    def finish(self) -> Ending:
        """Choose between best snapshot and average, and write the model."""
        self.loop.accelerator.wait_for_everyone()
        chosen = self.snapshots.choose(self._score_of)
        self.model.load_state_dict(chosen.tensors, strict=False)
        scores = self._scores()
        self.model.eval()
        mark = self.model.save_pretrained(self.out) if self.main else self.model.fingerprint()
        named = {pair_name(pair): score for pair, score in scores.items()}
        self.note("end", fingerprint=mark, chosen=chosen.what, mean=chosen.score, scores=named, tokens=self.loop.tokens)
        return Ending(mark, chosen.what, scores)

    def note(self, kind: str, **values: Any) -> None:
        """Write a line of the log."""
        if self.main:
            self.log.write(kind, **values)

    def _due(self, step: Step, every: int) -> bool:
        return step.number % every == 0 or step.number == self.options.steps

    def _was_done(self) -> Speed:
        self.reporter.say(f"all {self.loop.number} steps were taken before: only the choice of the model is left")
        line = self.log.last("step")
        return Speed(float(line["rate"]), float(line["peak_share"])) if line else Speed()

    def _speed(self, step: Step) -> Speed:
        rate = (step.tokens - self.begun_at) / max(step.seconds - self.validating, 1e-9)
        return Speed(rate, rate * self._operations() / self.peak)

    def _validate(self, step: Step, speed: Speed) -> None:
        begin = time.perf_counter()
        scores = self._scores()
        mean = _mean(scores)
        self.snapshots.add(step.number, mean, self.model.saved_tensors())
        self.validating += time.perf_counter() - begin
        named = {pair_name(pair): round(score, 4) for pair, score in scores.items()}
        self.note("validation", step=step.number, tokens=step.tokens, mean=mean, scores=named)
        self.reporter.say(f"step {step.number}: mean validation score {mean:.4f} · {speed}")

    def _score_of(self, tensors: Mapping[str, torch.Tensor]) -> float:
        self.model.load_state_dict(dict(tensors), strict=False)
        return _mean(self._scores())

    def _scores(self) -> dict[Pair, float]:
        """Of all pairs, which the processes share out."""
        place = Place(self.loop.accelerator.process_index, self.loop.accelerator.num_processes)
        parts = self.loop.gathered(self.validator.scores(place))
        return dict(sorted((pair, score) for part in parts for pair, score in part.items()))

    def _operations(self) -> float:
        draw = self.loop.draw
        assert isinstance(draw, Drawer)
        return operations_per_token(self.model, length=draw.length, masked=draw.masked_share)


class _Means:
    """Running mean of the loss by task."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def add(self, step: Step) -> None:
        known = self._means.get(step.task, step.loss)
        self._means[step.task] = 0.97 * known + 0.03 * step.loss

    @property
    def now(self) -> dict[str, float]:
        return {f"loss_{task}": round(value, 4) for task, value in sorted(self._means.items())}

    def __str__(self) -> str:
        return " ".join(f"{task} {value:.3f}" for task, value in sorted(self._means.items()))


def pair_name(pair: Pair) -> str:
    """How logs and configurations call a pair: ``pos:en``."""
    return f"{pair.task}:{pair.language}"


def _mean(scores: Mapping[Pair, float]) -> float:
    return sum(scores.values()) / max(len(scores), 1)
