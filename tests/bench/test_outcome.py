"""A cell's file: read as it was written, and one sentence where it is damaged."""

import json
from pathlib import Path

import pytest

from hyperx_cl.bench.curve import Curve
from hyperx_cl.bench.kept import machines, path
from hyperx_cl.bench.machine import describe
from hyperx_cl.bench.outcome import FORMAT, load, save
from hyperx_cl.errors import DataError
from tests.bench.test_league import outcome


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = outcome("default", "mt", 0.5, sentences=3, curve=[(10, 2.5, None), (20, 2.0, 0.4)])
    save(made, tmp_path)
    read = load(made.cell, tmp_path)
    assert read is not None and read.cell == made.cell and read.curve == made.curve
    assert read.counts["pos"].numerator.tolist() == [5, 5, 5] and read.counts["pos"].metric == made.counts["pos"].metric
    assert [file.name for file in tmp_path.iterdir()] == ["1-mt-default.json"]
    assert load(outcome("mean", "mt", 0.5).cell, tmp_path) is None


def test_a_file_tells_the_machine_it_was_made_on(tmp_path: Path) -> None:
    cells = [outcome(name, "mt", 0.5) for name in ("mean", "nearest", "default")]
    for made in cells:
        save(made, tmp_path)
    other = json.loads(path(cells[2].cell, tmp_path).read_text())
    other["machine"]["processor"] = "another"
    path(cells[2].cell, tmp_path).write_text(json.dumps(other))
    found = machines([made.cell for made in cells], tmp_path, FORMAT)
    assert found == [describe(), describe() | {"processor": "another"}]
    assert machines([outcome("mean", "ug", 0.5).cell], tmp_path, FORMAT) == []


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"format": "other"}', '{"format": "hyperx-cl/bench-cell@1"}'])
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    cell = outcome("mean", "mt", 0.5).cell
    path(cell, tmp_path).write_text(text)
    with pytest.raises(DataError, match="remove it, and the cell is run again"):
        load(cell, tmp_path)


def test_a_curve_goes_on_where_it_was_and_takes_no_point_twice(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "curve.json"
    Curve(file).add(10, 3.0, None)
    first = Curve(file)
    first.add(20, 2.5, 0.5)
    again = Curve(file)
    again.add(20, 2.4, 0.6)
    assert Curve(file).points == [(10, 3.0, None), (20, 2.4, 0.6)]
    assert [again.before(tokens) for tokens in (10, 20, 21)] == [0, 1, 2]
    assert Curve(file).peak_memory >= again.peak_memory >= first.peak_memory > 0
