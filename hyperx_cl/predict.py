"""Tagging: documents in, their labels set in place; any number of languages in one call."""

from collections.abc import Iterable, Sequence

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import Task
from hyperx_cl.document import Document
from hyperx_cl.document import Sentence as Rows
from hyperx_cl.errors import UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views, label_pairs, window_length


def tag(model: HyperX, document: Document, language: str, tasks: Sequence[str]) -> None:
    """Label every word of a document, in place.

    The model reads the words in NFC; what is written of the document keeps them as they came. Labels of a `spans`
    task are made valid IOB2 by `valid_iob2`.

    Args:
        model: A model that has the language and the tasks.
        document: What to label; where anything is wrong it stays as it was.
        language: Its code.
        tasks: One or several of the model's tasks that label words; their order is that of the output's columns.

    Raises:
        NotFoundError: The model has no such language or task.
        UsageError: No task is named, or one that labels no words.
    """
    tag_many(model, [(document, language)], tasks)


def tag_many(model: HyperX, documents: Sequence[tuple[Document, str]], tasks: Sequence[str]) -> None:
    """Label several documents, each in its language; small ones share batches, whatever their languages.

    The labels are those that `tag` would give to each.

    Args:
        model: A model that has the languages and the tasks.
        documents: Documents with the code of their language; where anything is wrong all stay as they were.
        tasks: As for `tag`.

    Raises:
        NotFoundError: The model has no such language or task.
        UsageError: No task is named, or one that labels no words.
    """
    wanted = [_labelling(model.task(name)) for name in dict.fromkeys(tasks)]
    if not wanted:
        raise UsageError(f"no task is named: choose from {', '.join(t.name for t in _labelling_tasks(model))}")
    sentences: dict[str, list[Rows]] = {}
    for document, code in documents:
        model.language(code)
        sentences.setdefault(code, []).extend(document.sentences)
    encoders = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=window_length(model)))
    encoded = {
        code: encoders[code].words([Sentence(tuple(s.words)) for s in rows], None) for code, rows in sentences.items()
    }
    pairs = {Pair(task.name, code): task for code in sentences for task in wanted}
    found = label_pairs(
        model,
        {pair: encoded[pair.language] for pair in pairs},
        sentences={pair: len(sentences[pair.language]) for pair in pairs},
    )
    for pair, task in pairs.items():
        for sentence, ids in zip(sentences[pair.language], found[pair], strict=True):
            labels = tuple(task.labels[i] for i in ids)
            shown = [None if label == task.absent else label for label in labels]
            sentence.set_labels(task.name, valid_iob2(labels) if task.kind == "spans" else shown)


def valid_iob2(tags: Iterable[str]) -> tuple[str, ...]:
    """Make predicted tags valid IOB2: an ``I-X`` that continues no X becomes ``O``, and so do those that follow it.

    Exactly the spans stay that strict scoring counts (`hyperx_cl.evaluate.metrics.spans`), so the score of a model is
    the score of what is printed. Files are read by a milder rule (`hyperx_cl.data.ner.to_iob2`): people mean
    a span there, a model that is unsure of one does not.
    """
    clean: list[str] = []
    opened: str | None = None
    for tag_ in tags:
        prefix, _, kind = tag_.partition("-")
        if prefix == "I" and kind != opened:
            tag_, prefix = "O", "O"
        opened = kind if prefix in ("B", "I") else None
        clean.append(tag_)
    return tuple(clean)


def _labelling(task: Task) -> Task:
    if task.kind == "mlm":
        raise UsageError(f"the task {task.name!r} labels no words: it only learns from raw text, so it cannot tag")
    return task


def _labelling_tasks(model: HyperX) -> list[Task]:
    return [task for task in model.tasks.values() if task.kind != "mlm"]
