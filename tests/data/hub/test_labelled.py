"""Rows of the Hub as lines of a data root: what is checked, and what cannot be written down."""

from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.hub.labelled import LONGEST_SENTENCE, conllu_blocks, iob2_blocks
from hyperx_cl.data.ner import read_iob2
from hyperx_cl.errors import DataError


def conllu(**row: Any) -> str:
    return "".join(conllu_blocks([row], (), "here"))


def test_words_and_tags_alone_make_a_readable_file(tmp_path: Path) -> None:
    file = tmp_path / "x.conllu"
    file.write_text(conllu(tokens=["a b", "c"], upos=["NOUN", None]), encoding="utf-8")
    (sentence,) = read_conllu(file)
    assert (sentence.words, sentence.labels) == (("a b", "c"), ("NOUN", "_"))


def test_tags_may_be_numbers_with_names(tmp_path: Path) -> None:
    (block,) = conllu_blocks([{"tokens": ["x"], "upos": [1]}], ("NOUN", "VERB"), "here")
    assert block == "1\tx\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"upos": ["NOUN", "VERB"]}, "row 1: the column upos is not a list of 1 labels, one for each word"),
        ({"upos": "N"}, "the column upos is not a list of 1 labels"),
        ({"upos": ["N"]}, "'N' in upos is none of ADJ ADP"),
        ({"upos": [3]}, "label 3 of upos has no name (there are 0)"),
        ({"upos": [True]}, "'True' in upos is none of"),
        ({"feats": ["_", "_"]}, "the column feats is not a list of 1, one for each word"),
        ({"misc": "SpaceAfter=No"}, "the column misc is not a list of 1"),
        ({"mwt": [{"id": "1-2", "form": "xy"}]}, "the column mwt holds what is no multiword token of its 1 words"),
        ({"mwt": [{"id": "1", "form": "xy"}]}, "the column mwt holds what is no multiword token"),
        ({"mwt": ["1-2"]}, "the column mwt holds what is no multiword token"),
        ({"tokens": ["x"] * (LONGEST_SENTENCE + 1)}, "10,001 words are no sentence (at most 10,000)"),
        ({"tokens": ["x", None], "upos": ["X", "X"]}, "the column tokens is not a list of words"),
        ({"tokens": ["_", "x", "_"], "upos": ["X"] * 3}, "here comes without its words"),
    ],
)
def test_rows_of_another_form_are_refused_with_their_place(row: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        conllu(**{"tokens": ["x"], "upos": ["X"]} | row)
    assert str(refused.value).startswith("here") and sentence in str(refused.value)


def test_a_form_that_is_too_long_is_no_multiword_token() -> None:
    with pytest.raises(DataError, match="has 501 characters, which is no word"):
        conllu(tokens=["x", "y"], upos=["X", "X"], mwt=[{"id": "1-2", "form": "x" * 501}])


def test_what_would_break_a_line_is_left_out_of_a_column_and_a_sentence_of_such_words_altogether() -> None:
    assert conllu(tokens=["x"], upos=["X"], misc=["a\tb"], text="one\ntwo\u2028three") == (
        "# text = one two three\n1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
    )
    for word in ("a\tb", "a\nb", "a\x85b", " ", "", "\u2028"):
        assert conllu(tokens=["x", word], upos=["X", "X"]) == ""
        assert list(iob2_blocks([{"tokens": [word], "ner_tags": [0]}], (), "here")) == [""]


def test_numbers_of_entities_without_names_are_those_of_wikiann_and_come_out_as_iob2(tmp_path: Path) -> None:
    file = tmp_path / "x.conll"
    rows = [{"tokens": list("abcdefg"), "ner_tags": [2, 2, 0, 4, 6, 5, 3]}]
    file.write_text("".join(iob2_blocks(rows, (), "here")), encoding="utf-8")
    assert read_iob2(file)[0].labels == ("B-PER", "I-PER", "O", "B-ORG", "B-LOC", "B-LOC", "B-ORG")
