"""Tasks, their labels, and labels that do not belong."""

import dataclasses
import json

import pytest

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import MLM, NER, POS, Task, builtin, check_labels, label_set, map_label
from hyperx_cl.errors import DataError, NotFoundError, UsageError


def test_builtin_label_sets() -> None:
    assert len(POS.labels) == 17
    assert list(POS.labels) == sorted(POS.labels)
    assert NER.label_ids["O"] == 0
    assert len(NER.labels) == 7
    assert MLM.labels == ()


def test_unknown_task_names_the_nearest() -> None:
    assert builtin("pos") is POS
    with pytest.raises(NotFoundError, match="did you mean 'ner'"):
        builtin("nerr")


def test_a_task_survives_json() -> None:
    task = Task("number", "words", ("Plur", "Sing"), "feats.Number", {"Dual": "Plur"})
    assert Task(**json.loads(json.dumps(dataclasses.asdict(task)))) == task


@pytest.mark.parametrize(("kind", "labels"), [("tree", ()), ("words", ("A", "A"))])
def test_impossible_tasks_are_refused(kind: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        Task("x", kind, labels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "spans", "new"),
    [
        ("B-MISC", True, "O"),
        ("I-GPE", True, "I-LOC"),
        ("B-PER", True, "B-PER"),
        ("O", True, "O"),
        ("GPE", False, "LOC"),
        ("B-GPE", False, "B-GPE"),
    ],
)
def test_labels_are_mapped_by_type_in_spans(label: str, spans: bool, new: str) -> None:
    assert map_label(label, {"MISC": "O", "GPE": "LOC"}, spans=spans) == new


def test_label_set_is_sorted_and_without_the_unannotated() -> None:
    sentences = [Sentence(("a", "b", "c"), ("Z", "_", "A")), Sentence(("d",))]
    assert label_set(sentences) == ("A", "Z")


def test_a_label_outside_the_set_is_refused_with_place_and_nearest() -> None:
    sentences = [Sentence(("a",), ("NOUN",)), Sentence(("b",), ("PROPNN",))]
    with pytest.raises(DataError, match=r"f\.conllu, sentence 2: 'b'.*'PROPNN'.*did you mean 'PROPN'"):
        check_labels(sentences, POS, "f.conllu")


def test_a_file_without_annotation_is_refused() -> None:
    with pytest.raises(DataError, match="no pos label in its 1 sentences"):
        check_labels([Sentence(("a",), ("_",))], POS, "f.conllu")
    check_labels([Sentence(("a", "b"), ("_", "X"))], POS, "f.conllu")
