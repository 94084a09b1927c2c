"""CoNLL-U rows: written back as they came, and refused with file and line where they are malformed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.rows import Row, parse_rows, read_utf8

BLANKS = "\t_" * 8


def row(number: str, form: str, end: str = "\n") -> str:
    return f"{number}\t{form}{BLANKS}{end}"


SENTENCE = (
    "# sent_id = 1\n"
    + row("0.1", "elided")
    + row("1-2", "del")
    + row("1", "de")
    + row("2", "el")
    + row("2.1", "x")
    + row("3", "mar")
)


def test_kinds_of_rows() -> None:
    _, [block] = parse_rows(SENTENCE)
    assert block.words() == ["de", "el", "mar"]
    assert [r.form for r in block.surface()] == ["del", "mar"]
    assert [(r.first, r.last) for r in block.rows] == [(0, 0), (1, 2), (1, 1), (2, 2), (0, 0), (3, 3)]
    assert block.comment("sent_id") == "1"
    assert block.comment("text") is None
    assert block.has_comment("sent_id") and not block.has_comment("newpar")


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        SENTENCE + "\n",
        "\ufeff" + SENTENCE + "\n\n\n" + row("1", "a"),
        "\n\n" + row("1", "a") + "\n",
        row("1", "a", "\r\n") + "\r\n" + row("1", "b", "\r\n") + "\r\n",
        row("1", "a", ""),
        row("1", "two words\u2028and\x85more") + "\n",
        "# a\n" + row("1", "a") + "# late comment\n" + row("2", "b") + "\n",
    ],
)
def test_written_back_exactly(text: str) -> None:
    head, blocks = parse_rows(text)
    assert head + "".join(map(str, blocks)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\ta\n", r"f\.conllu, line 1: a row has 2 columns where CoNLL-U has 10"),
        ("# c\n" + row("x", "a"), r"f\.conllu, line 2: 'x' is not a word number"),
        (row("1", ""), "line 1: the word has no form"),
        (row("1", "a") + row("3", "b"), "line 2: the number '3' stands where 2 should"),
        (row("1", "a") + row("1", "b"), "line 2: the number '1' stands where 2 should"),
        (row("2", "a"), "line 1: the number '2' stands where 1 should"),
        (row("2-1", "ab"), "'2-1' stands where 1 should"),
        (row("1", "a") + row("2-1", "ab"), "line 2: the range '2-1' runs backwards"),
        (row("1-3", "abc") + row("1", "a") + row("2-3", "bc"), "line 3: the range '2-3' .* overlaps"),
        (row("1-3", "abc") + row("1", "a") + "\n" + row("1", "a"), "line 3: a range goes past the 1 words"),
        (row("1-3", "abc") + row("1", "a"), "last line: a range goes past"),
        ("# only = comments\n\n", "last line: the sentence that ends here has no word"),
        ("", "f.conllu holds no sentence"),
        ("\n\n", "f.conllu holds no sentence"),
    ],
)
def test_malformed_input_names_the_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_rows(text, name="f.conllu")


def test_misc_is_added_replaced_and_escaped() -> None:
    [block] = parse_rows(row("1", "a"))[1]
    [word] = block.rows
    word.set_misc("NER", "O")
    word.set_misc("Odd", "a|b c\\d")
    word.set_misc("NER", "B-PER")
    assert word.columns[-1] == "NER=B-PER|Odd=a\\pb\\sc\\\\d"
    assert (word.misc("NER"), word.misc("Odd"), word.misc("Other")) == ("B-PER", "a|b c\\d", None)


def test_misc_without_a_value_is_taken_away() -> None:
    word = Row(["1", "a", *["_"] * 7, "A=1|Number=Sing|B=2"])
    word.set_misc("Number", None)
    assert word.columns[-1] == "A=1|B=2"
    for key in ("A", "B", "B"):
        word.set_misc(key, None)
    assert word.columns[-1] == "_"


@given(st.text())
def test_any_misc_value_comes_back(value: str) -> None:
    word = Row(["1", "a", *["_"] * 8])
    word.set_misc("Key", value)
    assert word.misc("Key") == value
    assert "\t" not in word.columns[-1] and "\n" not in word.columns[-1]


def test_files_are_read_exactly_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.txt"
    file.write_bytes("\ufeffa\r\nż\n".encode())
    assert read_utf8(file) == "\ufeffa\r\nż\n"
    file.write_bytes(b"caf\xe9 x")
    with pytest.raises(DataError, match=r"f\.txt is not UTF-8 \(byte 3\)"):
        read_utf8(file)
    file.write_bytes(b"a\0b")
    with pytest.raises(DataError, match="binary"):
        read_utf8(file)
    with pytest.raises(DataError, match="cannot be read"):
        read_utf8(tmp_path)
    with pytest.raises(NotFoundError, match="no file"):
        read_utf8(tmp_path / "none")
