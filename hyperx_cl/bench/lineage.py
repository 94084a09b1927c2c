"""One run a seed: cells that are compared as one seed's stand on the same model, whatever machine each was run on.

A run that is made anew on another machine is another run, for its numbers are not the same bits.
"""

from collections.abc import Sequence

from hyperx_cl.bench.base import has_run, run_folder
from hyperx_cl.bench.kept import path
from hyperx_cl.bench.outcome import Outcome, load
from hyperx_cl.bench.plan import METHODS, Bench, Cell, Run
from hyperx_cl.errors import ConflictError
from hyperx_cl.model.storage import read_config

JOINT: tuple[Run, ...] = ("base", "untrained", "joint")
"""Runs that are a model of ours; MAD-X's adapters are learnt one by one and belong to no such model."""


def expect_one_run(bench: Bench, cells: Sequence[Cell]) -> None:
    """Refuse cells that would be, or already are, compared as one seed's and stand on two runs.

    Raises:
        ConflictError: There are two, or results are kept of a run that is not here and more are wanted of it.
        DataError: A cell's file is damaged.
    """
    for seed in {cell.seed for cell in cells}:
        outcomes = _kept(bench, seed)
        for run in JOINT:
            mine = [o for o in outcomes if METHODS[o.cell.method].over == run]
            missing = [
                cell for cell in cells
                if cell.seed == seed and METHODS[cell.method].over == run and not path(cell, bench.cells).is_file()
            ]  # fmt: skip
            if mine:
                _expect_same(mine)
            if mine and missing:
                _expect_here(bench, seed, run, mine[0])


def _expect_same(outcomes: Sequence[Outcome]) -> None:
    first = outcomes[0]
    for other in outcomes[1:]:
        if other.model != first.model:
            raise ConflictError(
                f"The cells '{first.cell.name}' and '{other.cell.name}' were run over different runs of one seed, with "
                f"fingerprints {first.model[:12]} and {other.model[:12]}; remove the cells of one of them."
            )


def _expect_here(bench: Bench, seed: int, run: Run, kept: Outcome) -> None:
    folder = run_folder(bench, seed, run)
    if not has_run(bench, seed, run) or read_config(folder)["fingerprint"] != kept.model:
        raise ConflictError(
            f"'{kept.cell.name}' and maybe other cells of seed {seed} were run over a model with fingerprint "
            f"{kept.model[:12]}, which is not in {folder}; bring it there, or choose another seed for a run of its own."
        )


def _kept(bench: Bench, seed: int) -> list[Outcome]:
    """The results of a seed that are there, wanted now or not."""
    found = []
    for file in sorted(bench.cells.glob(f"{seed}-*.json")):
        _, language, method = file.stem.split("-", 2)
        outcome = load(Cell(seed, language, method), bench.cells) if method in METHODS else None
        if outcome:
            found.append(outcome)
    return found
