"""What a new task is learnt from: definitions, files, label sets, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.train.task_data import Labelled, complete, define, from_files, from_root

ROW = "{}\t{}\t_\t{}\t_\t{}\t_\t{}\t_\t_\n"


def block(*words: tuple[str, str, str, str]) -> str:
    """A sentence of form, UPOS, FEATS and DEPREL."""
    return "".join(ROW.format(i, *word) for i, word in enumerate(words, 1)) + "\n"


CATS = block(("cats", "NOUN", "Number=Plur", "nsubj:pass"), ("eat", "VERB", "_", "root"))
CAT = block(("cat", "NOUN", "Case=Nom|Number=Sing", "nsubj"), ("eats", "VERB", "_", "root"))


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    for code, text in (("en", CATS + CAT), ("mt", CAT)):
        folder = tmp_path / "ud" / code
        folder.mkdir(parents=True)
        (folder / "train.conllu").write_text(text)
    (tmp_path / "ud" / "en" / "dev.conllu").write_text(CATS)
    return DataRoot(tmp_path)


def test_words_without_the_feature_are_a_class_of_their_own(root: DataRoot) -> None:
    task = define("number", column="feats.Number")
    data = from_root(root, task, ["en", "mt"])
    assert data["en"].train[0].labels == ("Plur", "none") and len(data["en"].dev) == 1 and data["mt"].dev == []
    done = complete(task, data)
    assert (done.labels, done.absent, done.kind) == (("Plur", "Sing", "none"), "none", "words")


def test_or_teach_nothing_where_that_is_asked_for(root: DataRoot) -> None:
    task = define("number", column="feats.Number", label_map={"_": "_"})
    data = from_root(root, task, ["en"])
    assert task.absent is None and task.label_map == {} and data["en"].train[0].labels == ("Plur", "_")
    assert complete(task, data).labels == ("Plur", "Sing")


def test_relations_without_their_subtypes(root: DataRoot) -> None:
    fine, coarse = (complete(t, from_root(root, t, ["en"])).labels for t in
                    (define("rel", column="deprel"), define("rel", column="deprel.coarse")))  # fmt: skip
    assert (fine, coarse) == (("nsubj", "nsubj:pass", "root"), ("nsubj", "root"))


def test_a_given_label_set_is_kept_and_holds_the_absent_one() -> None:
    task = define("number", column="feats.Number", labels=["Sing", "Plur"])
    assert task.labels == ("Sing", "Plur", "none")
    assert define("rel", column="deprel", labels=["a", "b"]).labels == ("a", "b")


def test_the_known_tasks_are_what_they_are() -> None:
    assert define("pos") == POS and define("ner") == NER
    assert define("chunk", spans=True).kind == "spans"
    assert define("pos", column="xpos").labels == ()


def test_files_are_read_and_a_tenth_held_out(tmp_path: Path) -> None:
    file, dev = tmp_path / "a.conllu", tmp_path / "dev.conllu"
    words = [block((f"cat{i}", "NOUN", "Number=Sing", "root"), ("x", "X", "_", "dep")) for i in range(300)]
    file.write_text("".join(words))
    dev.write_text(CAT)
    task = define("number", column="feats.Number")
    held = from_files(task, {"en": file}, {})["en"]
    assert len(held.train) + len(held.dev) == 300 and 10 < len(held.dev) < 60
    given = from_files(task, {"en": file}, {"en": dev})["en"]
    assert (len(given.train), len(given.dev)) == (300, 1)
    with pytest.raises(UsageError, match="dev sentences of tr, but nothing to learn on"):
        from_files(task, {"en": file}, {"tr": dev})
    spans = tmp_path / "a.conll"
    spans.write_text("Malta\tB-LOC\nis\tO\n\n")
    assert from_files(define("ner"), {"en": spans}, {})["en"].train == [Sentence(("Malta", "is"), ("B-LOC", "O"))]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("mlm", {"column": "xpos"}, "mlm is learnt in base training alone"),
        ("a.b", {"column": "xpos"}, "'a.b' cannot name a task"),
        ("number", {}, "say where the labels of number stand"),
    ],
)
def test_definitions_that_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        define(name, **options)


def test_data_that_is_refused(root: DataRoot) -> None:
    for column, error, said in (
        ("feats:Number", UsageError, r"unknown column 'feats:Number' \(did you mean 'feats.Number'"),
        ("feats.Evident", DataError, "has a number label in feats.Evident"),
    ):
        task = define("number", column=column)
        with pytest.raises(error, match=said):
            complete(task, from_root(root, task, ["en"]))
    with pytest.raises(NotFoundError, match="no training file for number in 'tr'"):
        from_root(root, define("number", column="upos"), ["tr"])
    task = define("number", column="feats.Number", labels=["Sing"])
    with pytest.raises(DataError, match="'cats' is labelled 'Plur', which task 'number' does not have"):
        from_root(root, task, ["en"])
    with pytest.raises(DataError, match="every word has the x label 'a': there is nothing to learn"):
        complete(define("x", column="xpos"), {"en": Labelled([Sentence(("w",), ("a",))], [])})
    with pytest.raises(DataError, match="in 'en', sentence 1: 'w' is labelled 'c'"):
        labelled = Labelled([Sentence(("w",), ("c",))], [])
        complete(define("x", column="xpos", labels=["a", "b"]), {"en": labelled})
