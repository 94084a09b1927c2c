"""Of which kinds the facts of a provenance are: what is read later, to be shown or to learn again, can be relied on."""

from collections.abc import Mapping
from typing import Any

_TEXTS = (
    "method", "created", "parent", "licence", "source", "author", "capacity", "hyperx_cl", "task", "measured_on",
    "metric", "rounded",
)  # fmt: skip
_NUMBERS = ("rank", "layers", "seed", "steps", "tokens", "seconds", "n", "before", "after")
_OBJECTS = ("text", "options", "losses", "backbone", "carried", "folds")


def expect_facts(told: Mapping[str, Any]) -> None:
    """Refuse a provenance in which a known fact is of another kind than those that learning leaves.

    Args:
        told: As JSON holds it.

    Raises:
        ValueError: One is.
    """
    for key in _TEXTS:
        if not isinstance(told.get(key), str | None):
            raise ValueError(f"{key} is no text")
    for key in _NUMBERS:
        if told.get(key) is not None and not is_number(told[key]):
            raise ValueError(f"{key} is no number")
    for key in _OBJECTS:
        if not isinstance(told.get(key, {}), dict):
            raise ValueError(f"{key} is no object")
    lines = told.get("text", {}).get("lines", {})
    if not isinstance(lines, dict) or not all(map(is_number, lines.values())):
        raise ValueError("text.lines are no numbers")
    corrections = told.get("corrections", [])
    if not isinstance(corrections, list) or not all(isinstance(one, dict) for one in corrections):
        raise ValueError("corrections are no list of objects")


def is_number(value: object) -> bool:
    """Whether it is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
