"""Is one method better than another over several languages: a paired bootstrap, Holm's correction, Wilcoxon's test.

The bootstrap resamples sentences, and seeds where there are several: it speaks of these languages. The signed-rank
test takes one difference a language and speaks of languages like these.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.errors import DataError
from hyperx_cl.evaluate.bootstrap import Difference, bounds, checked, p_value, resampled
from hyperx_cl.evaluate.metrics import Counts

Scored = Mapping[str, Counts | Sequence[Counts]]


def macro_difference(
    first: Scored, second: Scored, *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Difference:
    """Bound the mean over languages of how much the first method is better than the second.

    A resample draws the sentences of each language with replacement, the same ones for both methods and all their
    seeds, and scores every seed on them. Where there are several seeds it also draws as many of them, with
    replacement, the same for all languages (a seed is one run over all of them) and for both methods; the scores of
    the drawn seeds are averaged. A method with one seed is taken as free of chance beside one with several. With few
    seeds the interval is too narrow: n of them show only (n - 1) / n of the variance between seeds.

    Any metric that is a ratio of sums over sentences will do: accuracy, F1, or a loss (where less is better). With
    one seed and languages in alphabetical order this is `bootstrap.paired_difference`.

    Args:
        first: Counts of one method by language: one test set, or the same one for each of its seeds.
        second: Counts of the other on the same languages and sentences; as many seeds as the first, or one of the
            two has one. Seeds that belong together (the same base model, the same draw) stand at the same place.
        samples: Number of resamples.
        confidence: Share of resamples inside the bounds, between 0 and 1.
        seed: Same seed, same bounds, whatever the order of the languages.

    Raises:
        DataError: The two do not hold the same languages, sentences and metric, their seeds do not match, or there
            is nothing to resample.
        UsageError: `samples` or `confidence` is out of range.
    """
    languages = _matched(first, second, samples, confidence)
    one, other = _macros([{code: pair[i] for code, pair in languages.items()} for i in (0, 1)], samples, seed)
    low, high = bounds(one - other, confidence)
    value = float(np.mean(list(_differences(languages).values())))
    return Difference(value, low, high, p_value(one - other))


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the way from one method to another a third one goes.

    Attributes:
        value: (third - first) / (second - first) of the macro scores: 0 at the first, 1 at the second, beyond it above.
        low: Lower bound of its interval.
        high: Upper bound of its interval.
        way: Second minus first, on the same resamples. Where its interval reaches 0, the share means nothing.
    """

    value: float
    low: float
    high: float
    way: Difference


