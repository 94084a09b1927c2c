"""Runs: what is noted when they begin, while they go on, and at their end."""

from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.registry.store import Registry


def test_a_run_is_kept_with_its_metrics(registry: Registry) -> None:
    config = {"steps": 5, "out": Path("x"), "rates": (1e-4, np.float32(0.5))}
    number = registry.start_run("train", config, 3, {"torch": "2.13.0"}, {"ud/mt/train.conllu": "ab"})
    (begun,) = registry.list_runs()
    assert (begun.id, begun.status, begun.finished, begun.metrics) == (number, "running", None, {})
    assert begun.config == {"steps": 5, "out": "x", "rates": [1e-4, 0.5]}
    assert (begun.seed, begun.versions, begun.data_hashes) == (3, {"torch": "2.13.0"}, {"ud/mt/train.conllu": "ab"})
    registry.log_run(number, {"loss": 2.0, "step": 1})
    ended = registry.finish_run(number, "done", {"loss": np.float64(1.5), "worst": float("nan")})
    assert ended.metrics == {"loss": 1.5, "step": 1, "worst": None}
    assert ended.finished is not None
    later = registry.finish_run(number, "done", {}, {"pos:en": "cd"})
    assert later.data_hashes == {"ud/mt/train.conllu": "ab", "pos:en": "cd"}
    assert [run.metrics for run in registry.list_runs()] == [ended.metrics]


def test_runs_are_listed_newest_first(registry: Registry) -> None:
    numbers = [registry.start_run("evaluate", {}, None, {}, {}) for _ in range(3)]
    assert [run.id for run in registry.list_runs()] == numbers[::-1]
    assert [run.id for run in registry.list_runs(limit=1)] == numbers[-1:]


def test_what_is_no_run_or_no_end_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="no run 99"):
        registry.finish_run(99, "done", {})
    number = registry.start_run("train", {}, 0, {}, {})
    with pytest.raises(UsageError, match="'dnoe' is no way for a run to end: done, failed, interrupted"):
        registry.finish_run(number, "dnoe", {})
    assert registry.list_runs()[0].status == "running"
