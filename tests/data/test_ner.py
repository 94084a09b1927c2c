"""Entity files in several schemes, and malformed ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.ner import read_iob2, to_iob2
from hyperx_cl.errors import DataError


def _write(folder: Path, content: str) -> Path:
    path = folder / "f.conll"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", ["\t", " "])
def test_reads_tabs_and_spaces(tmp_path: Path, separator: str) -> None:
    content = "# id 1\n-DOCSTART-|O\n\nAnna|B-PER\n#|O\n\n\nMalta|B-LOC\r\n".replace("|", separator)
    assert read_iob2(_write(tmp_path, content)) == [
        Sentence(("Anna", "#"), ("B-PER", "O")),
        Sentence(("Malta",), ("B-LOC",)),
    ]


def test_a_word_with_a_space_needs_tabs(tmp_path: Path) -> None:
    assert read_iob2(_write(tmp_path, "1 000\tO\n"))[0].words == ("1 000",)


def test_types_are_renamed_and_removed(tmp_path: Path) -> None:
    content = "a\tB-MISC\nb\tI-MISC\nc\tB-GPE\n"
    sentences = read_iob2(_write(tmp_path, content), label_map={"MISC": "O", "GPE": "LOC"})
    assert sentences[0].labels == ("O", "O", "B-LOC")


@pytest.mark.parametrize(
    ("tags", "clean", "changed"),
    [
        ("O B-PER I-PER O", "O B-PER I-PER O", 0),
        ("I-PER I-PER B-PER O I-LOC", "B-PER I-PER B-PER O B-LOC", 2),  # IOB1
        ("B-ORG I-LOC", "B-ORG B-LOC", 1),
        ("S-PER B-LOC I-LOC E-LOC", "B-PER B-LOC I-LOC I-LOC", 2),  # BIOES
        ("U-PER B-LOC L-LOC", "B-PER B-LOC I-LOC", 2),  # BILOU
    ],
)
def test_other_schemes_are_converted(tags: str, clean: str, changed: int) -> None:
    assert to_iob2(tags.split()) == (tuple(clean.split()), changed)


@given(st.lists(st.sampled_from(["O", *(f"{p}-{k}" for p in "BIESLU" for k in ("PER", "LOC"))]), max_size=8))
def test_the_result_is_always_iob2(tags: list[str]) -> None:
    clean, _ = to_iob2(tags)
    for before, tag in zip(("O", *clean), clean, strict=False):
        assert tag[0] in "OBI"
        assert not tag.startswith("I-") or before[2:] == tag[2:]
    assert to_iob2(clean) == (clean, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tO\nb\n", "line 2: 'b' is not a word, a tab and a tag"),
        ("a\tO\nb\tPER\n", "line 2"),
        ("a\tNN\tO\n", "line 1"),
        ("\tO\n", "line 1"),
        ("a b O\n", "line 1"),
        ("\n\n", "has no sentence"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_iob2(_write(tmp_path, content))
