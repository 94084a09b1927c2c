"""The league table: means over seeds, the better control, and only what both sides have."""

from typing import Any

import numpy as np
import pytest

from hyperx_cl.bench.league import league, to_markdown
from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import Cell, Fold
from hyperx_cl.evaluate.metrics import POS_ACCURACY, Counts

FOLD = Fold(("hsb",), ("mt", "ug"), {"pos": ("en",)})


def outcome(method: str, code: str, share: float, *, seed: int = 1, sentences: int = 50, **changes: Any) -> Outcome:
    """Every sentence has 10 words, of which that share is right."""
    counts = Counts(POS_ACCURACY, np.full(sentences, 10 * share), np.full(sentences, 10.0))
    facts: dict[str, Any] = {
        "model": "f", "options": {}, "numbers": 64, "tokens": 100, "seconds": 2.0, "peak_memory": 5,
        "losses": {"learnt": 3.0}, "curve": [], "counts": {"pos": counts}, "facts": {},
    }  # fmt: skip
    return Outcome(cell=Cell(seed, code, method), **facts | changes)


def test_rows_are_means_over_seeds() -> None:
    rows = league(FOLD, [
        outcome("default", "mt", 0.5, seed=1, tokens=100, losses={"learnt": 2.0}),
        outcome("default", "mt", 0.7, seed=2, tokens=200, losses={"learnt": 3.0}),
    ])["rows"]  # fmt: skip
    assert list(rows) == ["default"]
    assert rows["default"]["tokens"] == 150
    assert rows["default"]["languages"] == {"mt": {"seeds": [1, 2], "loss": 2.5, "pos": pytest.approx(0.6)}}


def test_the_primary_comparison_is_with_the_better_control_on_what_both_have() -> None:
    table = league(FOLD, [
        outcome("mean", "mt", 0.3), outcome("nearest", "mt", 0.4), outcome("default", "mt", 0.6),
        outcome("mean", "ug", 0.6), outcome("nearest", "ug", 0.4), outcome("default", "ug", 0.7),
        outcome("default", "ug", 0.9, seed=2),  # no control of that seed
        outcome("mean", "hsb", 0.9), outcome("nearest", "hsb", 0.9), outcome("default", "hsb", 0.1),
    ])  # fmt: skip
    final, development = ([c for c in table["compared"] if c["group"] == name] for name in ("final", "development"))
    (found,) = final
    assert (found["method"], found["control"], found["primary"], found["seeds"]) == ("default", "mean", True, [1])
    assert found["score"] == pytest.approx(0.65) and found["control_score"] == pytest.approx(0.45)
    assert found["difference"] == pytest.approx(0.2) == found["low"] == found["high"]
    assert development[0]["difference"] == pytest.approx(-0.8)


def test_a_bench_that_was_stopped_is_compared_on_whole_seeds() -> None:
    done = [outcome(name, code, share, seed=seed) for name, share in (("mean", 0.4), ("default", 0.6))
            for seed, code in ((1, "mt"), (1, "ug"), (2, "mt"))]  # fmt: skip
    done += [outcome("nearest", code, 0.3, seed=seed) for seed, code in ((1, "mt"), (1, "ug"), (2, "mt"))]
    (found,) = league(FOLD, done)["compared"]
    assert (found["languages"], found["seeds"]) == (["mt", "ug"], [1])


def test_every_method_has_a_macro_score_with_its_interval_and_every_cell_is_kept_for_the_plots() -> None:
    half = Counts(POS_ACCURACY, np.arange(50) % 2 * np.float64(10), np.full(50, 10.0))
    table = league(FOLD, [outcome("mean", "mt", 0.3), outcome("default", "mt", 0.3, counts={"pos": half},
                                                              curve=[(10, 2.0, None)])])  # fmt: skip
    mean, default = table["macro"]
    assert (mean["method"], mean["group"], mean["languages"], mean["seeds"]) == ("mean", "final", ["mt"], [1])
    assert mean["score"] == mean["low"] == mean["high"] == pytest.approx(0.3)
    assert default["score"] == 0.5 and 0.3 < default["low"] < 0.5 < default["high"] < 0.7
    assert table["cells"] == [
        {"seed": 1, "language": "mt", "method": "default", "tokens": 100, "loss": 3.0, "scores": {"pos": 0.5},
         "curve": [[10, 2.0, None]]},
        {"seed": 1, "language": "mt", "method": "mean", "tokens": 100, "loss": 3.0,
         "scores": {"pos": pytest.approx(0.3)}, "curve": []},
    ]  # fmt: skip


def test_markdown_names_every_group_and_leaves_empty_columns_out() -> None:
    text = to_markdown(league(FOLD, [outcome("mean", "mt", 0.3), outcome("nearest", "mt", 0.2),
                                     outcome("default", "mt", 0.456)]))  # fmt: skip
    assert "## Final languages: mt" in text and "Development" not in text and "NER" not in text
    assert "| default | 64 | 100 | 2 | 0.0 | 3.000 | 45.6 |" in text
    assert "| **default** | POS | 45.6 | mean 30.0 | +15.6 [+15.6, +15.6] | 0.002 | mt | 1 |" in text
