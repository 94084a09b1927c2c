"""Bootstrap: equal to a plain loop, near scipy's, the same for the same seed, and paired where it should be."""

import numpy as np
import pytest

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate import bootstrap
from hyperx_cl.evaluate.bootstrap import interval, paired_difference
from hyperx_cl.evaluate.metrics import Counts


def make(seed: int, *, sentences: int = 60, share: float = 0.7) -> Counts:
    rng = np.random.default_rng(seed)
    words = rng.integers(1, 30, sentences)
    return Counts("accuracy", rng.binomial(words, share).astype(float), words.astype(float))


def plain_loop(parts: list[Counts], samples: int, seed: int) -> list[float]:
    """Resample one sentence set at a time, one sample at a time."""
    streams = [np.random.default_rng([seed, i]) for i in range(len(parts))]
    scores = []
    for _ in range(samples):
        values = []
        for rng, part in zip(streams, parts, strict=True):
            drawn = [int(i) for i in rng.integers(0, len(part), len(part))]
            values.append(sum(part.numerator[i] for i in drawn) / sum(part.denominator[i] for i in drawn))
        scores.append(float(np.mean(values)))
    return scores


@pytest.mark.parametrize("at_once", [10, 200, 10**6])
def test_equals_a_plain_loop_however_it_is_cut(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", at_once)
    parts = [make(1), make(2, sentences=25, share=0.3)]
    found = interval(parts, samples=50, seed=7)
    low, high = np.quantile(plain_loop(parts, 50, 7), [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.value == pytest.approx((parts[0].value + parts[1].value) / 2)


def test_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    counts = make(3, sentences=200)
    found = interval(counts, samples=4000, seed=1)
    theirs = stats.bootstrap(
        (counts.numerator, counts.denominator),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_seed_decides() -> None:
    assert interval(make(4), seed=1) == interval(make(4), seed=1)
    assert interval(make(4), seed=1) != interval(make(4), seed=2)


def test_interval_holds_the_value_and_grows_with_confidence() -> None:
    narrow, wide = interval(make(5), confidence=0.5), interval(make(5), confidence=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_resamples_without_anything_to_count_are_zero() -> None:
    lone = Counts("f1", np.array([2.0, 0.0]), np.array([2.0, 0.0]))
    assert interval(lone) == bootstrap.Interval(1.0, 0.0, 1.0)


def test_paired_difference_draws_the_same_sentences_for_both() -> None:
    worse = make(6)
    better = Counts("accuracy", worse.numerator + 0.1 * worse.denominator, worse.denominator)
    found = paired_difference(better, worse)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.p_value == pytest.approx(2 / 1001)


def test_paired_difference_of_equals_is_nothing() -> None:
    found = paired_difference([make(8), make(9)], [make(8), make(9)])
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_swapping_the_systems_swaps_the_sign() -> None:
    a, b = make(10), make(11)
    b = Counts("accuracy", np.minimum(b.numerator, a.denominator), a.denominator)
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p_value == other.p_value


def test_bad_input() -> None:
    empty = Counts("accuracy", np.zeros(0), np.zeros(0))
    with pytest.raises(DataError, match="no sentence"):
        interval(empty)
    with pytest.raises(DataError, match="no sentence"):
        interval([])
    with pytest.raises(DataError, match="same sentences"):
        paired_difference(make(1), make(1, sentences=3))
    with pytest.raises(UsageError, match="confidence"):
        interval(make(1), confidence=1.0)
    with pytest.raises(UsageError, match="at least 1 sample"):
        interval(make(1), samples=0)
