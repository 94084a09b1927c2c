"""Paired comparison: the bootstrap against plain loops and known cases, Holm and Wilcoxon against hand-made numbers."""

import itertools
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.bootstrap import paired_difference
from hyperx_cl.evaluate.metrics import Counts, SpanCounts
from hyperx_cl.evaluate.paired import holm, language_differences, macro_difference, macro_share, wilcoxon

Method = dict[str, list[Counts]]


def accuracy(seed: int, *, sentences: int, share: float = 0.6) -> Counts:
    """Right words at random; the words of each sentence depend on nothing but its place."""
    words = 2 + np.arange(sentences) % 7
    return Counts("accuracy", np.random.default_rng(seed).binomial(words, share).astype(float), words.astype(float))


def f1(seed: int, *, sentences: int, share: float = 0.6) -> Counts:
    rng = np.random.default_rng(seed)
    gold = 1 + np.arange(sentences) % 3
    tp = rng.binomial(gold, share)
    return SpanCounts(tp, rng.integers(0, 2, sentences), gold - tp).counts()


def plain_loop(first: Method, second: Method, samples: int, seed: int) -> list[float]:
    """Resample one language, one method and one seed at a time, one sample at a time."""
    codes = sorted(first)
    streams = [np.random.default_rng([seed, i]) for i in range(len(codes))]
    chance = np.random.default_rng([seed, len(codes)])
    runs = max(len(first[codes[0]]), len(second[codes[0]]))
    sizes = [len(first[code][0]) for code in codes]
    gaps = []
    for _ in range(samples):
        drawn = [rng.integers(0, n, n).tolist() for rng, n in zip(streams, sizes, strict=True)]
        chosen = chance.integers(0, runs, runs).tolist() if runs > 1 else [0]
        gap = 0.0
        for code, sentences in zip(codes, drawn, strict=True):
            for s in chosen:
                a, b = (method[code][s if len(method[code]) > 1 else 0] for method in (first, second))
                gap += drawn_ratio(a, sentences) - drawn_ratio(b, sentences)
        gaps.append(gap / len(chosen) / len(codes))
    return gaps


def drawn_ratio(counts: Counts, drawn: Sequence[int]) -> float:
    return float(sum(counts.numerator[i] for i in drawn) / sum(counts.denominator[i] for i in drawn))


def test_accuracy_with_seeds_equals_a_plain_loop() -> None:
    first = {"mt": [accuracy(s, sentences=30) for s in (1, 2, 3)], "gn": [accuracy(s, sentences=12) for s in (4, 5, 6)]}
    second = {
        code: [accuracy(10 + s, sentences=len(c), share=0.5) for s, c in enumerate(first[code])] for code in first
    }
    check_against_loop(first, second)


def test_f1_with_seeds_equals_a_plain_loop() -> None:
    first = {"mt": [f1(s, sentences=30) for s in (1, 2)], "gn": [f1(s, sentences=12) for s in (4, 5)]}
    second = {code: [f1(10 + s, sentences=len(c)) for s, c in enumerate(first[code])] for code in first}
    check_against_loop(first, second)


def test_a_method_with_one_seed_stands_beside_one_with_several() -> None:
    first = {"mt": [accuracy(s, sentences=30) for s in (1, 2, 3)]}
    check_against_loop(first, {"mt": [accuracy(9, sentences=30)]})
    check_against_loop({"mt": [accuracy(9, sentences=30)]}, first)


def check_against_loop(first: Method, second: Method) -> None:
    found = macro_difference(first, second, samples=60, seed=7)
    gaps = plain_loop(first, second, 60, 7)
    low, high = np.quantile(gaps, [0.025, 0.975])
    smaller = min(sum(gap <= 0 for gap in gaps), sum(gap >= 0 for gap in gaps))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.p_value == pytest.approx(min(1, 2 * (smaller + 1) / 61))
    each = [np.mean([c.value for c in first[k]]) - np.mean([c.value for c in second[k]]) for k in sorted(first)]
    assert found.value == pytest.approx(float(np.mean(each)))
    assert list(language_differences(first, second).values()) == pytest.approx(each)


