"""Articles become lines: sentences, without headings and lists, none twice, and no more than wanted."""

from collections.abc import Iterator

import pytest

from hyperx_cl.data.hub.articles import LONGEST, article_lines
from hyperx_cl.errors import DataError


def lines(*texts: str, most: int = 99) -> list[str]:
    found = list(article_lines(({"text": text} for text in texts), most, "here"))
    assert all(line.endswith("\n") for line in found)
    return [line[:-1] for line in found]


def test_an_article_is_cut_into_sentences_without_headings_and_lists() -> None:
    text = (
        "Malta\n\nMalta  hija gżira fil-Mediterran. Il-belt kapitali hija l-Belt Valletta!\n\nStorja\n\n"
        " Valletta\n Mdina\n\nKelma twila ta' aktar minn erbgħin sinjal mingħajr tmiem"
    )
    assert lines(text) == [
        "Malta hija gżira fil-Mediterran.",
        "Il-belt kapitali hija l-Belt Valletta!",
        "Kelma twila ta' aktar minn erbgħin sinjal mingħajr tmiem",
    ]


def test_abbreviations_and_small_letters_do_not_end_a_sentence() -> None:
    assert lines("Dr. Borg twieled f'Ruma fl-1900 p.k. u miet hemm.") == [
        "Dr. Borg twieled f'Ruma fl-1900 p.k. u miet hemm."
    ]


def test_scripts_without_spaces_are_cut_too() -> None:
    assert lines("馬耳他是一個位於地中海中心的島國，首都是瓦萊塔。馬耳他由五個島嶼組成，人口超過四十萬人。") == [
        "馬耳他是一個位於地中海中心的島國，首都是瓦萊塔。", "馬耳他由五個島嶼組成，人口超過四十萬人。",
    ]  # fmt: skip


def test_no_line_comes_twice_and_none_is_longer_than_a_line_may_be() -> None:
    long = "kelma " * 400
    found = lines("L-istess sentenza darbtejn.\nL-istess sentenza darbtejn.", "L-istess sentenza darbtejn.", long)
    assert found[0] == "L-istess sentenza darbtejn." and found.count(found[0]) == 1
    assert max(map(len, found)) <= LONGEST and " ".join(found[1:]).split() == long.split() or len(found) == 3


def test_no_article_is_read_beyond_the_last_line_that_is_wanted() -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield {"text": "L-ewwel sentenza hija din hawn. It-tieni sentenza hija din hawn."}
        raise AssertionError("read on")

    assert len(list(article_lines(rows(), 2, "here"))) == 2


@pytest.mark.parametrize("row", [{}, {"text": None}, {"text": ["a"]}])
def test_rows_of_another_form_are_refused(row: dict[str, object]) -> None:
    with pytest.raises(DataError, match="here, row 1: the column text is no text"):
        list(article_lines([row], 9, "here"))
