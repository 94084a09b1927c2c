"""The base runs: one model a seed, none of which has met a new language; and MAD-X's source adapters, likewise."""

from dataclasses import replace
from pathlib import Path

from hyperx_cl.baselines.madx_train import learn_all
from hyperx_cl.bench.plan import METHODS, Bench, Cell
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import builtin
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.train.joint import train_joint
from hyperx_cl.train.progress import Reporter


def base_folder(bench: Bench, seed: int, kind: str = "learnt") -> Path:
    """Where the model of a seed lies, or will: the joint one, or for the kind ``madx`` MAD-X's adapters."""
    return bench.folder / f"{'madx' if kind == 'madx' else 'base'}-{seed}"


def has_base(bench: Bench, cell: Cell) -> bool:
    """Whether the run that a cell stands on has ended."""
    folder, kind = base_folder(bench, cell.seed, METHODS[cell.method].kind), METHODS[cell.method].kind
    return (folder / ("tasks.json" if kind == "madx" else "model.safetensors")).is_file()


def train_base(bench: Bench, cell: Cell, reporter: Reporter) -> None:
    """Run what a cell stands on, or go on where that was stopped."""
    root, seed = DataRoot(bench.data), cell.seed
    if METHODS[cell.method].kind == "madx":
        learn_all(
            load_backbone(bench.backbone), root, base_folder(bench, seed, "madx"), sources=bench.fold.sources,
            mlm=sorted({code for codes in bench.fold.sources.values() for code in codes}),
            steps_language=bench.add.steps, steps_tasks=bench.madx_task_steps, seed=seed, rate=bench.madx_rate,
            max_tokens=bench.add.max_tokens, check_every=bench.add.check_every, reporter=reporter,
        )  # fmt: skip
        return
    left_out = (*bench.fold.new, *bench.fold.left_out)
    spoken = [code for code in root.languages("mlm") if code not in left_out]
    languages = {"mlm": spoken, **{task: list(codes) for task, codes in bench.fold.sources.items()}}
    train_joint(
        load_backbone(bench.backbone), root, {name: builtin(name) for name in languages}, languages,
        model_options=bench.shape, options=replace(bench.train, seed=seed), out=base_folder(bench, seed), resume=True,
        reporter=reporter,
    )  # fmt: skip
