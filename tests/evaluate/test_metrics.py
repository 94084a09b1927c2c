"""Metrics: hand-computed counts, exact names, and equality with seqeval on any tag sequences."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.metrics import (
    MLM_LOSS,
    NER_F1,
    POS_ACCURACY,
    Span,
    accuracy_counts,
    loss_counts,
    macro_f1,
    metric_name,
    span_counts,
    span_counts_by_type,
    spans,
)

TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B", "I"])
PAIRS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=12), min_size=1, max_size=6)


def test_names_are_exact() -> None:
    assert POS_ACCURACY == metric_name("pos", "words") == "POS accuracy, syntactic words"
    assert NER_F1 == metric_name("ner", "spans") == "NER span F1, strict IOB2"
    assert MLM_LOSS == metric_name("mlm", "mlm") == "MLM loss, nats per masked piece"
    assert metric_name("xpos", "words") == "XPOS accuracy, syntactic words"
    with pytest.raises(UsageError, match="'trees'"):
        metric_name("dep", "trees")


def test_accuracy_counts_lost_words_as_wrong_and_skips_unlabelled_ones() -> None:
    counts = accuracy_counts([("NOUN", "VERB", None), ("DET",)], [("NOUN", None, "ADJ"), ("DET",)])
    assert counts.numerator.tolist() == [1, 1]
    assert counts.denominator.tolist() == [2, 1]
    assert counts.value == pytest.approx(2 / 3)
    assert len(counts) == 2


def test_nothing_to_count_is_zero() -> None:
    assert accuracy_counts([], []).value == 0
    assert span_counts([["O"]], [["O"]]).f1 == 0
    assert macro_f1({}) == 0


def test_loss_is_a_mean_over_pieces_not_over_sentences() -> None:
    assert loss_counts([6.0, 1.0], [3, 1]).value == pytest.approx(7 / 4)
    with pytest.raises(DataError, match="1 sentences"):
        loss_counts([1.0], [1, 2])


def test_spans_by_the_strict_rule() -> None:
    assert spans(["B-PER", "I-PER", "O", "B-PER", "B-PER"]) == [Span("PER", 0, 2), Span("PER", 3, 4), Span("PER", 4, 5)]
    assert spans(["I-PER", "O", "I-LOC"]) == []
    assert spans(["B-PER", "I-LOC", "I-LOC", "I-PER"]) == [Span("PER", 0, 1)]
    assert spans(["B-LOC", None, "I-LOC"]) == [Span("LOC", 0, 1)]


@pytest.mark.parametrize("tag", ["S-PER", "BPER", "X", ""])
def test_other_schemes_are_refused(tag: str) -> None:
    with pytest.raises(DataError, match="is not IOB2"):
        spans([tag])


def test_span_counts_by_hand() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O", "B-ORG"]]
    counts = span_counts(gold, predicted)
    assert (counts.tp.tolist(), counts.fp.tolist(), counts.fn.tolist()) == ([1, 0], [1, 1], [1, 1])
    assert counts.precision == counts.recall == counts.f1 == pytest.approx(1 / 3)
    by_type = span_counts_by_type(gold, predicted)
    assert list(by_type) == ["LOC", "ORG", "PER"]
    assert macro_f1(by_type) == pytest.approx(1 / 3)


def test_other_words_are_refused() -> None:
    with pytest.raises(DataError, match="1 gold sentences stand beside 0"):
        accuracy_counts([["X"]], [])
    with pytest.raises(DataError, match="sentence 2 has 1 gold and 2"):
        span_counts([["O"], ["O"]], [["O"], ["O", "O"]])


@given(PAIRS)
def test_equals_seqeval_strict_iob2(pairs: list[list[tuple[str, str]]]) -> None:
    pytest.importorskip("seqeval")
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    gold = [[g for g, _ in sentence] for sentence in pairs]
    predicted = [[p for _, p in sentence] for sentence in pairs]
    counts = span_counts(gold, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of 0 / 0
        options = {"mode": "strict", "scheme": IOB2}
        assert counts.precision == pytest.approx(precision_score(gold, predicted, **options))
        assert counts.recall == pytest.approx(recall_score(gold, predicted, **options))
        assert counts.f1 == pytest.approx(f1_score(gold, predicted, **options))
        by_type = span_counts_by_type(gold, predicted)
        if by_type:
            assert macro_f1(by_type) == pytest.approx(f1_score(gold, predicted, average="macro", **options))
    assert np.sum([c.tp for c in by_type.values()]) == counts.tp.sum()
