"""Cutting a long sentence into windows with context, so that every word belongs to exactly one of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Window(NamedTuple):
    """Words [left, right) are shown; words [start, stop) are this window's own, the others context."""

    left: int
    start: int
    stop: int
    right: int


def windows(sizes: Sequence[int], room: int) -> Iterator[Window]:
    """Cut a sentence into windows of at most `room` pieces.

    A sentence that fits is one window. Otherwise up to a quarter of a window is context on either side, so that no
    word is read at the very edge of what is shown, unless words are too long for that.

    Args:
        sizes: Pieces of every word, each from 1 to `room`.
        room: Pieces in a window, at least 1.

    Yields:
        Windows whose own words follow on one another from the first word to the last.
    """
    start = 0
    while start < len(sizes):
        left, used = _context_before(sizes, start, room)
        right = _fit(sizes, start, room - used)
        stop = right
        if right < len(sizes):
            stop = max(start + 1, _fit(sizes, start, room - used - room // 4))
        yield Window(left, start, stop, right)
        start = stop


def _context_before(sizes: Sequence[int], start: int, room: int) -> tuple[int, int]:
    """Where the context before word `start` begins, and its pieces: at most a quarter, and `start` must still fit."""
    allowed = min(room // 4, room - sizes[start])
    left, used = start, 0
    while left > 0 and used + sizes[left - 1] <= allowed:
        left -= 1
        used += sizes[left]
    return left, used


def _fit(sizes: Sequence[int], start: int, room: int) -> int:
    """First word from `start` on that no longer fits into `room` pieces."""
    stop, used = start, 0
    while stop < len(sizes) and used + sizes[stop] <= room:
        used += sizes[stop]
        stop += 1
    return stop