def test_one_seed_is_the_paired_difference() -> None:
    first = {"mt": accuracy(1, sentences=20), "gn": accuracy(2, sentences=30)}
    second = {"gn": accuracy(3, sentences=30), "mt": accuracy(4, sentences=20)}
    expected = paired_difference([first["gn"], first["mt"]], [second["gn"], second["mt"]], seed=5)
    found = macro_difference(first, second, seed=5)
    assert astuple(found) == pytest.approx(astuple(expected), abs=1e-12)


def test_a_share_of_the_way_equals_a_plain_loop() -> None:
    first, second, third = (
        {
            "mt": [f1(s, sentences=30, share=share) for s in seeds],
            "gn": [f1(9 + s, sentences=12, share=share) for s in seeds],
        }
        for share, seeds in ((0.3, (1, 2)), (0.8, (3,)), (0.6, (4, 5)))
    )
    found = macro_share(third, first, second, samples=60, seed=7)
    gone, way = (np.array(plain_loop(method, first, 60, 7)) for method in (third, second))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(gone / way, [0.025, 0.975])), abs=1e-12)
    assert found.way == macro_difference(second, first, samples=60, seed=7)
    gained = macro_difference(third, first, samples=60, seed=7).value
    assert found.value == pytest.approx(gained / found.way.value) and 0.4 < found.value < 0.8


def test_a_share_is_one_at_the_end_and_nothing_at_the_start() -> None:
    start, end = {"mt": accuracy(1, sentences=20, share=0.3)}, {"mt": accuracy(2, sentences=20, share=0.8)}
    assert astuple(macro_share(end, start, end))[:3] == (1, 1, 1)
    assert astuple(macro_share(start, start, end))[:3] == (0, 0, 0)
    assert np.isnan(macro_share(end, start, start).value)


def test_seeds_that_differ_by_a_constant() -> None:
    """Every sentence has the same gap, so that only the draw of the seeds moves: +0.1 and +0.3, each half the time."""
    base = accuracy(1, sentences=25, share=0.4)
    better = [Counts("accuracy", base.numerator + gap * base.denominator, base.denominator) for gap in (0.1, 0.3)]
    found = macro_difference({"mt": better}, {"mt": base})
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.1, 0.3))
    assert found.p_value == pytest.approx(2 / 1001)
    middle = macro_difference({"mt": better}, {"mt": base}, confidence=0.4)  # the outer two hold a quarter each
    assert (middle.low, middle.high) == pytest.approx((0.2, 0.2))


def test_seeds_are_drawn_together_for_all_languages() -> None:
    """A seed is good in one language and bad in the other: runs drawn whole cancel out, seeds drawn apart would not."""
    base = accuracy(1, sentences=25, share=0.4)
    good, bad = (Counts("accuracy", base.numerator + g * base.denominator, base.denominator) for g in (0.3, 0.1))
    found = macro_difference({"gn": [bad, good], "mt": [good, bad]}, {"gn": base, "mt": base})
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_equals_differ_by_nothing() -> None:
    method = {"mt": [accuracy(1, sentences=20), accuracy(2, sentences=20)]}
    found = macro_difference(method, method)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_swapping_the_methods_swaps_the_sign() -> None:
    first, second = {"mt": f1(1, sentences=20)}, {"mt": f1(2, sentences=20)}
    one, other = macro_difference(first, second), macro_difference(second, first)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p_value == other.p_value


def test_the_order_of_the_languages_does_not_matter() -> None:
    first = {"mt": accuracy(1, sentences=20), "gn": accuracy(2, sentences=30)}
    second = {"mt": accuracy(3, sentences=20), "gn": accuracy(4, sentences=30)}
    turned = dict(reversed(first.items()))
    assert macro_difference(turned, second, seed=3) == macro_difference(first, second, seed=3)
    assert list(language_differences(turned, second)) == ["gn", "mt"]


