"""The driver of any bench: what cells stand on first, then every cell that has no result yet, each in a process."""

import multiprocessing
import multiprocessing.connection
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from hyperx_cl.bench.kept import Named, path
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.progress import Reporter, reporting

C = TypeVar("C", bound=Named)


@dataclass(frozen=True)
class Ground:
    """What some cells stand on, and how it is made.

    Args:
        title: In words.
        steps: Steps that its making tells of.
        make: Makes it, or goes on where that was stopped.
    """

    title: str
    steps: int
    make: Callable[[Reporter], None]


@dataclass(frozen=True)
class Work(Generic[C]):
    """What a bench does.

    Args:
        cells: Folder of the cells' files.
        ground: What a cell stands on, where that is not there yet.
        run: Runs a cell and writes its file, without a word where the second argument says so; it is sent to another
            process, so it is a function of a module, or a `partial` of one.
        goes_through: Names what a cell writes besides its file; two cells of one such name never run side by side.
    """

    cells: Path
    ground: Callable[[C], Ground | None]
    run: Callable[[C, bool], None]
    goes_through: Callable[[C], str] = lambda cell: cell.name

    def missing(self, cells: Sequence[C]) -> list[C]:
        """The cells that were not run yet."""
        return [cell for cell in cells if not path(cell, self.cells).is_file()]


def drive(
    work: Work[C], cells: Sequence[C], *, jobs: int = 1, minutes: float = 0, quiet: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[C]:  # fmt: skip
    """Run what is missing; stopped at any moment, the same call goes on.

    A cell has a process of its own, so that the memory it names is its own.

    Args:
        work: What the bench does.
        cells: Wanted, in order.
        jobs: Cells that run side by side; they share the processor's threads, and show no progress if several.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Returns:
        The cells that are still missing.

    Raises:
        HyperXError: A piece of work failed; what ran beside it has ended first.
    """
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    waiting, running = work.missing(cells), dict[str, tuple[C, BaseProcess]]()
    failed: list[str] = []
    try:
        while not failed and time.monotonic() < end and (waiting or running):
            cell = next((cell for cell in waiting if work.goes_through(cell) not in running), None)
            if cell is None or len(running) == jobs:
                failed += _wait(running)
                continue
            waiting.remove(cell)
            ground = work.ground(cell)
            if ground:
                say(ground.title)
                with reporting(ground.title, ground.steps, quiet=quiet) as reporter:
                    ground.make(reporter)
            say(cell.title)
            process = multiprocessing.get_context("spawn").Process(
                target=_guarded, args=(work.run, cell, quiet or jobs > 1, jobs)
            )
            process.start()
            running[work.goes_through(cell)] = cell, process
    finally:
        while running:
            failed += _wait(running)
    if failed:
        raise HyperXError(f"{' '.join(failed)} Run the same command again to go on.")
    return work.missing(cells)


def _wait(running: dict[str, tuple[C, BaseProcess]]) -> list[str]:
    """Wait until one process has ended, or several; take them out, and say which of them failed."""
    failed = []
    ended = multiprocessing.connection.wait([process.sentinel for _, process in running.values()])
    for name, (cell, process) in list(running.items()):
        if process.sentinel not in ended:
            continue
        process.join()
        del running[name]
        if process.exitcode:
            failed.append(f"The cell {cell.name} failed with exit code {process.exitcode}; its message stands above.")
    return failed


def _guarded(run: Callable[[C, bool], None], cell: C, quiet: bool, jobs: int) -> None:
    """Run a cell; its process ends with exit code 1 where it fails."""
    if jobs > 1:
        import torch

        torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    try:
        run(cell, quiet)
    except HyperXError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
