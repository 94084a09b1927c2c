"""`tasks`: the tasks of a model, those of its base training and those that were learnt since."""

from typing import Annotated, Any

import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.cli.loading import JOINT, tasks_of
from hyperx_cl.cli.options import Common, ModelName, Yes, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.registry.records import StoredTask

app = group("tasks", "The tasks of a model.")


def list_tasks(common: Common, model: ModelName = None) -> None:
    """List a model's tasks: those of its base training, and those that were learnt since."""
    with common.registry(readonly=True) as registry:
        record = registry.model(model)
        learnt = {stored.task: stored for stored in registry.tasks(record.name)}
    found = []
    for name, task in sorted(tasks_of(record).items()):
        method = learnt[name].method if name in learnt else JOINT
        place = task.column if task.kind == "words" else ""
        found.append({"task": name, "kind": task.kind, "labels": list(task.labels), "column": place, "method": method})
    rows = [(t["task"], t["kind"], str(len(t["labels"])), t["column"], t["method"]) for t in found]
    common.out.result(
        {"model": record.name, "tasks": found},
        ids=[str(task["task"]) for task in found],
        show=[Grid(("task", "kind", "labels", "column", "method"), [tuple(map(str, row)) for row in rows])],
    )


def remove(
    common: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A task that was learnt after base training.")],
    model: ModelName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
) -> None:
    """Remove a task that was learnt after base training."""
    with common.registry(readonly=dry_run) as registry:
        stored = registry.task(name, model).stored
        if not dry_run:
            confirm(f"Remove task {name} from model {stored.model}?", yes=yes)
            registry.remove_task(name, model)
    told = f"{'would remove' if dry_run else 'removed'} task {name} from model {stored.model}"
    common.out.result({"removed": _data(stored), "dry_run": dry_run}, ids=[name], show=[told])


def _data(stored: StoredTask) -> dict[str, Any]:
    return {
        "task": stored.task, "model": stored.model, "hash": stored.hash, "method": stored.method,
        "created": stored.created, "numbers": stored.numbers, **dict(stored.definition),
    }  # fmt: skip


command(app, "list", example="hyperx-cl tasks list --model mbert-d32")(list_tasks)
command(app, "remove", example="hyperx-cl tasks remove number --yes")(remove)
