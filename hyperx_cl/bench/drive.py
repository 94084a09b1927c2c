"""The driver: base runs first, then every cell that has no result yet, each in a process of its own."""

import multiprocessing
import time
from collections.abc import Callable, Sequence

from hyperx_cl.bench.base import has_base, train_base
from hyperx_cl.bench.cell import run_cell
from hyperx_cl.bench.outcome import path
from hyperx_cl.bench.plan import Bench, Cell
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.progress import reporting


def missing(bench: Bench, cells: Sequence[Cell]) -> list[Cell]:
    """The cells that were not run yet."""
    return [cell for cell in cells if not path(cell, bench.folder / "cells").is_file()]


def drive(
    bench: Bench, cells: Sequence[Cell], *, minutes: float = 0, quiet: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[Cell]:  # fmt: skip
    """Run what is missing; stopped at any moment, the same call goes on.

    A cell has a process of its own, so that the memory it names is its own.

    Args:
        bench: The bench.
        cells: Wanted; a seed's base run goes before its first cell.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Returns:
        The cells that are still missing.

    Raises:
        HyperXError: A piece of work failed.
    """
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    for cell in missing(bench, cells):
        if time.monotonic() > end:
            break
        if not has_base(bench, cell):
            say(f"what {cell.method} stands on, seed {cell.seed}")
            with reporting(f"base {cell.seed}", bench.train.steps, quiet=quiet) as reporter:
                train_base(bench, cell, reporter)
        say(f"{cell.method} for {cell.language}, seed {cell.seed}")
        process = multiprocessing.get_context("spawn").Process(target=run_cell, args=(bench, cell, quiet))
        process.start()
        process.join()
        if process.exitcode:
            raise HyperXError(
                f"The cell {cell.name} failed with exit code {process.exitcode}; its message stands above. "
                "Run the same command again to go on."
            )
    return missing(bench, cells)
