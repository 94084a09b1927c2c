"""What is compared with what: the default with the others, its share of the way to the joint run, tokens to a loss."""

from typing import Any

import numpy as np
import pytest

from hyperx_cl.bench.compare import joint_share, tokens_to_equal_loss, with_controls, with_default
from hyperx_cl.bench.league import league, to_markdown
from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import FOLDS
from hyperx_cl.evaluate.metrics import POS_ACCURACY, Counts
from hyperx_cl.evaluate.paired import holm
from tests.bench.test_league import outcome


def noisy(method: str, code: str, share: float, **changes: Any) -> Outcome:
    """Sentences of 10 words, each word right by chance."""
    right = np.random.default_rng(sum(map(ord, method + code))).binomial(10, share, 50).astype(np.float64)
    return outcome(method, code, share, counts={"pos": Counts(POS_ACCURACY, right, np.full(50, 10.0))}, **changes)


SHARES = {"mean": 0.4, "nearest": 0.38, "default": 0.6, "vector": 0.42, "no-shift": 0.58, "joint": 0.7}
ROWS = [noisy(name, code, share) for code in ("mt", "ug") for name, share in SHARES.items()]


def test_all_but_the_primary_comparison_are_corrected_for_their_number() -> None:
    found = {c["method"]: c for c in with_controls(("mt", "ug"), "pos", ROWS)}
    assert list(found) == ["default", "vector", "no-shift", "joint"] and found["default"]["primary"]
    assert found["default"]["p_holm"] == found["default"]["p"]
    others = {name: found[name]["p"] for name in ("vector", "no-shift", "joint")}
    assert {name: found[name]["p_holm"] for name in others} == holm(others)
    assert found["joint"]["p_holm"] > found["joint"]["p"]


def test_the_default_against_each_other_method() -> None:
    found = {c["other"]: c for c in with_default(("mt", "ug"), "pos", ROWS)}
    assert list(found) == ["vector", "no-shift", "joint"]
    assert found["vector"]["difference"] == pytest.approx(found["vector"]["score"] - found["vector"]["other_score"])
    assert found["vector"]["low"] > 0 > found["joint"]["high"]


def test_a_share_of_the_way_to_the_joint_run_where_there_is_a_way() -> None:
    found = joint_share(("mt", "ug"), "pos", ROWS)
    assert found is not None and found["low"] < found["value"] < found["high"] and 0.3 < found["value"] < 1
    level = [o for o in ROWS if o.cell.method != "joint"] + [noisy("joint", code, 0.4) for code in ("mt", "ug")]
    without = joint_share(("mt", "ug"), "pos", level)
    assert without is not None and without["value"] is None and without["way"]["low"] < 0 < without["way"]["high"]
    assert joint_share(("mt", "ug"), "ner", ROWS) is None


def test_tokens_until_the_default_has_another_methods_lowest_loss() -> None:
    mine = [(100, 3.0, None), (200, 2.0, None), (300, 1.5, None)]
    cells = [
        outcome("default", "mt", 0.5, curve=mine), outcome("default", "ug", 0.5, curve=mine),
        outcome("vector", "mt", 0.5, curve=[(0, 4.0, None), (400, 2.5, None), (800, 2.6, None)]),  # 400 / 200
        outcome("vector", "ug", 0.5, curve=[(800, 3.0, None), (900, 3.0, None)]),  # 800 / 100
        outcome("no-shift", "mt", 0.5, curve=[(100, 1.0, None)]),  # the default never came so low
        outcome("madx", "hsb", 0.5, curve=[(100, 1.0, None)]),  # no default to compare with
    ]  # fmt: skip
    assert tokens_to_equal_loss(cells) == [
        {"other": "vector", "ratio": pytest.approx(4.0), "cells": 2, "never": 0},
        {"other": "no-shift", "ratio": None, "cells": 0, "never": 1},
    ]


def test_all_of_it_is_told_in_the_table() -> None:
    curve = [(100, 3.0, None), (200, 2.0, None)]
    rows = [
        *(o for o in ROWS if o.cell.method not in ("default", "vector")), noisy("default", "mt", 0.6, curve=curve),
        noisy("default", "ug", 0.6, curve=curve), noisy("vector", "mt", 0.42, curve=curve),
        noisy("madx", "mt", 0.6, facts={"sources": {"tokens": 5_400_000, "seconds": 7000.0}}),
    ]  # fmt: skip
    text = to_markdown(league(FOLDS["main"], rows))
    assert "madx stands on adapters of the base run's languages and tasks, which took 5,400,000 tokens" in text
    assert "| vector | 1.0 | 1 | 0 |" in text
    assert "From the mean vector to the joint run it is +" in text and "of that way." in text
    assert "| joint | POS | " in text