def macro_share(
    third: Scored, first: Scored, second: Scored, *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Share:
    """Bound how much of the way from the first method's macro score to the second's the third one goes.

    The resamples are those of `macro_difference`, the same for all three.

    Args:
        third: Counts by language, as in `macro_difference`.
        first: Of the method at 0.
        second: Of the method at 1.
        samples: Number of resamples.
        confidence: Share of resamples inside the bounds, between 0 and 1.
        seed: Same seed, same bounds, whatever the order of the languages.

    Raises:
        DataError: As `macro_difference`.
        UsageError: `samples` or `confidence` is out of range.
    """
    way = macro_difference(second, first, samples=samples, confidence=confidence, seed=seed)
    found, ends = (_matched(method, first, samples, confidence) for method in (third, second))
    of: list[dict[str, list[Counts]]] = [
        {code: pair[0] for code, pair in found.items()}, {code: pair[1] for code, pair in found.items()},
        {code: pair[0] for code, pair in ends.items()},
    ]  # fmt: skip
    gone, start, end = _macros(of, samples, seed)
    shares = np.divide(gone - start, end - start, out=np.full(samples, np.nan), where=end != start)
    low, high = bounds(shares, confidence)
    gained = float(np.mean(list(_differences(found).values())))
    return Share(gained / way.value if way.value else float("nan"), low, high, way)


def language_differences(first: Scored, second: Scored) -> dict[str, float]:
    """Return first minus second for each language, scores averaged over seeds, in alphabetical order.

    Raises:
        DataError: As `macro_difference`.
    """
    return _differences(_matched(first, second, 1, 0.5))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p values of several comparisons for their number (Holm 1979, step-down).

    The k-th smallest of m is multiplied by m - k + 1, is never below the one before it and never above 1; a
    comparison holds at level alpha, with the chance of any false one at most alpha, if its adjusted value does not
    exceed alpha.

    Args:
        p_values: By name of the comparison, each 0..1.

    Returns:
        The adjusted values in the order given.

    Raises:
        DataError: A value is not between 0 and 1.
    """
    adjusted: dict[str, float] = {}
    floor = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if not 0 <= p <= 1:
            raise DataError(f"the p value of {name!r} is {p}: it must lie between 0 and 1")
        floor = max(floor, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = floor
    return {name: adjusted[name] for name in p_values}


def wilcoxon(differences: Sequence[float]) -> float:
    """Return the exact two-sided p value of Wilcoxon's signed-rank test that differences lie evenly around 0.

    Zeros are dropped (Wilcoxon's own rule, not Pratt's); equal sizes share their mean rank, and the distribution is
    that of all 2^n sign assignments of these ranks, so that p is exact with ties too. The two-sided value is twice
    the smaller tail, at most 1; it is 1 if nothing but zeros is there. It cannot fall below 2 / 2^n: with 5 languages
    or fewer, never below 0.06.

    Args:
        differences: One number a language, such as those of `language_differences`.

    Raises:
        DataError: There is no difference, or one is not finite.
    """
    if not len(differences) or not np.isfinite(differences).all():
        raise DataError(f"a signed-rank test needs differences that are finite numbers, not {list(differences)}")
    signed = sorted((float(d) for d in differences if d != 0), key=abs)
    ranks = _doubled_ranks([abs(d) for d in signed])
    positive = sum(rank for rank, d in zip(ranks, signed, strict=True) if d > 0)
    ways = Counter({0: 1})  # sum of positive ranks -> sign assignments that give it, counted instead of listed
    for rank in ranks:
        ways += Counter({total + rank: count for total, count in ways.items()})
    below = sum(count for total, count in ways.items() if total <= positive)
    above = sum(count for total, count in ways.items() if total >= positive)
    return min(1.0, 2 * min(below, above) / ways.total())


def _doubled_ranks(ascending: Sequence[float]) -> list[int]:
    """Return twice the mean rank of each number: ties at places a..b get a + b, always whole."""
    ranks: list[int] = []
    for _, ties in groupby(ascending):
        size = len(list(ties))
        ranks += [2 * len(ranks) + size + 1] * size
    return ranks


def _macros(methods: Sequence[Mapping[str, list[Counts]]], samples: int, seed: int) -> list[NDArray[np.float64]]:
    """Each method's macro score in every resample, averaged over the drawn seeds, ``(samples,)``."""
    codes = sorted(methods[0])
    scores: list[list[NDArray[np.float64]]] = [[] for _ in methods]  # of each method and language, [seed, sample]
    for stream, code in enumerate(codes):
        sizes = [len(method[code]) for method in methods]
        drawn = resampled([c for method in methods for c in method[code]], samples, seed, stream)
        for mine, part in zip(scores, np.split(drawn, np.cumsum(sizes)[:-1]), strict=True):
            mine.append(part)
    macros = [np.mean(mine, axis=0) for mine in scores]
    seeds = max(map(len, macros))
    if seeds > 1:
        chosen = np.random.default_rng([seed, len(codes)]).integers(0, seeds, (samples, seeds))
        macros = [np.broadcast_to(macro, (seeds, samples))[chosen.T, np.arange(samples)] for macro in macros]
    return [macro.mean(axis=0) for macro in macros]


_Matched = dict[str, tuple[list[Counts], list[Counts]]]


def _differences(languages: _Matched) -> dict[str, float]:
    means = {code: [np.mean([c.value for c in seeds]) for seeds in pair] for code, pair in languages.items()}
    return {code: float(a - b) for code, (a, b) in means.items()}


def _matched(first: Scored, second: Scored, samples: int, confidence: float) -> _Matched:
    """Return both methods' counts, one for each seed, by language in alphabetical order."""
    alone = first.keys() ^ second.keys()
    if alone or not first:
        missing = ", ".join(sorted(alone)) or "any language"
        raise DataError(f"the two methods were not both scored on {missing}: score both on the same languages")
    found = {
        code: (checked(first[code], samples, confidence), checked(second[code], samples, confidence))
        for code in sorted(first)
    }
    if len({c.metric for pair in found.values() for seeds in pair for c in seeds}) > 1:
        raise DataError("the two methods were not scored by one metric everywhere: compare one metric at a time")
    for code, (a, b) in found.items():
        if len({len(c) for c in (*a, *b)}) > 1:
            raise DataError(f"the counts of {code!r} are not of the same sentences: score both methods on one test set")
    seeds = {(len(a), len(b)) for a, b in found.values()}
    numbers = {n for pair in seeds for n in pair if n > 1}
    if len(seeds) > 1 or len(numbers) > 1:
        raise DataError("numbers of seeds differ: give every language and both methods as many, or a method only one")
    return found
