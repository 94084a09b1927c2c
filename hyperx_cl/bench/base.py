"""What cells stand on: base runs that have met no new language, and the runs they are held against; one a seed."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from hyperx_cl.baselines.madx_storage import LANGUAGES
from hyperx_cl.baselines.madx_train import learn_all
from hyperx_cl.bench.drive import Ground
from hyperx_cl.bench.plan import METHODS, Bench, Cell, Run
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import builtin
from hyperx_cl.errors import NotFoundError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.train.joint import train_joint
from hyperx_cl.train.progress import Reporter


def run_folder(bench: Bench, seed: int, run: Run = "base") -> Path:
    """Where a run of a seed lies, or will."""
    return bench.folder / f"{run}-{seed}"


def has_run(bench: Bench, seed: int, run: Run) -> bool:
    """Whether a run has ended."""
    return (run_folder(bench, seed, run) / ("tasks.json" if run == "madx" else "model.safetensors")).is_file()


def expect_run(bench: Bench, cell: Cell) -> None:
    """Refuse to go on from a cell whose run is gone.

    Raises:
        NotFoundError: It is not there, or has not ended.
    """
    run = METHODS[cell.method].over
    if not has_run(bench, cell.seed, run):
        folder = run_folder(bench, cell.seed, run)
        raise NotFoundError(f"There is no whole base run in {folder}, which '{cell.name}' was run over; bring it back.")


def run_ground(bench: Bench, cell: Cell) -> Ground | None:
    """The run that a cell stands on, where it has not ended."""
    run = METHODS[cell.method].over
    if has_run(bench, cell.seed, run):
        return None
    if run == "madx":
        steps = len(_madx_languages(bench)) * bench.add.steps + bench.madx_task_steps
        return Ground(f"MAD-X's sources, seed {cell.seed}", steps, partial(_train_madx, bench, cell.seed))
    title = f"the {'base run' if run == 'base' else f'{run} run'}, seed {cell.seed}"
    return Ground(title, bench.train.steps, partial(_train_joint, bench, cell.seed, run))


def source_cost(folder: Path) -> dict[str, float]:
    """What MAD-X's languages and tasks of the base run have cost once, before any new language: tokens and seconds."""
    files = [*sorted((folder / LANGUAGES).glob("*.json")), folder / "tasks.json"]
    told = [json.loads(file.read_text(encoding="utf-8"))["learnt"] for file in files]
    return {name: sum(facts[name] for facts in told) for name in ("tokens", "seconds")}


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
    folder, languages = run_folder(bench, seed, "madx"), _madx_languages(bench)
    done = sum((folder / LANGUAGES / f"{code}.json").is_file() for code in languages)
    learn_all(
        load_backbone(bench.backbone), DataRoot(bench.data), folder, sources=bench.fold.sources, mlm=languages,
        steps_language=bench.add.steps, steps_tasks=bench.madx_task_steps, seed=seed, rate=bench.madx_rate,
        max_tokens=bench.add.tokens, check_every=bench.add.check_every,
        reporter=Chained(reporter, done * bench.add.steps),
    )  # fmt: skip


def _train_joint(bench: Bench, seed: int, run: Run, reporter: Reporter) -> None:
    root, unread = DataRoot(bench.data), (*bench.fold.new, *bench.fold.left_out)
    if run == "joint":
        unread = bench.fold.left_out
    spoken = [code for code in root.languages("mlm") if code not in unread]
    languages = {"mlm": spoken, **{task: list(codes) for task, codes in bench.fold.sources.items()}}
    train_joint(
        load_backbone(bench.backbone), root, {name: builtin(name) for name in languages}, languages,
        model_options=bench.shape, out=run_folder(bench, seed, run), resume=True, reporter=reporter,
        options=replace(bench.train, seed=seed, train_hypernetwork=run != "untrained"),
    )  # fmt: skip
