"""Cells of one seed stand on one run, whatever machine they come from."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hyperx_cl.bench.fewshot_plan import FewBench
from hyperx_cl.bench.lineage import expect_one_run
from hyperx_cl.bench.outcome import load, save
from hyperx_cl.bench.plan import Bench, Cell
from hyperx_cl.errors import ConflictError

MEAN, NEAREST = Cell(1, "hsb", "mean"), Cell(1, "hsb", "nearest")


@pytest.fixture
def bench(few: FewBench, tmp_path: Path) -> Bench:
    """Results that were kept apart from what they were made from."""
    cells = tmp_path / "kept" / "cells"
    cells.mkdir(parents=True)
    for name in ("mean", "default", "madx"):
        shutil.copy(few.bench.cells / f"1-hsb-{name}.json", cells)
    return replace(few.bench, keep=tmp_path / "kept")


def test_more_cells_are_run_over_the_run_of_the_others(bench: Bench, tmp_path: Path) -> None:
    expect_one_run(bench, [MEAN, NEAREST])
    away = replace(bench, folder=tmp_path / "elsewhere")
    expect_one_run(away, [MEAN, Cell(1, "hsb", "madx")])  # both are there
    expect_one_run(away, [Cell(2, "hsb", "nearest"), Cell(1, "hsb", "untrained")])  # of runs that nothing is kept of
    with pytest.raises(ConflictError, match="cells of seed 1 were run over a model with .* not in .*base-1; bring it"):
        expect_one_run(away, [NEAREST])


def test_two_runs_of_one_seed_are_not_mixed(bench: Bench) -> None:
    kept = load(MEAN, bench.cells)
    assert kept is not None
    save(replace(kept, cell=NEAREST, model="0" * 64), bench.cells)
    with pytest.raises(ConflictError, match="different runs of one seed, .* and 000000000000; remove"):
        expect_one_run(bench, [MEAN])
    save(replace(kept, cell=replace(NEAREST, seed=2), model="0" * 64), bench.cells)
    (bench.cells / "1-hsb-nearest.json").unlink()
    expect_one_run(bench, [MEAN, replace(NEAREST, seed=2)])


def test_a_run_that_was_made_anew_is_another_one(bench: Bench) -> None:
    kept = load(MEAN, bench.cells)
    assert kept is not None
    for name in ("mean", "default"):
        save(replace(kept, cell=Cell(1, "hsb", name), model="1" * 64), bench.cells)
    expect_one_run(bench, [MEAN])
    with pytest.raises(ConflictError, match="fingerprint 111111111111, which is not in"):
        expect_one_run(bench, [MEAN, NEAREST])
