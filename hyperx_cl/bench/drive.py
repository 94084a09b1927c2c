"""The driver of any bench: what cells stand on first, then every cell that has no result yet, each in a process."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    """

    cells: Path
    ground: Callable[[C], Ground | None]
    run: Callable[[C, bool], None]

    def missing(self, cells: Sequence[C]) -> list[C]:
        """The cells that were not run yet."""
        return [cell for cell in cells if not path(cell, self.cells).is_file()]


def drive(
    work: Work[C], cells: Sequence[C], *, minutes: float = 0, quiet: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[C]:  # fmt: skip
    """Run what is missing; stopped at any moment, the same call goes on.

    A cell has a process of its own, so that the memory it names is its own.

    Args:
        work: What the bench does.
        cells: Wanted, in order.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Returns:
        The cells that are still missing.

    Raises:
        HyperXError: A piece of work failed.
    """
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    for cell in work.missing(cells):
        if time.monotonic() > end:
            break
        ground = work.ground(cell)
        if ground:
            say(ground.title)
            with reporting(ground.title, ground.steps, quiet=quiet) as reporter:
                ground.make(reporter)
        say(cell.title)
        process = multiprocessing.get_context("spawn").Process(target=_guarded, args=(work.run, cell, quiet))
        process.start()
        process.join()
        if process.exitcode:
            raise HyperXError(
                f"The cell {cell.name} failed with exit code {process.exitcode}; its message stands above. "
                "Run the same command again to go on."
            )
    return work.missing(cells)


def _guarded(run: Callable[[C, bool], None], cell: C, quiet: bool) -> None:
    """Run a cell; its process ends with exit code 1 where it fails."""
    try:
        run(cell, quiet)
    except HyperXError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
