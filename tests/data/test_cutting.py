"""Long lines in pieces."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.cutting import cut_line, ends_sentence, sentences


@given(st.text(alphabet="ab .。\u0301\u0e48", max_size=300), st.integers(2, 40))
def test_the_pieces_are_the_line_and_none_is_too_long(line: str, most: int) -> None:
    pieces = cut_line(line, most)
    assert "".join(pieces) == line
    assert all(0 < len(piece) <= most for piece in pieces)


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("One two. Three four five", ["One two. ", "Three four five"]),
        ('Ein "Satz!" Noch einer', ['Ein "Satz!" ', "Noch einer"]),
        ("No end of sentence here", ["No end of ", "sentence here"]),
        ("一二三四五六七八九。十百千萬億兆京", ["一二三四五六七八九。", "十百千萬億兆京"]),
        ("A 3.14159265358979", ["A 3.14159265358", "979"]),
        ("short", ["short"]),
        ("", []),
    ],
)
def test_cuts_behind_a_sentence_else_a_word_else_a_sign(line: str, pieces: list[str]) -> None:
    assert cut_line(line, 15) == pieces


def test_an_accent_stays_with_its_letter() -> None:
    first, second = cut_line("abcdefghix\u0323\u0301yz", 11)
    assert (first, second) == ("abcdefghi", "x\u0323\u0301yz")
    assert not unicodedata.combining(second[0])


def test_sentences_are_cut_behind_their_ends_and_nowhere_else() -> None:
    assert sentences("The first of the sentences. The second of them? \"Third of the sentences!\" And") == [
        "The first of the sentences.", "The second of them?", '"Third of the sentences!"', "And",
    ]  # fmt: skip
    assert sentences("In the year 44 v. Chr. there was one. ") == ["In the year 44 v. Chr. there was one."]
    assert sentences("你好！我也不知道。In") == ["你好！", "我也不知道。", "In"]
    assert sentences("  ") == []


@pytest.mark.parametrize(
    ("text", "ends"),
    [("So it ends.", True), ("Really?”", True), ("終わり。", True), ("A heading", False), ("", False), ("v1.0", False)],
)
def test_whether_a_text_ends_as_sentences_do(text: str, ends: bool) -> None:
    assert ends_sentence(text) is ends
