"""What comes from elsewhere: JSON that means one thing and fits into memory, texts that forge nothing on a terminal."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

DEEPEST = 64
"""Most lists and objects inside each other."""

MOST_VALUES = 500_000
"""Most values in one document: what a few bytes of JSON become in memory is many times as large."""

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, and what turns the direction of the rest of a line: either could forge what a terminal shows."""

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # halves of a character, and what PostgreSQL cannot hold
_LARGEST = 2**63
_SIGNS = (b",", b"[", b"{")


def read_json(data: bytes) -> Any:
    """Read a JSON document of which no two readers can think differently.

    Args:
        data: UTF-8.

    Raises:
        ValueError: It is none, names a key twice, is too deep or has too many values; or it has a number that is not
            finite or beyond 64 bits, or a text that cannot be stored.
    """
    if sum(map(data.count, _SIGNS)) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values")
    try:
        told = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("lists and objects too deep inside each other") from None
    for value in _values(told):
        if isinstance(value, str):
            if "\0" in value or (not value.isascii() and _UNSTORABLE.search(value)):
                raise ValueError("a text that cannot be stored")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError("a number that is not finite")
        elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise ValueError("a number beyond 64 bits")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _values(told: Any) -> Iterator[Any]:
    """All values and keys of a document, without recursion."""
    level, depth = [told], 0
    while level:
        if depth > DEEPEST:
            raise ValueError("lists and objects too deep inside each other")
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                yield from value
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            else:
                yield value
        level, depth = inner, depth + 1
