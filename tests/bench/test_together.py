"""Several folds as one: which languages count, the better control of each fold, and the test by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.bench.together import read_results, to_markdown, together
from hyperx_cl.errors import DataError, NotFoundError


def fold(
    name: str, final: dict[str, dict[str, float]], *, seeds: tuple[int, ...] = (1,), **more: Any
) -> dict[str, Any]:
    """Results of a fold: scores by final language and method."""
    cells = [
        {"seed": seed, "language": code, "method": method, "scores": {"pos": share + 0.01 * (seed - 1)}}
        for seed in seeds
        for code, scores in final.items()
        for method, share in scores.items()
    ]
    return {
        "groups": {"development": ["hsb"], "final": [*final]}, "cells": cells,
        "about": {"fold": name, "backbone": "mbert"},
    }  # fmt: skip


MAIN = fold("main", {
    "mt": {"default": 0.7, "mean": 0.3, "nearest": 0.4, "madx": 0.72},
    "ug": {"default": 0.5, "mean": 0.4, "nearest": 0.1},
    "fo": {"default": 0.9, "mean": 0.8, "nearest": 0.8, "madx": 0.88},
}, seeds=(1, 2, 3))  # fmt: skip
SECOND = fold("second", {"br": {"default": 0.6, "mean": 0.5, "nearest": 0.66}, "sa": {"default": 0.3, "mean": 0.2}})


def test_each_language_counts_once_against_its_folds_better_control() -> None:
    found = together([MAIN, SECOND])
    control, madx = found["comparisons"]
    assert [(r["language"], r["other"]) for r in control["rows"]] == [
        ("mt", "mean"), ("ug", "mean"), ("fo", "mean"), ("br", "nearest")  # sa has no nearest
    ]  # fmt: skip
    assert [r["difference"] for r in control["rows"]] == pytest.approx([0.4, 0.1, 0.1, -0.06])
    assert control["rows"][0]["seeds"] == [1, 2, 3] and control["rows"][0]["default"] == pytest.approx(0.71)
    # Ranks 1 (-), 2.5, 2.5, 4: of 16 signs, 2 have a rank sum of at most 1.
    assert control["p"] == pytest.approx(2 * 2 / 16) and control["difference"] == pytest.approx(0.54 / 4)
    assert [r["language"] for r in madx["rows"]] == ["mt", "fo"] and madx["difference"] == pytest.approx(0, abs=1e-12)


def test_the_table_names_the_test() -> None:
    text = to_markdown(together([MAIN, SECOND]))
    assert "| main | mt | 1 2 3 | 71.0 | mean 31.0 | +40.0 |" in text
    assert "Mean difference +13.5 over 4 languages; Wilcoxon's signed-rank test, exact, two-sided: p = 0.25." in text


def test_what_cannot_be_held_together_is_refused(tmp_path: Path) -> None:
    files = []
    for number, table in enumerate([MAIN, SECOND, MAIN, SECOND | {"about": {"fold": "third", "backbone": "other"}}]):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(table))
    assert [t["about"]["fold"] for t in read_results(files[:2])] == ["main", "second"]
    with pytest.raises(DataError, match="of the folds main, main"):
        read_results([files[0], files[2]])
    with pytest.raises(DataError, match="of the backbones mbert, other"):
        read_results([files[0], files[3]])
    (tmp_path / "no.json").write_text('{"cells": []}')
    with pytest.raises(DataError, match=r"no\.json is no results file"):
        read_results([tmp_path / "no.json"])
    with pytest.raises(NotFoundError, match="There is no file"):
        read_results([tmp_path / "none.json"])
    with pytest.raises(DataError, match="No final language has a ner score"):
        together([MAIN], "ner")
