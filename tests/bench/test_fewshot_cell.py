"""Few-shot cells: every method goes on from what the add-language bench has kept, and is refused where nothing was."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hyperx_cl.bench.fewshot_cell import expect_ready, few_work, load_few, run_few_cell
from hyperx_cl.bench.fewshot_league import few_league
from hyperx_cl.bench.fewshot_plan import FEW_METHODS, FewBench, FewCell, few_cells, pool
from hyperx_cl.bench.outcome import load
from hyperx_cl.bench.plan import Cell
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import ConflictError, DataError, NotFoundError
from hyperx_cl.train.fewshot import draw
from hyperx_cl.train.progress import Silent


@pytest.fixture
def copied(few: FewBench, tmp_path: Path) -> FewBench:
    """The same bench in a folder of its own."""
    folder = tmp_path / "small"
    shutil.copytree(few.bench.folder, folder)
    return replace(few, bench=replace(few.bench, folder=folder))


def test_all_methods_learn_from_the_same_sentences_and_are_scored_on_the_test_file(few: FewBench) -> None:
    cells, without = few_cells(
        few, seeds=[1], languages=["hsb"], tasks=["pos", "ner"], methods=FEW_METHODS, sizes=[4], draws=2
    )
    assert [reason.split(":")[0] for reason in without] == ["ner in hsb"]
    work = few_work(few)
    expect_ready(few, work.missing(cells))
    for cell in cells:
        ground = work.ground(cell)
        assert (ground is not None) == (cell.name == "1-hsb-pos-full-0-0")
        if ground:
            assert ground.steps == 6
            ground.make(Silent())
        work.run(cell, True)
    assert work.missing(cells) == []
    outcomes = [load_few(few, cell) for cell in cells]
    sentences = pool(DataRoot(few.bench.data), "pos", "hsb")
    for found in outcomes:
        assert found is not None and len(found.counts) == 8  # the test file
        cell = found.cell
        drawn = draw(sentences, cell.n, cell.draw) if cell.n else []
        assert found.sentences == [sentence.digest for sentence in drawn]
        assert (found.numbers > 0) == (cell.n > 0 and found.facts.get("chosen") != "zero-shot")
        assert cell.n or found.seconds == 0
    assert all(o.facts["steps"] >= 3 for o in outcomes if o and o.cell.method in ("madx", "full") and o.cell.n)
    rows = few_league([o for o in outcomes if o])["rows"]
    assert [(row["method"], row["n"], row["draws"]) for row in rows] == [
        (method, 4, {"1": 2}) for method in ("mean", "default", "madx", "full")
    ]


def test_zero_shot_is_the_score_that_the_add_language_bench_has_measured(few: FewBench) -> None:
    for method in ("mean", "default", "madx"):
        cell = FewCell(1, "hsb", "pos", method, 0, 0)
        run_few_cell(few, cell, True)
        found, added = load_few(few, cell), load(Cell(1, "hsb", method), few.bench.folder / "cells")
        assert found is not None and added is not None
        assert found.counts.numerator.tolist() == added.counts["pos"].numerator.tolist()


def test_what_was_not_run_or_not_kept_is_named_before_anything_is_run(copied: FewBench) -> None:
    cell = FewCell(1, "hsb", "pos", "default", 4, 1)
    expect_ready(copied, [cell])
    with pytest.raises(NotFoundError, match="--lang hsb --method vector --seeds 1` with the same"):
        expect_ready(copied, [replace(cell, method="vector")])
    shutil.rmtree(copied.bench.folder / "records")
    for method in ("default", "madx"):
        with pytest.raises(NotFoundError, match=f"has left no record in .*; remove .*1-hsb-{method}.json and run"):
            expect_ready(copied, [replace(cell, method=method)])
    expect_ready(copied, [replace(cell, method="mean")])
    shutil.rmtree(copied.bench.folder / "base-1")
    with pytest.raises(NotFoundError, match="no whole base run in"):
        expect_ready(copied, [replace(cell, method="mean")])


def test_a_cell_of_another_base_run_is_refused(copied: FewBench) -> None:
    file = copied.bench.folder / "cells" / "1-hsb-mean.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model": "0" * 64}))
    with pytest.raises(ConflictError, match="was run on a model with fingerprint 000000000000"):
        run_few_cell(copied, FewCell(1, "hsb", "pos", "mean", 0, 0), True)


@pytest.mark.parametrize("text", ["{", '{"format": "hyperx-cl/bench-few-shot-cell@1"}'])
def test_a_damaged_file_is_refused(text: str, copied: FewBench) -> None:
    cell = FewCell(1, "hsb", "pos", "mean", 0, 0)
    assert load_few(copied, replace(cell, seed=9)) is None
    (copied.bench.folder / "few-shot").mkdir(exist_ok=True)
    (copied.bench.folder / "few-shot" / f"{cell.name}.json").write_text(text)
    with pytest.raises(DataError, match="remove it, and the cell is run again"):
        load_few(copied, cell)
