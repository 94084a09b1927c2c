"""What a cell leaves behind: one JSON file, with the counts of every sentence, so that intervals can be paired."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyperx_cl.bench.plan import Cell
from hyperx_cl.errors import DataError
from hyperx_cl.evaluate.metrics import Counts

FORMAT = "hyperx-cl/bench-cell@1"


@dataclass(frozen=True)
class Outcome:
    """The result of one cell.

    Args:
        cell: Which.
        model: Fingerprint of the base run's model.
        options: What the method was run with.
        numbers: Numbers that belong to the language alone.
        tokens: Real tokens read to learn it, all starts included.
        seconds: Wall-clock seconds of learning.
        peak_memory: Most memory the process held, bytes.
        losses: MLM loss on the report part, nats per masked piece, of what was learnt and of the controls.
        curve: (tokens, loss on the stop part, POS accuracy or None) at each look.
        counts: By task, the counts of every gold sentence.
        facts: Start, steps, hashes of text and gold data.
    """

    cell: Cell
    model: str
    options: Mapping[str, Any]
    numbers: int
    tokens: int
    seconds: float
    peak_memory: int
    losses: Mapping[str, float]
    curve: Sequence[tuple[int, float, float | None]]
    counts: Mapping[str, Counts]
    facts: Mapping[str, Any]


def save(outcome: Outcome, folder: Path) -> Path:
    """Write the cell's file, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = asdict(outcome) | {"format": FORMAT, "counts": {t: _counts(c) for t, c in outcome.counts.items()}}
    file = path(outcome.cell, folder)
    partial = file.with_suffix(".part")
    partial.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, file)
    return file


def load(cell: Cell, folder: Path) -> Outcome | None:
    """Read a cell's file; None where the cell was not run.

    Raises:
        DataError: The file is damaged or of another format.
    """
    file = path(cell, folder)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read ({error}); remove it, and the cell is run again.") from error
    if kept.pop("format", None) != FORMAT:
        raise DataError(f"{file} is not of format {FORMAT}; remove it, and the cell is run again.")
    counts = {task: Counts(c["metric"], np.array(c["right"], float), np.array(c["of"], float))
              for task, c in kept["counts"].items()}  # fmt: skip
    curve = [(int(tokens), float(loss), pos) for tokens, loss, pos in kept["curve"]]
    return Outcome(**kept | {"cell": Cell(**kept["cell"]), "counts": counts, "curve": curve})


def path(cell: Cell, folder: Path) -> Path:
    """Where a cell's file lies."""
    return folder / f"{cell.name}.json"


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "metric": counts.metric, "right": counts.numerator.astype(int).tolist(),
        "of": counts.denominator.astype(int).tolist(),
    }  # fmt: skip
