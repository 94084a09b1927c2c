"""Raw text: cleaning, splitting, checking."""

import bz2
import gzip
import lzma
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from hyperx_cl.data.text import Text, check_text, clean_line, read_text, split_text
from hyperx_cl.errors import DataError, NotFoundError


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_backbone)
    return loaded


def _write(folder: Path, content: str) -> Path:
    path = folder / "text.txt"
    path.write_text(content, encoding="utf-8")
    return path


def _text(folder: Path, line: str, count: int = 1200) -> Text:
    return read_text(_write(folder, "".join(f"{line} {' '.join(str(number))}\n" for number in range(count))))


def test_lines_are_cleaned_and_come_once(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "ċar")
    text = read_text(_write(tmp_path, f"\ufeff {decomposed}\tilma\u0007\u3000x \nċar ilma x\n \n\u0001\nend"))
    assert text.lines == ("ċar ilma x", "end")
    assert text.dropped == {"empty": 2, "duplicate": 1}
    assert text.bytes == len("ċar ilma x\nend\n".encode())


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_the_hash_is_that_of_the_text(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = _write(tmp_path, "one\ntwo\n")
    packed = tmp_path / "packed"
    packed.write_bytes(compress(b"one\r\n\ntwo"))
    assert read_text(packed).sha256 == read_text(path).sha256


def test_max_lines_stops_early(tmp_path: Path) -> None:
    assert read_text(_write(tmp_path, "a\na\nb\nc\n"), max_lines=2).lines == ("a", "b")


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="is empty"):
        read_text(_write(tmp_path, content))


@given(st.text())
def test_a_clean_line_stays(line: str) -> None:
    assert clean_line(clean_line(line)) == clean_line(line)


@given(st.sets(st.text(max_size=6), min_size=5, max_size=400), st.randoms())
def test_the_split_is_a_partition_and_the_order_does_not_matter(lines: set[str], random: object) -> None:
    ordered = sorted(lines)
    parts = split_text(ordered)
    assert sorted(line for part in parts for line in part) == ordered
    held_out = min(20, len(ordered) // 5)
    assert min(len(parts.stop), len(parts.report)) >= held_out
    assert max(len(parts.stop), len(parts.report)) <= len(ordered) // 5
    turned = split_text(ordered[::-1])
    assert [set(part) for part in turned] == [set(part) for part in parts]
    assert turned.train == parts.train[::-1]


def test_parts_are_five_in_a_hundred_and_stay_when_text_is_added() -> None:
    lines = [f"line {number}" for number in range(8000)]
    before, after = split_text(lines[:4000]), split_text(lines)
    assert 300 < len(after.stop) < 500
    assert 300 < len(after.report) < 500
    assert set(before.stop) < set(after.stop)
    assert set(before.report) < set(after.report)


def test_parts_are_capped() -> None:
    parts = split_text([str(number) for number in range(60_000)])
    assert (len(parts.stop), len(parts.report)) == (2000, 2000)


@pytest.mark.parametrize("lines", [["a"] * 9, ["a", "b"]])
def test_a_split_needs_different_lines(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="none twice"):
        split_text(lines)


def test_good_text_has_no_warning(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    assert check_text(_text(tmp_path, "il-baħar kbir".replace("ħ", "ġ")), "mt", tokenizer) == []


def test_three_lines_are_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(DataError, match=r"has 3 different lines of text.*at least 20"):
        check_text(_text(tmp_path, "baxx", 3), "mt", tokenizer)


def test_the_wrong_script_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(DataError, match=r"100% of the letters .* are Cyrl, but Maltese is written in Latn"):
        check_text(_text(tmp_path, "привет мир"), "mt", tokenizer)


def test_text_without_letters_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(DataError, match="has no letters"):
        check_text(_text(tmp_path, "1 2 3"), "mt", tokenizer)


def test_a_third_of_unknown_pieces_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(DataError, match=r"does not know 57% of the pieces"):
        check_text(_text(tmp_path, "ሰላም ሰላም", 20), "am", tokenizer)


def test_an_unknown_language_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(NotFoundError):
        check_text(_text(tmp_path, "text"), "notacode", tokenizer)


def test_short_repeated_mixed_and_partly_unknown_text_is_warned_of(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    lines = "".join(f"malta baxxa привт {number} aaaa bbbb ሰላም\n" * 3 for number in range(50))
    warnings = check_text(read_text(_write(tmp_path, lines)), "mt", tokenizer)
    assert [
        part in warning
        for part, warning in zip(
            ("only 50 lines", "100 repeated lines", "of the letters", "does not know"), warnings, strict=True
        )
    ] == [True] * 4


def test_a_language_without_a_known_script_is_not_checked(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    assert check_text(_text(tmp_path, "привет мир"), "x-mine", tokenizer) == []
