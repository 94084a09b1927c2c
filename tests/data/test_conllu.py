"""CoNLL-U files, good and malformed."""

from pathlib import Path

import pytest

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.examples import Sentence
from hyperx_cl.errors import DataError, UsageError

GOOD = """# sent_id = 1
# text = fil-baħar kbir  .
1-2\tfil-baħar\t_\t_\t_\t_\t_\t_\t_\t_
1\tfil-\tfil\tADP\tPREP\t_\t2\tcase\t_\t_
2\tbaħar\tbaħar\tNOUN\tNN\tGender=Masc|Number=Sing\t0\troot\t_\tSpaceAfter=No|Gloss=sea
2.1\tempty\t_\tVERB\t_\t_\t_\t_\t_\t_
3\t1 000\t_\tNUM\t_\tNumber=Plur\t2\tnummod\t_\t_

# a comment alone

1\t#\t_\tSYM\t_\t_\t0\troot\t_\t_
"""


def _write(folder: Path, content: str) -> Path:
    path = folder / "f.conllu"
    path.write_text(content, encoding="utf-8")
    return path


def test_syntactic_words_without_ranges_and_empty_nodes(tmp_path: Path) -> None:
    assert read_conllu(_write(tmp_path, GOOD)) == [
        Sentence(("fil-", "baħar", "1 000"), ("ADP", "NOUN", "NUM")),
        Sentence(("#",), ("SYM",)),
    ]


def test_ranges_stand_beside_their_parts_in_the_compatible_count(tmp_path: Path) -> None:
    first = read_conllu(_write(tmp_path, GOOD), ranges=True)[0]
    assert first == Sentence(("fil-baħar", "fil-", "baħar", "1 000"), ("_", "ADP", "NOUN", "NUM"))


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        ("xpos", ("PREP", "NN", "_")),
        ("deprel", ("case", "root", "nummod")),
        ("feats.Number", ("_", "Sing", "Plur")),
        ("feats", ("_", "Gender=Masc|Number=Sing", "Number=Plur")),
        ("misc.Gloss", ("_", "sea", "_")),
    ],
)
def test_any_column_is_a_label(tmp_path: Path, column: str, labels: tuple[str, ...]) -> None:
    assert read_conllu(_write(tmp_path, GOOD), column=column)[0].labels == labels


def test_a_relation_without_its_subtype(tmp_path: Path) -> None:
    content = GOOD.replace("\tnummod\t", "\tnummod:gov:x\t").replace("\tcase\t", "\t_\t")
    assert read_conllu(_write(tmp_path, content), column="deprel.coarse")[0].labels == ("_", "root", "nummod")


def test_words_without_a_label_may_be_a_class_of_their_own(tmp_path: Path) -> None:
    sentence = read_conllu(_write(tmp_path, GOOD), column="feats.Number", label_map={"_": "none"})[0]
    assert sentence.labels == ("none", "Sing", "Plur")


def test_labels_are_mapped(tmp_path: Path) -> None:
    assert read_conllu(_write(tmp_path, GOOD), label_map={"NUM": "ADJ"})[0].labels == ("ADP", "NOUN", "ADJ")


@pytest.mark.parametrize("column", ["upso", "upos.Number", "head", "deprel.fine", "feats:Number"])
def test_an_unknown_column_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(UsageError, match="unknown column"):
        read_conllu(_write(tmp_path, GOOD), column=column)


ROW = "1\ta\t_\tX\t_\t_\t0\troot\t_\t_\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"# c\n{ROW}2\tb\t_\tX\n", "line 3: a CoNLL-U row has 10 columns .* this one has 4"),
        (f"{ROW}\n1 a _ X _ _ 0 root _ _\n", "line 3: .* this one has 1"),
        (ROW.replace("1\t", "one\t"), "line 1: 'one' is not the number of a word"),
        (ROW.replace("1\t", "_\t"), "line 1: '_' is not the number of a word"),
        (ROW.replace("1\t", "2-1\t"), "line 1: '2-1' is not the number of a word"),
        (ROW.replace("a\t", " \t"), "line 1: the word is empty"),
        (ROW + ROW, "line 2: word 1 follows word 1: put a blank line"),
        ("# only a comment\n\n", "has no sentence"),
        ("", "has no sentence"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_conllu(_write(tmp_path, content))


def test_two_spaces_in_a_word_do_not_end_its_column(tmp_path: Path) -> None:
    row = ROW.replace("a\t", "a  b\t")
    assert read_conllu(_write(tmp_path, row)) == [Sentence(("a b",), ("X",))]
