"""Counting a model's right and wrong labels on gold sentences: word accuracy, or strict span F1."""

from collections.abc import Sequence

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoded
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import UNLABELLED
from hyperx_cl.evaluate.metrics import POS_ACCURACY_COMPAT, Counts, accuracy_counts, metric_name, span_counts
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import label_ids


def labelled_counts(
    model: HyperX, pair: Pair, sentences: Sequence[Sentence], encoded: Sequence[Encoded], *, compat: bool = False
) -> Counts:
    """Label gold sentences and count.

    Args:
        model: A model that has the pair.
        pair: Task and language.
        sentences: With gold labels; a word labelled ``_`` is not counted.
        encoded: Their windows, of `Encoder.words`. Words at a sentence's end that stand in none are not counted.
        compat: Count the label ``_`` like any other, under the name of the paper's way of counting POS.

    Returns:
        Counts by sentence, under the metric's exact name.
    """
    task = model.task(pair.task)
    found = label_ids(model, pair, encoded, sentences=len(sentences))
    predicted = [[task.labels[i] for i in ids] for ids in found]
    uncounted = None if compat else UNLABELLED
    gold = [
        [None if label == uncounted else label for label in (sentence.labels or ())[: len(labels)]]
        for sentence, labels in zip(sentences, predicted, strict=True)
    ]
    if task.kind == "spans":
        return span_counts(gold, predicted).counts(metric_name(task.name, task.kind))
    metric = POS_ACCURACY_COMPAT if compat else metric_name(task.name, task.kind)
    return accuracy_counts(gold, predicted, metric=metric)
