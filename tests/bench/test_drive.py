"""The driver: what cells stand on once, each cell in a process of its own, and on with what is missing."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hyperx_cl.bench.drive import Ground, Work, drive
from hyperx_cl.bench.kept import write
from hyperx_cl.bench.plan import Cell
from hyperx_cl.errors import DataError, HyperXError
from hyperx_cl.train.progress import Reporter

CELLS = [Cell(1, "mt", "mean"), Cell(1, "mt", "default")]


def run(folder: Path, cell: Cell, quiet: bool) -> None:
    """Write down which process this is; a cell of 'yo' fails."""
    if cell.language == "yo":
        raise DataError("yo cannot be read.")
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


def test_nothing_begins_after_the_last_minute(tmp_path: Path) -> None:
    assert drive(work(tmp_path), CELLS, minutes=1e-9) == CELLS


def test_a_cell_that_fails_ends_the_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HyperXError, match="The cell 1-yo-mean failed with exit code 1"):
        drive(work(tmp_path), [Cell(1, "yo", "mean"), *CELLS])
    assert "Error: yo cannot be read." in capfd.readouterr().err
    assert not list(tmp_path.iterdir())
