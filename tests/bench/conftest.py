"""A tiny bench whose add-language cells have ended, made once for all tests."""

from pathlib import Path

import pytest

from hyperx_cl.bench.base import run_ground
from hyperx_cl.bench.cell import run_cell
from hyperx_cl.bench.fewshot_plan import FewBench
from hyperx_cl.bench.plan import Cell
from hyperx_cl.train.progress import Silent
from tests.bench.small_bench import small_bench, small_few


@pytest.fixture(scope="session")
def few(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> FewBench:
    """The bench; its cells of hsb are there for three methods."""
    bench = small_bench(tiny_backbone, tmp_path_factory.mktemp("bench"))
    for method in ("mean", "default", "madx"):
        cell = Cell(1, "hsb", method)
        ground = run_ground(bench, cell)
        if ground:
            ground.make(Silent())
        run_cell(bench, cell, True)
    return small_few(bench)
