"""A sample of different lines that fits into memory: those with the lowest hashes, whatever their order."""

import hashlib
from collections.abc import Iterable

import numpy as np

_SLACK = 1.25  # room beyond the bounds, so that lines are seldom thrown out


class Reservoir:
    """Keeps all different lines while they fit, then as many of those with the lowest hashes as fit.

    Every different line has the same chance, and which are kept depends neither on their order nor on how often each
    occurs. One pass, and nothing is remembered of the lines that are not kept.

    Args:
        lines: Most lines that are kept.
        characters: Most characters of them together.
    """

    def __init__(self, *, lines: int, characters: int) -> None:
        self._most_lines, self._most_characters = lines, characters
        self._lines: dict[str, None] = {}
        self._characters = 0
        self._least_out = 1 << 64

    def __len__(self) -> int:
        """Lines that are held now, up to a quarter more than are kept in the end."""
        return len(self._lines)

    def add(self, line: str) -> bool:
        """Take a line in, unless it is there or has no chance.

        Returns:
            False where the same line is there already. A line that is thrown out is forgotten, so that it is new each
            time it comes again.
        """
        if line in self._lines:
            return False
        if self._least_out < 1 << 64 and _hash(line) >= self._least_out:
            return True
        self._lines[line] = None
        self._characters += len(line)
        if len(self._lines) > _SLACK * self._most_lines or self._characters > _SLACK * self._most_characters:
            self._throw_out()
        return True

    def kept(self) -> tuple[str, ...]:
        """The lines that are kept, in the order in which they came."""
        if len(self._lines) > self._most_lines or self._characters > self._most_characters:
            self._throw_out()
        return tuple(self._lines)

    def _throw_out(self) -> None:
        hashes = _numbers(map(_hash, self._lines))
        order = np.argsort(hashes)
        together = np.cumsum(_numbers(map(len, self._lines))[order])
        fitting = min(self._most_lines, int(np.searchsorted(together, self._most_characters, side="right")))
        self._least_out = int(hashes[order[fitting]])
        chosen = hashes < self._least_out
        self._lines = {line: None for line, keep in zip(self._lines, chosen, strict=True) if keep}
        self._characters = sum(map(len, self._lines))


def _numbers(values: Iterable[int]) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.fromiter(values, np.uint64)


def _hash(line: str) -> int:
    # Not the hash that the split goes by: one part would be kept before another.
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8, person=b"hyperx-keep").digest()
    return int.from_bytes(digest, "big")
