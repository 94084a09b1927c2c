"""The base runs: one model a seed, none of which has met a new language; and MAD-X's source adapters, likewise."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from hyperx_cl.baselines.madx_storage import LANGUAGES
from hyperx_cl.baselines.madx_train import learn_all
from hyperx_cl.bench.drive import Ground
from hyperx_cl.bench.plan import METHODS, Bench, Cell
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import builtin
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.train.joint import train_joint
from hyperx_cl.train.progress import Reporter


def base_folder(bench: Bench, seed: int, kind: str = "learnt") -> Path:
    """Where the model of a seed lies, or will: the joint one, or for the kind ``madx`` MAD-X's adapters."""
    return bench.folder / f"{'madx' if kind == 'madx' else 'base'}-{seed}"


def has_base(bench: Bench, seed: int, kind: str) -> bool:
    """Whether the run that methods of a kind stand on has ended."""
    return (base_folder(bench, seed, kind) / ("tasks.json" if kind == "madx" else "model.safetensors")).is_file()


def base_ground(bench: Bench, cell: Cell) -> Ground | None:
    """The run that a cell stands on, where it has not ended."""
    kind = METHODS[cell.method].kind
    if has_base(bench, cell.seed, kind):
        return None
    if kind == "madx":
        steps = len(_madx_languages(bench)) * bench.add.steps + bench.madx_task_steps
        return Ground(f"MAD-X's sources, seed {cell.seed}", steps, partial(_train_madx, bench, cell.seed))
    return Ground(f"the base run, seed {cell.seed}", bench.train.steps, partial(_train_joint, bench, cell.seed))


class Chained:
    """Counts on over several courses, each of which tells its own steps from 1.

    Args:
        reporter: Is told the sum.
        before: Steps of courses that ended in an earlier sitting.
    """

    def __init__(self, reporter: Reporter, before: int = 0) -> None:
        self._reporter, self._before, self._last = reporter, before, 0

    def step(self, done: int, text: str) -> None:
        """So many steps of the present course are done; where that falls, another one has begun."""
        if done <= self._last:
            self._before += self._last
        self._last = done
        self._reporter.step(self._before + done, text)

    def say(self, text: str) -> None:
        """Pass it on."""
        self._reporter.say(text)


def _madx_languages(bench: Bench) -> list[str]:
    return sorted({code for codes in bench.fold.sources.values() for code in codes})


def _train_madx(bench: Bench, seed: int, reporter: Reporter) -> None:
    folder, languages = base_folder(bench, seed, "madx"), _madx_languages(bench)
    done = sum((folder / LANGUAGES / f"{code}.json").is_file() for code in languages)
    learn_all(
        load_backbone(bench.backbone), DataRoot(bench.data), folder, sources=bench.fold.sources, mlm=languages,
        steps_language=bench.add.steps, steps_tasks=bench.madx_task_steps, seed=seed, rate=bench.madx_rate,
        max_tokens=bench.add.max_tokens, check_every=bench.add.check_every,
        reporter=Chained(reporter, done * bench.add.steps),
    )  # fmt: skip


def _train_joint(bench: Bench, seed: int, reporter: Reporter) -> None:
    root, left_out = DataRoot(bench.data), (*bench.fold.new, *bench.fold.left_out)
    spoken = [code for code in root.languages("mlm") if code not in left_out]
    languages = {"mlm": spoken, **{task: list(codes) for task, codes in bench.fold.sources.items()}}
    train_joint(
        load_backbone(bench.backbone), root, {name: builtin(name) for name in languages}, languages,
        model_options=bench.shape, options=replace(bench.train, seed=seed), out=base_folder(bench, seed), resume=True,
        reporter=reporter,
    )  # fmt: skip
