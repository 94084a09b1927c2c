"""What is counted per sentence: word accuracy, strict IOB2 spans and MLM loss, each under its exact name.

Every metric here is a ratio of two sums over sentences, which is what the bootstrap resamples:
accuracy is correct / words, F1 is 2 tp / (2 tp + fp + fn), a loss is nats / masked pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.errors import DataError, UsageError

POS_ACCURACY = "POS accuracy, syntactic words"
POS_ACCURACY_COMPAT = "POS accuracy, words and multiword ranges"
NER_F1 = "NER span F1, strict IOB2"
MLM_LOSS = "MLM loss, nats per masked piece"
ALIGNED_WORDS_F1 = "Words aligned F1, raw text"
ALIGNED_UPOS_F1 = "UPOS aligned F1, raw text"

Labels = Sequence[str | None]


@dataclass(frozen=True)
class Counts:
    """One metric on one test set, as a ratio of sums over its sentences.

    Attributes:
        metric: The metric's exact name.
        numerator: float64, shape [sentence].
        denominator: float64, shape [sentence], never negative.
    """

    metric: str
    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    @property
    def value(self) -> float:
        """Sum of numerators over sum of denominators; 0 where there was nothing to count."""
        return float(ratio(self.numerator.sum(), self.denominator.sum()))

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self.numerator)


@dataclass(frozen=True)
class SpanCounts:
    """Spans found (`tp`), invented (`fp`) and missed (`fn`), each int64 of shape [sentence]."""

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]

    @property
    def precision(self) -> float:
        """Share of predicted spans that are right, 0..1 (0 if none was predicted)."""
        return float(ratio(self.tp.sum(), self.tp.sum() + self.fp.sum()))

    @property
    def recall(self) -> float:
        """Share of gold spans that were found, 0..1 (0 if there is none)."""
        return float(ratio(self.tp.sum(), self.tp.sum() + self.fn.sum()))

    @property
    def f1(self) -> float:
        """Micro F1, 0..1."""
        return self.counts().value

    def counts(self, metric: str = NER_F1) -> Counts:
        """Return micro F1 as the ratio that the bootstrap resamples."""
        twice = 2 * self.tp.astype(np.float64)
        return Counts(metric, twice, twice + self.fp + self.fn)


class Span(NamedTuple):
    """Words `start` (inclusive) to `end` (exclusive) of one sentence, of one type."""

    type: str
    start: int
    end: int


def metric_name(task: str, kind: str) -> str:
    """Name exactly what a task is scored by.

    Args:
        task: The task's name, such as ``"pos"``.
        kind: ``"words"``, ``"spans"`` or ``"mlm"``.

    Raises:
        UsageError: For any other kind.
    """
    if kind == "words":
        return f"{task.upper()} accuracy, syntactic words"
    if kind == "spans":
        return f"{task.upper()} span F1, strict IOB2"
    if kind == "mlm":
        return MLM_LOSS
    raise UsageError(f"a task of kind {kind!r} has no metric: use 'words', 'spans' or 'mlm'")


def accuracy_counts(gold: Sequence[Labels], predicted: Sequence[Labels], *, metric: str = POS_ACCURACY) -> Counts:
    """Count the words whose label is right.

    Args:
        gold: Labels, one sequence a sentence; None marks a word without a gold label, which is not counted.
        predicted: Labels of the same words; None (a word that got no prediction) is wrong.
        metric: The name that the counts carry.

    Raises:
        DataError: The two do not hold the same sentences and words.
    """
    _check_same_words(gold, predicted)
    pairs = [list(zip(g, p, strict=True)) for g, p in zip(gold, predicted, strict=True)]
    correct = [sum(g is not None and g == p for g, p in sentence) for sentence in pairs]
    total = [sum(g is not None for g, _ in sentence) for sentence in pairs]
    return Counts(metric, np.array(correct, dtype=np.float64), np.array(total, dtype=np.float64))


def loss_counts(nats: Sequence[float], pieces: Sequence[int], *, metric: str = MLM_LOSS) -> Counts:
    """Wrap summed losses as counts.

    Args:
        nats: Summed cross-entropy per sentence (natural logarithm).
        pieces: Masked pieces per sentence.
        metric: The name that the counts carry.

    Raises:
        DataError: The two differ in length.
    """
    if len(nats) != len(pieces):
        raise DataError(
            f"losses of {len(nats)} sentences stand beside piece counts of {len(pieces)}: give one for each"
        )
    return Counts(metric, np.array(nats, dtype=np.float64), np.array(pieces, dtype=np.float64))


def span_counts(gold: Sequence[Labels], predicted: Sequence[Labels], *, only: str | None = None) -> SpanCounts:
    """Count spans by the strict IOB2 rule: a span is right if type, first and last word all are.

    Micro F1 over the result equals seqeval's ``f1_score(..., mode="strict", scheme=IOB2)``.

    Args:
        gold: IOB2 tags, one sequence a sentence; None reads as ``O``.
        predicted: IOB2 tags of the same words; an ``I-`` that continues nothing opens no span.
        only: Count the spans of this type alone.

    Raises:
        DataError: The two do not hold the same sentences and words, or a tag is not IOB2.
    """
    _check_same_words(gold, predicted)
    rows = []
    for g, p in zip(gold, predicted, strict=True):
        wanted, found = ({s for s in spans(tags) if only in (None, s.type)} for tags in (g, p))
        rows.append((len(wanted & found), len(found - wanted), len(wanted - found)))
    tp, fp, fn = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return SpanCounts(tp, fp, fn)


def span_counts_by_type(gold: Sequence[Labels], predicted: Sequence[Labels]) -> dict[str, SpanCounts]:
    """Count spans for each type that occurs on either side, in alphabetical order."""
    types = {span.type for side in (gold, predicted) for tags in side for span in spans(tags)}
    return {name: span_counts(gold, predicted, only=name) for name in sorted(types)}


def macro_f1(by_type: dict[str, SpanCounts]) -> float:
    """Return the unweighted mean of the types' F1, 0..1 (0 without types)."""
    return float(np.mean([counts.f1 for counts in by_type.values()])) if by_type else 0.0


