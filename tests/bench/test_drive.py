"""The driver: what cells stand on once, each cell in a process of its own, and on with what is missing."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hyperx_cl.bench.drive import LINUX, Ground, Work, drive
from hyperx_cl.bench.kept import write
from hyperx_cl.bench.machine import peak_memory
from hyperx_cl.bench.plan import Cell
from hyperx_cl.errors import DataError, HyperXError
from hyperx_cl.train.progress import Reporter

CELLS = [Cell(1, "mt", "mean"), Cell(1, "mt", "default")]


def run(folder: Path, cell: Cell, quiet: bool) -> None:
    """Write down which process this is; a cell of 'yo' fails, and one of 'fo' ends without a word."""
    if cell.language == "yo":
        raise DataError("yo cannot be read.")
    if cell.language == "fo":
        os._exit(3)
    write(cell, folder, "test@1", {"process": os.getpid(), "quiet": quiet})


def work(folder: Path, ground: Callable[[Cell], Ground | None] = lambda cell: None) -> Work[Cell]:
    """Cells in a folder."""
    return Work(folder, ground, partial(run, folder))


def test_each_missing_cell_has_its_own_process_and_its_ground(tmp_path: Path) -> None:
    there, said = tmp_path / "ground", list[str]()

    def make(reporter: Reporter) -> None:
        reporter.step(1, "made")
        there.touch()

    def ground(cell: Cell) -> Ground | None:
        return None if there.exists() else Ground("what it stands on", 1, make)

    assert drive(work(tmp_path / "cells", ground), CELLS, quiet=True, say=said.append) == []
    assert said == ["what it stands on", "mean for mt, seed 1", "default for mt, seed 1"]
    texts = [file.read_text() for file in sorted((tmp_path / "cells").iterdir())]
    assert len(set(texts)) == 2 and all('"quiet": true' in text and str(os.getpid()) not in text for text in texts)
    said.clear()
    assert drive(work(tmp_path / "cells", ground), CELLS, say=said.append) == [] and said == []


def measure(folder: Path, cell: Cell, quiet: bool) -> None:
    """Write down the most memory that this process has held."""
    write(cell, folder, "test@1", {"peak": peak_memory()})


@pytest.mark.skipif(not LINUX, reason="elsewhere each process is begun anew")
def test_a_cell_s_peak_memory_is_its_own(tmp_path: Path) -> None:
    held = bytearray(2**30)  # as base training in this process leaves its mark on what it has held
    assert drive(Work(tmp_path, lambda cell: None, partial(measure, tmp_path)), CELLS[:1]) == []
    assert json.loads(next(tmp_path.iterdir()).read_text())["peak"] < len(held) < peak_memory()


def test_nothing_begins_after_the_last_minute(tmp_path: Path) -> None:
    assert drive(work(tmp_path), CELLS, minutes=1e-9) == CELLS


@pytest.mark.parametrize(
    ("language", "said"), [("yo", "failed: yo cannot be read."), ("fo", "ended with exit code 3.")]
)
def test_a_cell_that_fails_ends_the_run(language: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(HyperXError) as failed:
        drive(work(tmp_path), [Cell(1, language, "mean"), *CELLS])
    assert str(failed.value) == f"The cell 1-{language}-mean {said} Run the same command again to go on."
    assert not list(tmp_path.iterdir())


def meet(folder: Path, cell: Cell, quiet: bool) -> None:
    """Wait for the other language's first cell, and write down who was there already."""
    (folder / f"{cell.name}.begun").touch()
    if cell.method == "mean":
        other = folder / f"1-{'ug' if cell.language == 'mt' else 'mt'}-mean.begun"
        end = time.monotonic() + 60
        while not other.exists():
            assert time.monotonic() < end, "the cells do not run side by side"
            time.sleep(0.02)
    write(cell, folder, "test@1", {"quiet": quiet, "done": sorted(file.stem for file in folder.glob("*.json"))})


def test_cells_run_side_by_side_unless_they_go_through_the_same(tmp_path: Path) -> None:
    cells = [Cell(1, code, method) for code in ("mt", "ug") for method in ("mean", "default")]
    work = Work(tmp_path, lambda cell: None, partial(meet, tmp_path), goes_through=lambda cell: cell.language)
    assert drive(work, cells, jobs=2) == []
    for code in ("mt", "ug"):  # the second waits for the first
        kept = json.loads((tmp_path / f"1-{code}-default.json").read_text())
        assert f"1-{code}-mean" in kept["done"] and kept["quiet"]


def test_what_runs_beside_a_cell_that_fails_ends_first(tmp_path: Path) -> None:
    with pytest.raises(HyperXError, match="1-yo-mean failed: yo cannot be read"):
        drive(work(tmp_path), [CELLS[0], Cell(1, "yo", "mean"), CELLS[1]], jobs=2)
    assert (tmp_path / "1-mt-mean.json").is_file()


def last(folder: Path, cell: Cell, quiet: bool) -> None:
    """Go on until it is stopped, with a sign of life every now and then, and say so if it is stopped by Ctrl-C."""
    try:
        for _ in range(10_000):  # not for ever, should nobody stop it
            (folder / "alive").touch()
            time.sleep(0.02)
    except KeyboardInterrupt:
        (folder / "stopped").touch()
        raise


@pytest.mark.parametrize("deaf", [False, True], ids=["hears Ctrl-C", "deaf to it"])
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_cell_stops_where_its_driver_is_killed(deaf: bool, tmp_path: Path) -> None:
    code = (
        f"import signal; signal.signal(signal.SIGINT, signal.{'SIG_IGN' if deaf else 'default_int_handler'})\n"
        "from functools import partial; from pathlib import Path\n"
        "from hyperx_cl.bench.drive import Work, drive; from tests.bench.test_drive import CELLS, last\n"
        f"drive(Work(Path({str(tmp_path)!r}), lambda cell: None, partial(last, Path({str(tmp_path)!r}))), CELLS)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    alive, stopped = tmp_path / "alive", tmp_path / "stopped"
    _soon(alive.exists)
    driver.kill()
    driver.wait()
    _soon(lambda: time.time() - alive.stat().st_mtime > 3)
    if deaf:
        assert not stopped.exists()
    else:
        _soon(stopped.exists)


def _soon(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
