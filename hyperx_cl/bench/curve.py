"""A learning curve that outlives the process it is learnt in."""

import json
from pathlib import Path


class Curve:
    """Points of a learning curve, kept in a file, so that a cell that was stopped has all of them in the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.points: list[tuple[int, float, float | None]] = []
        if file.is_file():
            self.points = [(tokens, loss, pos) for tokens, loss, pos in json.loads(file.read_text(encoding="utf-8"))]

    def add(self, tokens: int, loss: float, pos: float | None) -> None:
        """Add a point; points of looks that a checkpoint does not know come again and give way."""
        self.points = [point for point in self.points if point[0] < tokens] + [(tokens, loss, pos)]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self.points), encoding="utf-8")