def spans(tags: Labels) -> list[Span]:
    """Read the spans of one sentence by the strict IOB2 rule.

    ``B-X`` opens a span of type X and the ``I-X`` that follow directly extend it; any other ``I-`` is outside.
    A bare ``B`` or ``I`` has the type ``_``.

    Raises:
        DataError: A tag is neither ``O`` nor starts with ``B`` or ``I``.
    """
    found: list[Span] = []
    open_type: str | None = None
    for position, tag in enumerate(tags):
        prefix, kind = _parse(tag)
        if prefix == "B":
            found.append(Span(kind, position, position + 1))
            open_type = kind
        elif prefix == "I" and kind == open_type:
            found[-1] = found[-1]._replace(end=position + 1)
        else:
            open_type = None
    return found


def ratio(numerator: NDArray[np.float64] | float, denominator: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Divide elementwise, 0 / 0 being 0."""
    above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def _parse(tag: str | None) -> tuple[str, str]:
    if tag is None or tag == "O":
        return "O", ""
    prefix, rest = tag[:1], tag[1:]
    if prefix not in ("B", "I") or (rest and not rest.startswith("-")):
        raise DataError(f"the tag {tag!r} is not IOB2: write O, B-TYPE or I-TYPE")
    return prefix, rest[1:] or "_"


def _check_same_words(gold: Sequence[Labels], predicted: Sequence[Labels]) -> None:
    if len(gold) != len(predicted):
        raise DataError(f"{len(gold)} gold sentences stand beside {len(predicted)} predicted ones: score the same file")
    for number, (g, p) in enumerate(zip(gold, predicted, strict=True), 1):
        if len(g) != len(p):
            raise DataError(f"sentence {number} has {len(g)} gold and {len(p)} predicted labels: score the same words")
