"""`train --dry-run`: the plan of a base training, with what its files hold and how many numbers it would train."""

import json
from pathlib import Path

from hyperx_cl.cli.counts import trainable
from hyperx_cl.cli.output import Grid, Output
from hyperx_cl.cli.plan import Plan, sizes
from hyperx_cl.config import ModelOptions
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import DataError, NotFoundError


def show_plan(
    output: Output, root: DataRoot, plan: Plan, *, backbone: str, shape: ModelOptions, title: str, out: Path
) -> None:
    """Read the training files and print what would be trained.

    Raises:
        DataError: A file cannot be used.
        NotFoundError: There is no such backbone.
    """
    counts, plan = sizes(root, plan)
    layers, hidden = _backbone_shape(backbone)
    numbers = trainable(shape, layers=layers, hidden=hidden, languages=len(plan.codes), tasks=len(plan.tasks))
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


_CALLED = (("num_hidden_layers", "n_layers"), ("hidden_size", "dim"))
"""What layers and hidden width are called, and what DistilBERT calls them."""


def _backbone_shape(backbone: str) -> tuple[int, int]:
    """Layers and hidden width out of a backbone's configuration, without its weights."""
    if Path(backbone).is_dir():
        try:
            config = json.loads((Path(backbone) / "config.json").read_text(encoding="utf-8"))
            layers, hidden = (config.get(name, config.get(short)) for name, short in _CALLED)
            return int(layers), int(hidden)
        except OSError as error:
            raise NotFoundError(f"there is no config.json in the backbone's folder {backbone}: give another") from error
        except (ValueError, AttributeError, TypeError) as error:
            raise DataError(f"{backbone}/config.json does not describe a transformer: give another folder") from error
    from transformers import AutoConfig

    try:
        found = AutoConfig.from_pretrained(backbone)
    except (OSError, ValueError) as error:
        raise NotFoundError(f"the backbone {backbone} cannot be found: {str(error).splitlines()[0]}") from error
    return int(found.num_hidden_layers), int(found.hidden_size)
