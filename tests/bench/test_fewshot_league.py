"""The few-shot table: means over draws beside zero-shot, and every fall below it is named."""

import pytest

from hyperx_cl.bench.fewshot_league import few_league, few_markdown
from tests.bench.realistic import few_outcome


def test_a_row_is_the_mean_over_draws_beside_its_zero_shot_score() -> None:
    made = [
        few_outcome("default", "mt", n, draw, share) for n, draw, share in ((0, 0, 0.4), (20, 1, 0.6), (20, 2, 0.8))
    ]
    table = few_league([*made, few_outcome("default", "mt", 50, 1, 0.9, seed=2)])  # seed 2 has no zero-shot score
    (row,) = table["rows"]
    zero, first, second = (o.counts.value for o in made)
    assert (row["method"], row["language"], row["n"], row["seeds"], row["draws"]) == (
        "default",
        "mt",
        20,
        [1],
        {"1": 2},
    )
    assert row["zero_shot"] == zero and row["score"] == pytest.approx((first + second) / 2)
    assert (row["lowest"], row["highest"]) == (first, second)
    assert row["difference"] == pytest.approx(row["score"] - zero)
    assert row["low"] < row["difference"] < row["high"]
    assert row["sentences"] == {"1": ["s1"] * 20, "2": ["s2"] * 20} and row["below"] == []
    assert row["chosen"] == ["embedding", "embedding"]


def test_a_mean_below_zero_shot_is_named_even_if_one_draw_is_above() -> None:
    shares = ((0, 0, 0.6), (20, 1, 0.3), (20, 2, 0.8))
    table = few_league([few_outcome("madx", "ug", n, draw, share) for n, draw, share in shares])
    (below,) = table["below"]
    assert (below["method"], below["n"], below["pairs"], below["below"]) == ("madx", 20, 1, ["pos ug seed 1"])
    text = few_markdown(table | {"without": ["pos in yo: nothing."]})
    assert "| madx | 20 | 1 of 1 | pos ug seed 1 | 2 |" in text and "| **yes** |" in text
    assert "- pos in yo: nothing." in text


def test_draws_that_leave_everything_as_it_is_are_not_below() -> None:
    made = [few_outcome("default", "mt", n, draw, 0.7) for n, draw in ((0, 0), *((20, draw) for draw in range(1, 6)))]
    (below,) = few_league(made)["below"]
    assert below["below"] == [] and below["difference"] == 0
    assert "| default | 20 | 0 of 1 | never | 5 | +0.0 |" in few_markdown(few_league(made))


def test_nothing_gives_no_rows() -> None:
    assert few_league([]) == {"rows": [], "below": []}
