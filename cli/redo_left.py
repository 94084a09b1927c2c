"""What `languages redo` does not carry over to the new model, and what to type for it."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from hyperx_cl.cli.loading import tasks_of
from hyperx_cl.cli.redo_item import Item
from hyperx_cl.cli.redo_lineage import Runs, told_of
from hyperx_cl.config import AddTaskOptions
from hyperx_cl.registry.records import ModelRecord, StoredTask
from hyperx_cl.registry.store import Registry


@dataclass(frozen=True)
class Left:
    """One thing that is not carried over.

    Args:
        what: What it is.
        why: Why not.
        command: What to type.
    """

    what: str
    why: str
    command: str


def left_over(
    registry: Registry, old: ModelRecord, new: ModelRecord, chains: Sequence[Sequence[Item]], codes: Sequence[str]
) -> list[Left]:
    """Find what the old model has, and the new one neither has nor gets by redoing languages.

    Args:
        registry: Where both are.
        old: The old model.
        new: The new one.
        chains: What is redone.
        codes: The languages that were named; all for none.
    """
    runs, there = Runs(registry), tasks_of(new)
    found = []
    if moved := old.config.get("fewshot"):
        found.append(_full(old, new, moved))
    for stored in registry.tasks(old.name):
        if stored.task not in there:
            found.append(Left(f"task {stored.task}", "tasks are learnt anew by hand", _task_command(stored, new, runs)))
    known = {stored.language for stored in registry.languages(new.name)}
    for code in codes or old.config.get("languages", ()):
        if code in old.config.get("languages", ()) and code not in known:
            command = f"hyperx-cl add-language {code} --model {new.name} --mlm FILE"
            found.append(Left(f"language {code}", f"a base language that {new.name} was not trained on", command))
    for items in chains:
        for task in items[0].step.told.get("self_training") or ():
            if task not in there:
                command = f"hyperx-cl add-task {task} --model {new.name}, then this command"
                found.append(
                    Left(f"{task} of {items[0].code}", f"{new.name} has no task {task} to learn on in", command)
                )
    return found


def _full(old: ModelRecord, new: ModelRecord, moved: Any) -> Left:
    command = (
        f"hyperx-cl fewshot --full --model {new.name} --lang {moved.get('language')} --task {moved.get('task')} "
        f"--n {len(moved.get('sentences', ()))} --data FILE --output-dir DIR --name NAME"
    )
    return Left(f"the hypernetwork of {old.name}", "fewshot --full has moved it", command)


def _task_command(stored: StoredTask, new: ModelRecord, runs: Runs) -> str:
    """The words that a task was learnt by, as far as they are kept, for another model."""
    run = runs.of(told_of(stored).hash)
    config = run.config if run else {}
    words = ["hyperx-cl", "add-task", stored.task, "--model", new.name, "--column", str(stored.definition["column"])]
    if stored.definition["labels"]:
        words += ["--labels", ",".join(stored.definition["labels"])]
    for old, renamed in dict(stored.definition.get("label_map") or {}).items():
        words += ["--label-map", f"{old}={renamed}"]
    if config.get("data_dir"):
        words += ["--data-dir", str(config["data_dir"]), "--lang", ",".join(config.get("languages", ()))]
    for flag in ("train", "dev"):
        for code, file in dict(config.get(flag) or {}).items():
            words += [f"--{flag}", f"{code}={file}"]
    usual = asdict(AddTaskOptions())
    options = dict(config.get("add_task") or {})
    for name in (field.name for field in fields(AddTaskOptions)):
        if name in options and options[name] != usual[name]:
            words += _flag(name, options[name])
    return shlex.join(words) if config else f"{shlex.join(words)} --data-dir DIR"


def _flag(name: str, value: Any) -> list[str]:
    word = name.replace("_", "-")
    return [f"--{word}" if value else f"--no-{word}"] if isinstance(value, bool) else [f"--{word}", str(value)]
