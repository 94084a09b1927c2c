"""What a cell leaves behind: one JSON file, with the counts of every sentence, so that intervals can be paired."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hyperx_cl.bench.kept import counts_from_json, counts_to_json, damaged, read, write
from hyperx_cl.bench.plan import Cell
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
        facts: Start, steps, hashes of text and gold data, and of what was learnt, which `records` keeps.
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
    counts = {task: counts_to_json(c) for task, c in outcome.counts.items()}
    return write(outcome.cell, folder, FORMAT, asdict(outcome) | {"counts": counts})


def load(cell: Cell, folder: Path) -> Outcome | None:
    """Read a cell's file; None where the cell was not run.

    Raises:
        DataError: The file is damaged or of another format.
    """
    kept = read(cell, folder, FORMAT)
    if kept is None:
        return None
    try:
        counts = {task: counts_from_json(c) for task, c in kept["counts"].items()}
        curve = [(int(tokens), float(loss), pos) for tokens, loss, pos in kept["curve"]]
        return Outcome(**kept | {"cell": Cell(**kept["cell"]), "counts": counts, "curve": curve})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(cell, folder, error) from error
