"""`train --dry-run`: the plan of a base training, with what its files hold and how many numbers it would train."""

from dataclasses import asdict
from pathlib import Path

from hyperx_cl.cli.counts import trainable
from hyperx_cl.cli.output import Grid, Output
from hyperx_cl.cli.plan import Plan, sizes
from hyperx_cl.config import ModelOptions
from hyperx_cl.data.root import DataRoot


def show_plan(
    output: Output, root: DataRoot, plan: Plan, *, backbone: str, shape: ModelOptions, title: str, out: Path
) -> None:
    """Read the training files and print what would be trained.

    Raises:
        DataError: A file cannot be used.
        HyperXError: There is no such backbone, or it cannot be used.
    """
    from hyperx_cl.model.planned import planned

    counts, plan = sizes(root, plan)
    sized = asdict(planned(backbone, adapter_site=shape.adapter_site))
    numbers = trainable(shape, **sized, languages=len(plan.codes), tasks=len(plan.tasks))
    units = {name: "lines" if task.kind == "mlm" else "sentences" for name, task in plan.tasks.items()}
    pairs = [{"task": task, "language": code, "count": n, "unit": units[task]} for (task, code), n in counts.items()]
    labels = {name: list(task.labels) for name, task in plan.tasks.items() if task.kind != "mlm"}
    total = sum(numbers.values())
    output.result(
        {
            "name": title, "output_dir": str(out), "backbone": backbone, "pairs": pairs, "labels": labels,
            "languages": plan.codes, "parameters": {**numbers, "total": total},
        },
        ids=[f"{pair['task']}:{pair['language']}" for pair in pairs],
        show=[
            f"{title} would be trained into {out}",
            Grid(("task", "language", "train", ""), [tuple(str(value) for value in pair.values()) for pair in pairs]),
            *(f"labels of {name}: {' '.join(known)}" for name, known in labels.items()),
            f"{len(pairs)} pairs, {len(plan.codes)} languages, {len(plan.tasks)} tasks; {total:,} trained numbers "
            "outside the heads",
        ],
    )  # fmt: skip
