"""What a new task is learnt from: its definition in words, and the labelled sentences of each language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.ner import read_iob2
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS, UNLABELLED, Kind, Task, check_labels, label_set
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.task_record import expect_task_name
from hyperx_cl.train.corpora import held_out, labelled_parts

NONE = "none"
"""Label of words that lack the attribute of a ``feats.`` column: whether there is one is half of what is learnt."""


@dataclass(frozen=True)
class Labelled:
    """What one language brings.

    Args:
        train: Sentences to learn on.
        dev: Sentences to choose and stop on; none where there are too few.
    """

    train: list[Sentence]
    dev: list[Sentence]


def define(
    name: str, *, column: str | None = None, spans: bool = False, labels: Sequence[str] = (),
    label_map: Mapping[str, str] | None = None,
) -> Task:  # fmt: skip
    """Make the definition of a new task.

    Args:
        name: A slug. ``pos`` and ``ner`` without a column are what they always are.
        column: Where labels stand in CoNLL-U; words without an attribute of ``feats.`` get the label `NONE`, unless
            the label map says otherwise of ``_``.
        spans: Whether the files are IOB2.
        labels: The label set, where not all of the training sentences' shall be it.
        label_map: Old label to new.

    Raises:
        UsageError: The name cannot be one, is that of MLM, or it is not said where the labels stand.
    """
    expect_task_name(name)
    if name == "mlm":
        raise UsageError("mlm is learnt in base training alone: it has no labels, choose another task")
    known = next((task for task in (POS, NER) if task.name == name and column is None), None)
    kind: Kind = known.kind if known else "spans" if spans and column is None else "words"
    if kind == "words" and known is None and column is None:
        raise UsageError(f"say where the labels of {name} stand, as in --column feats.Number or --column xpos")
    renamed = {UNLABELLED: NONE} if column and column.startswith("feats.") else {}
    renamed |= label_map or {}
    absent = renamed.get(UNLABELLED, UNLABELLED)
    given = [*labels, *([absent] if labels and absent not in (UNLABELLED, *labels) else [])]
    renamed = {old: new for old, new in renamed.items() if old != new}
    return Task(name, kind, tuple(given) or (known.labels if known else ()), column or "upos", renamed)


def from_root(root: DataRoot, task: Task, languages: Sequence[str]) -> dict[str, Labelled]:
    """Read the sentences of each language: its train split, and its dev split or a tenth held out of the former.

    Raises:
        NotFoundError: A language has no training file.
        DataError: A file is malformed or has a label outside the task's set.
        UsageError: CoNLL-U has no such column.
    """
    return {code: Labelled(*labelled_parts(root, task, code)) for code in languages}


def from_files(task: Task, train: Mapping[str, Path], dev: Mapping[str, Path]) -> dict[str, Labelled]:
    """Read one training file a language, and dev files where there are; else a tenth is held out.

    Raises:
        NotFoundError: There is no such file.
        DataError: A file is malformed or has a label outside the task's set.
        UsageError: A dev file of a language without a training file, or CoNLL-U has no such column.
    """
    if idle := sorted(set(dev) - set(train)):
        raise UsageError(f"there are dev sentences of {', '.join(idle)}, but nothing to learn on: give --train too")
    read = {code: _read(task, path) for code, path in train.items()}
    return {
        code: Labelled(sentences, _read(task, dev[code])) if code in dev else Labelled(*held_out(sentences))
        for code, sentences in read.items()
    }


def complete(task: Task, data: Mapping[str, Labelled]) -> Task:
    """The task with its label set: its own, or the labels of all training sentences, sorted.

    Raises:
        DataError: A language without a labelled word, a label outside the task's set, or fewer than two labels.
    """
    found: set[str] = set()
    for code, labelled in data.items():
        here = set(label_set(labelled.train))
        if not here - {task.absent}:
            raise DataError(
                f"no word of the {len(labelled.train)} training sentences in '{code}' has a {task.name} label in "
                f"{_place(task)}: leave the language out with --lang, or name another column"
            )
        if task.labels:
            check_labels(labelled.train, task, f"the training sentences in '{code}'")
        found |= here
    if task.labels:
        return task
    if len(found) < 2:
        raise DataError(f"every word has the {task.name} label {min(found)!r}: there is nothing to learn")
    return replace(task, labels=tuple(sorted(found)))


def _place(task: Task) -> str:
    return "the second column" if task.kind == "spans" else task.column


def _read(task: Task, path: Path) -> list[Sentence]:
    if task.kind == "words" or ".conllu" in path.suffixes:
        sentences = read_conllu(path, column=task.column, label_map=task.label_map)
    else:
        sentences = read_iob2(path, label_map=task.label_map)
    if task.labels:
        check_labels(sentences, task, path)
    return sentences
