"""The part of a model's description that a registry keeps too: its shape, tasks and languages, wherever it is from."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hyperx_cl.config import ModelOptions
from hyperx_cl.foreign import UNSAFE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SIZES = ("layers", "hidden", "vocabulary")
_USUAL = asdict(ModelOptions())


def expect_description(told: Mapping[str, Any]) -> None:
    """Refuse what is later taken for a model's shape, tasks or languages, and cannot be; what is missing may be.

    Raises:
        ValueError: Something is of another kind; as KeyError, TypeError, AttributeError, and UsageError.
    """
    shape = asdict(ModelOptions(**told.get("model", {})))
    if any(type(value) is not type(usual) for value, usual in zip(shape.values(), _USUAL.values(), strict=True)):
        raise TypeError("a number of its shape")
    if not all(map(_is_task, told.get("tasks", []))):
        raise ValueError("a task")
    if not all(isinstance(code, str) for code in told.get("languages", [])):
        raise TypeError("a language")
    if not all(type(told.get(key, 0)) is int for key in _SIZES):
        raise TypeError("a size of its backbone")


def _is_task(task: Mapping[str, Any]) -> bool:
    """Whether a task is described as `hyperx_cl.data.tasks.Task` describes itself."""
    labels, told = task["labels"], dict(task.get("label_map", {}))
    texts = (task["name"], *labels, task.get("column", ""), *told, *told.values())
    return (
        set(task) <= {"name", "kind", "labels", "column", "label_map"}
        and task["kind"] in ("words", "spans", "mlm")
        and isinstance(labels, list)
        and all(isinstance(text, str) and not UNSAFE.search(text) for text in texts)
        and _NAME.fullmatch(task["name"]) is not None
        and len(set(labels)) == len(labels)
    )
