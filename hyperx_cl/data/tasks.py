"""The tasks: what is labelled, with which labels, and where in a file they stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hyperx_cl.data.examples import Sentence
from hyperx_cl.errors import DataError, NotFoundError, UsageError, did_you_mean

Kind = Literal["words", "spans", "mlm"]

UNLABELLED = "_"


@dataclass(frozen=True)
class Task:
    """One task, shared by all languages.

    Attributes:
        name: What the user types, and what heads and task vectors are called.
        kind: ``words`` (a label a word), ``spans`` (IOB2 entities) or ``mlm`` (raw text).
        labels: The label set in the order of the head's outputs; empty for ``mlm``, or while still unknown.
        column: Where the label stands in CoNLL-U: a column's name, ``feats.<Name>``, ``misc.<Name>`` or
            ``deprel.coarse``.
        label_map: Old label to new; for ``spans``, old entity type to new, or to ``O``. For ``words``, ``_`` to a
            label makes words without one a class of their own, which `tag` writes as nothing.

    Raises:
        UsageError: Where the kind is unknown or a label occurs twice.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    column: str = "upos"
    label_map: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the kind and the labels, and hold the labels as a tuple (JSON gives a list)."""
        object.__setattr__(self, "labels", tuple(self.labels))
        if self.kind not in ("words", "spans", "mlm"):
            raise UsageError(f"task {self.name!r} is of kind {self.kind!r}: use 'words', 'spans' or 'mlm'")
        if len(set(self.labels)) != len(self.labels):
            raise UsageError(f"task {self.name!r} names a label twice: give every label once")

    @property
    def absent(self) -> str | None:
        """The label of words that have none in the file, where that is a class of its own."""
        return self.label_map.get(UNLABELLED) if self.kind == "words" else None

    @property
    def label_ids(self) -> dict[str, int]:
        """Each label's place among the head's outputs."""
        return {label: index for index, label in enumerate(self.labels)}


_UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"

POS = Task("pos", "words", tuple(_UPOS.split()))
NER = Task("ner", "spans", ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"))
MLM = Task("mlm", "mlm")

_BUILTIN = {task.name: task for task in (POS, NER, MLM)}


def builtin(name: str) -> Task:
    """Look up one of the tasks that come with hyperx-cl: ``pos``, ``ner`` or ``mlm``.

    Raises:
        NotFoundError: For any other name, with the nearest ones.
    """
    if name not in _BUILTIN:
        known = ", ".join(_BUILTIN)
        raise NotFoundError(f"unknown task {name!r}{did_you_mean(name, _BUILTIN)}: the built-in tasks are {known}")
    return _BUILTIN[name]


def map_label(label: str, label_map: Mapping[str, str] | None, *, spans: bool) -> str:
    """Rename a label.

    Args:
        label: As in the file; for spans ``O``, ``B-X`` or ``I-X``.
        label_map: Old to new; for spans the entity types are renamed, and ``O`` as the new one removes the entity.
        spans: Whether the label is an IOB2 tag.

    Returns:
        The new label, or the same one where the map does not name it.
    """
    if not label_map:
        return label
    if not spans or label == "O":
        return label_map.get(label, label)
    prefix, _, kind = label.partition("-")
    new = label_map.get(kind, kind)
    return new if new == "O" else f"{prefix}-{new}"


def label_set(sentences: Iterable[Sentence]) -> tuple[str, ...]:
    """Collect the labels that occur, sorted, without the ``_`` of unannotated words."""
    found = {label for sentence in sentences for label in sentence.labels or ()}
    return tuple(sorted(found - {UNLABELLED}))


def check_labels(sentences: Sequence[Sentence], task: Task, path: str | Path) -> None:
    """Make sure that every label is one of the task's (``_`` stands for no label) and that there are any.

    Args:
        sentences: Read from `path`.
        task: Whose label set counts.
        path: Named in the message.

    Raises:
        DataError: For a label outside the set, with the first sentence that has it and the nearest labels, and for a
            file without a single label.
    """
    known = set(task.labels) | {UNLABELLED}
    labelled = False
    for number, sentence in enumerate(sentences, start=1):
        for word, label in zip(sentence.words, sentence.labels or (), strict=False):
            labelled = labelled or label != UNLABELLED
            if label not in known:
                raise DataError(
                    f"{path}, sentence {number}: {word!r} is labelled {label!r}, which task {task.name!r} does not have"
                    f"{did_you_mean(label, task.labels)}: rename it with --label-map {label.split('-')[-1]}=…"
                )
    if not labelled:
        raise DataError(f"{path} has no {task.name} label in its {len(sentences)} sentences: give an annotated file")
