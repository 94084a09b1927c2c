"""A learning curve that outlives the process it is learnt in."""

import json
from pathlib import Path

from hyperx_cl.bench.machine import peak_memory


class Curve:
    """Points of a learning curve, kept in a file, so that whoever goes on from a checkpoint has all of them.

    Attributes:
        points: (tokens, loss on the stop part, POS accuracy where it was scored) at each look.
        peak_memory: Most memory that a process held which added a point, bytes.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.points: list[tuple[int, float, float | None]] = []
        self.peak_memory = 0
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            self.points = [(tokens, loss, pos) for tokens, loss, pos in kept["points"]]
            self.peak_memory = kept["peak_memory"]

    def before(self, tokens: int) -> int:
        """Count the looks at fewer tokens."""
        return sum(point[0] < tokens for point in self.points)

    def add(self, tokens: int, loss: float, pos: float | None) -> None:
        """Add a point; points of looks that a checkpoint does not know come again and give way."""
        self.points = [point for point in self.points if point[0] < tokens] + [(tokens, loss, pos)]
        self.peak_memory = max(self.peak_memory, peak_memory())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        kept = {"points": self.points, "peak_memory": self.peak_memory}
        self._file.write_text(json.dumps(kept), encoding="utf-8")
