"""The driver of any bench: what cells stand on first, then every cell that has no result yet, each in a process."""

import _thread
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from hyperx_cl.bench.kept import Named, path
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.progress import Reporter, reporting

C = TypeVar("C", bound=Named)

LINUX = sys.platform == "linux"


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

    A cell has a process of its own, so that the memory it names is its own. On Linux it is forked from a small one that
    has imported torch: elsewhere that is not safe, and each imports it anew. (A process that Linux begins by `exec`, as
    spawned ones are, names the most that its parent ever had as its own.) Where this process is killed, the cells that
    run stop as at Ctrl-C: the next call must not go through them a second time beside them.

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
    context: ForkServerContext | SpawnContext
    context = multiprocessing.get_context("forkserver") if LINUX else multiprocessing.get_context("spawn")
    context.set_forkserver_preload(["hyperx_cl.bench.cell"])
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    waiting, running = work.missing(cells), dict[str, _Running[C]]()
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
            told, telling = context.Pipe()
            process = context.Process(target=_guarded, args=(work.run, cell, quiet or jobs > 1, jobs, telling))
            process.start()
            telling.close()  # this process's own: now each side ends with the other process
            running[work.goes_through(cell)] = _Running(cell, process, told)
    finally:
        while running:
            failed += _wait(running)
    if failed:
        raise HyperXError(f"{' '.join(failed)} Run the same command again to go on.")
    return work.missing(cells)


@dataclass(frozen=True)
class _Running(Generic[C]):
    """A cell, its process, and what that says where it fails."""

    cell: C
    process: BaseProcess
    told: Connection

    def failure(self) -> str | None:
        """How its process, which has ended, has failed."""
        if not self.process.exitcode:
            return None
        try:
            return f"The cell {self.cell.name} failed: {self.told.recv()}"
        except EOFError:
            return f"The cell {self.cell.name} ended with exit code {self.process.exitcode}."


def _wait(running: dict[str, _Running[C]]) -> list[str]:
    """Wait until one process has ended, or several; take them out, and say which of them failed."""
    failed = []
    ended = multiprocessing.connection.wait([one.process.sentinel for one in running.values()])
    for name, one in list(running.items()):
        if one.process.sentinel in ended:
            one.process.join()
            failed.append(one.failure())
            del running[name]
    return [text for text in failed if text]


def _guarded(run: Callable[[C, bool], None], cell: C, quiet: bool, jobs: int, telling: Connection) -> None:
    """Run a cell; where it fails, its process says why and ends with exit code 1."""
    threading.Thread(target=_stop_without, args=(telling,), daemon=True).start()
    if jobs > 1:
        import torch

        torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
    try:
        run(cell, quiet)
    except HyperXError as error:
        telling.send(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _stop_without(driver: Connection) -> None:
    """Wait for the driver's end; then stop this process as Ctrl-C does, with a checkpoint where it keeps any."""
    with contextlib.suppress(EOFError, OSError):
        driver.recv()  # it never sends anything
    if callable(signal.getsignal(signal.SIGINT)):
        _thread.interrupt_main()
    else:  # it was begun deaf to Ctrl-C, as what a script starts in its background is: back to its last checkpoint
        os._exit(130)
