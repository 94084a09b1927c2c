"""Seeded percentile bootstrap over sentences, for one score, for a mean over languages and for a paired difference.

A resample draws as many sentences as the test set has, with replacement, and takes the ratio of the drawn sums.
A mean over several test sets draws in each of them on its own (a stratified bootstrap).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.metrics import Counts, ratio

DRAWS_AT_ONCE = 4_000_000  # sentence indices held in memory at a time: 32 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with the bounds of its bootstrap interval, in the metric's own unit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """First score minus second on the same sentences.

    Attributes:
        value: The difference, in the metric's own unit.
        low: Lower bound of its interval.
        high: Upper bound of its interval.
        p_value: Two-sided: twice the smaller share of resamples on either side of zero (zero counts on both),
            with one resample added to each side so that it is never 0; at most 1.
    """

    value: float
    low: float
    high: float
    p_value: float


def interval(
    counts: Counts | Sequence[Counts], *, samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Bound a score, or the unweighted mean of several, by resampling sentences.

    Args:
        counts: One test set, or one for each language of a mean.
        samples: Number of resamples.
        confidence: Share of resamples inside the bounds, between 0 and 1.
        seed: Same seed, same bounds.

    Raises:
        DataError: A test set has no sentence.
        UsageError: `samples` or `confidence` is out of range.
    """
    sets = checked(counts, samples, confidence)
    drawn = np.mean([resampled([c], samples, seed, stream)[0] for stream, c in enumerate(sets)], axis=0)
    low, high = bounds(drawn, confidence)
    return Interval(float(np.mean([c.value for c in sets])), low, high)


def paired_difference(
    first: Counts | Sequence[Counts],
    second: Counts | Sequence[Counts],
    *,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Bound the difference of two systems scored on the same sentences, each resample drawn for both.

    Args:
        first: Counts of one system: one test set, or one for each language of a mean.
        second: Counts of the other on the same sentences in the same order.
        samples: Number of resamples.
        confidence: Share of resamples inside the bounds, between 0 and 1.
        seed: Same seed, same bounds.

    Raises:
        DataError: The two do not hold the same test sets, or one has no sentence.
        UsageError: `samples` or `confidence` is out of range.
    """
    pairs = _paired(checked(first, samples, confidence), checked(second, samples, confidence))
    drawn = [resampled(pair, samples, seed, stream) for stream, pair in enumerate(pairs)]
    gaps = np.mean([a - b for a, b in drawn], axis=0)
    low, high = bounds(gaps, confidence)
    value = float(np.mean([a.value - b.value for a, b in pairs]))
    return Difference(value, low, high, p_value(gaps))


def resampled(systems: Sequence[Counts], samples: int, seed: int, stream: int) -> NDArray[np.float64]:
    """Return scores of shape [system, sample], every system on the same drawn sentences."""
    parts = []
    for drawn in _draws(len(systems[0]), samples, seed, stream):
        parts.append([ratio(c.numerator[drawn].sum(1), c.denominator[drawn].sum(1)) for c in systems])
    return np.concatenate(parts, axis=1)


def _draws(sentences: int, samples: int, seed: int, stream: int) -> Iterator[NDArray[np.int64]]:
    """Yield sentence indices of shape [some samples, sentence], in pieces that fit in memory."""
    rng = np.random.default_rng([seed, stream])
    step = max(1, DRAWS_AT_ONCE // sentences)
    for done in range(0, samples, step):
        yield rng.integers(0, sentences, (min(step, samples - done), sentences))


def bounds(drawn: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """The percentile bounds of resampled values."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def p_value(gaps: NDArray[np.float64]) -> float:
    """Two-sided, of resampled differences; see `Difference`."""
    smaller = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    return min(1.0, 2 * (smaller + 1) / (len(gaps) + 1))


def checked(counts: Counts | Sequence[Counts], samples: int, confidence: float) -> list[Counts]:
    """A list of test sets, none of them empty, and settings in range; see `interval` for what is raised."""
    if samples < 1 or not 0 < confidence < 1:
        raise UsageError(
            f"a bootstrap needs at least 1 sample and a confidence between 0 and 1, not {samples} and {confidence}"
        )
    sets = [counts] if isinstance(counts, Counts) else list(counts)
    if not sets or any(len(c) == 0 for c in sets):
        raise DataError("there is no sentence to resample: score at least one sentence first")
    return sets


def _paired(first: list[Counts], second: list[Counts]) -> list[tuple[Counts, Counts]]:
    if [len(c) for c in first] != [len(c) for c in second]:
        raise DataError("the two systems were not scored on the same sentences: score both on the same test sets")
    return list(zip(first, second, strict=True))