def test_methods_that_do_not_match_are_refused() -> None:
    one, three = accuracy(1, sentences=5), [accuracy(s, sentences=5) for s in range(3)]
    with pytest.raises(DataError, match="both scored on gn, yo: "):
        macro_difference({"mt": one, "gn": one}, {"mt": one, "yo": one})
    with pytest.raises(DataError, match="both scored on any language"):
        macro_difference({}, {})
    with pytest.raises(DataError, match="'mt' are not of the same sentences"):
        macro_difference({"mt": one}, {"mt": accuracy(1, sentences=6)})
    with pytest.raises(DataError, match="one metric"):
        macro_difference({"mt": one}, {"mt": f1(1, sentences=5)})
    with pytest.raises(DataError, match="numbers of seeds differ"):
        macro_difference({"mt": three}, {"mt": three[:2]})
    with pytest.raises(DataError, match="numbers of seeds differ"):
        macro_difference({"mt": three, "gn": one}, {"mt": three, "gn": one})
    with pytest.raises(DataError, match="no sentence"):
        macro_difference({"mt": []}, {"mt": one})
    with pytest.raises(UsageError, match="at least 1 sample"):
        macro_difference({"mt": one}, {"mt": one}, samples=0)


def test_holm_by_hand() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(found) == ["a", "b", "c", "d"]


def test_holm_never_goes_above_one_nor_down_again() -> None:
    assert holm({"a": 0.02, "b": 0.6, "c": 0.021}) == pytest.approx({"a": 0.06, "b": 0.6, "c": 0.06})
    assert holm({"a": 0.4, "b": 0.9}) == pytest.approx({"a": 0.8, "b": 0.9})
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1, "b": 1}
    assert holm({"a": 0.3}) == {"a": 0.3}
    assert holm({}) == {}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(p: float) -> None:
    with pytest.raises(DataError, match="p value of 'b'"):
        holm({"a": 0.5, "b": p})


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.3], 1.0),
        ([1, 2, 3], 2 / 8),  # the sums of ranks are 0 1 2 3 3 4 5 6, this one 6
        ([1, -2, 3], 6 / 8),  # 4: reached by 4, 5, 6
        ([-1, -2, -3, -4, -5], 2 / 32),
        ([5, 1, 2, 4, 3, -0.5], 4 / 64),  # 20: reached by 20, 21
        ([1, 1, -1, 2], 8 / 16),  # ranks 2 2 2 4 of 8 at least: 8 8 8 10
        ([1, -1], 1.0),
        ([0, 0, 1, 2, 3], 2 / 8),  # zeros are dropped
        ([0, 0], 1.0),
    ],
)
def test_wilcoxon_by_hand(differences: list[float], p: float) -> None:
    assert wilcoxon(differences) == pytest.approx(p)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_wilcoxon_equals_listing_all_signs(differences: list[int]) -> None:
    sizes = [abs(d) for d in differences if d]
    ranks = [sum(o < s for o in sizes) + (sizes.count(s) + 1) / 2 for s in sizes]
    seen = sum(r for r, d in zip(ranks, [d for d in differences if d], strict=True) if d > 0)
    sums = [
        sum(r for r, up in zip(ranks, ups, strict=True) if up) for ups in itertools.product([0, 1], repeat=len(ranks))
    ]
    smaller = min(sum(s <= seen for s in sums), sum(s >= seen for s in sums))
    assert wilcoxon(differences) == pytest.approx(min(1, 2 * smaller / len(sums)))


@pytest.mark.parametrize("n", [6, 15, 40])
def test_wilcoxon_agrees_with_scipy(n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    assert wilcoxon(differences.tolist()) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


@pytest.mark.parametrize("differences", [[], [1.0, float("nan")], [float("inf")]])
def test_wilcoxon_refuses_what_it_cannot_rank(differences: list[float]) -> None:
    with pytest.raises(DataError, match="finite numbers"):
        wilcoxon(differences)
