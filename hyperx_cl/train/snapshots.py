"""Snapshots of a run at its validations: the best one, and the last few whose average may be better still."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from hyperx_cl.writing import NEW, told, whole


@dataclass(frozen=True)
class Chosen:
    """The tensors a run ends with.

    Args:
        tensors: By name.
        score: Their mean validation score, 0 to 1.
        what: ``step 8000``, or ``average of steps 6000, 7000, 8000``.
    """

    tensors: dict[str, Tensor]
    score: float
    what: str


class Snapshots:
    """A folder of snapshots.

    Args:
        folder: Made if absent, by the process that writes.
        last: How many of the last ones are kept for averaging.
        writes: Whether this process writes the files; the others only remember the scores.
    """

    def __init__(self, folder: Path, *, last: int, writes: bool = True) -> None:
        with told(folder):
            if writes:
                folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._last, self._writes = folder, last, writes
        self._index = folder / "scores.json"
        self.scores: dict[int, float] = {}
        if self._index.is_file():
            self.scores = {int(k): v for k, v in json.loads(self._index.read_text(encoding="utf-8")).items()}

    def add(self, step: int, score: float, tensors: Mapping[str, Tensor]) -> None:
        """Keep a snapshot if it is the best or among the last; drop what is neither any more."""
        self.scores[step] = score
        if not self._writes:
            return
        with whole(self._file(step)) as fresh:
            # `save_file` would write beside it first, under a name that a killed process leaves and nobody knows.
            fresh.write_bytes(save({n: t.detach().cpu().contiguous() for n, t in tensors.items()}))
        self._write_index()
        keep = {self.best, *sorted(self.scores)[-self._last :]}
        for file in self._folder.glob("step-*.safetensors"):
            if int(file.stem.removeprefix("step-")) not in keep:
                file.unlink()

    def forget_after(self, step: int) -> None:
        """Drop snapshots later than a checkpoint that a run resumes from; they will come again."""
        self.scores = {s: v for s, v in self.scores.items() if s <= step and self._file(s).exists()}
        if self._writes:
            self._write_index()
            known = {self._file(s) for s in self.scores}
            for file in (*self._folder.glob("step-*.safetensors"), *self._folder.glob(f"*{NEW}")):
                if file not in known:
                    file.unlink()

    @property
    def best(self) -> int:
        """Step of the best snapshot; the later one of equals, so that without any validation data it is the last."""
        return max(self.scores, key=lambda step: (self.scores[step], step))

    def choose(self, score_of: Callable[[Mapping[str, Tensor]], float]) -> Chosen:
        """The best snapshot, or the average of the last ones where it validates at least as well.

        Args:
            score_of: Validates tensors by name.
        """
        best = Chosen(load_file(self._file(self.best)), self.scores[self.best], f"step {self.best}")
        steps = [step for step in sorted(self.scores)[-self._last :] if self._file(step).exists()]
        if len(steps) < 2:
            return best
        averaged = _average([load_file(self._file(step)) for step in steps])
        score = score_of(averaged)
        name = f"average of steps {', '.join(map(str, steps))}"
        return Chosen(averaged, score, name) if score >= best.score else best

    def _write_index(self) -> None:
        with whole(self._index) as fresh:
            fresh.write_text(json.dumps(self.scores), encoding="utf-8")

    def _file(self, step: int) -> Path:
        return self._folder / f"step-{step}.safetensors"


def _average(snapshots: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([s[name] for s in snapshots]).mean(0) for name in snapshots[0]}
