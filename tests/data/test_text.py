"""Raw text: cleaning, splitting, checking."""

import bz2
import gzip
import hashlib
import lzma
import tracemalloc
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
    assert text.dropped == {"empty": 2, "duplicate": 1, "few_letters": 0, "damaged": 0, "over_limit": 0}
    assert text.bytes == len("ċar ilma x\nend\n".encode())
    assert text.cut == 0


def test_what_is_no_text_is_left_out_and_counted(tmp_path: Path) -> None:
    lines = [
        "kelma", "ok", "字字", "x = 3.14", "A <b>word</b> of text",
        "x", "字", "12.05.2020 14:30", "12345678 ab", "<div class='table'>7</div>", "— — —", "😀😀😀",
        "dama\ufffded",
    ]  # fmt: skip
    text = read_text(_write(tmp_path, "\n".join(lines)))
    assert text.lines == ("kelma", "ok", "字字", "A <b>word</b> of text")
    assert (text.dropped["few_letters"], text.dropped["damaged"]) == (8, 1)


def test_long_lines_are_cut_and_nothing_of_them_is_lost(tmp_path: Path) -> None:
    sentence = "Il-kelma numru {} hija hawn. "
    long = "".join(sentence.format(number) for number in range(10_000)).strip()  # beyond what is read at once
    text = read_text(_write(tmp_path, f"qasir\n{long}\n{'x' * 1001}\n"))
    assert text.cut == 2
    assert text.lines[0] == "qasir"
    assert all(len(line) <= 1000 and line.endswith("hawn.") for line in text.lines[1:-1])
    assert " ".join(text.lines[1:-1]) == long
    assert text.lines[-1] == "x" * 1000
    assert text.dropped["few_letters"] == 1  # the x that was left


def test_what_was_left_out_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = _write(tmp_path, f"one\n\none\n7\nb\ufffdd\n{'word ' * 201}\n")
    assert read_text(path).account() == (
        f"{path}: 3 lines to learn from; left out 1 empty, 1 with hardly any letters, 1 with U+FFFD in place of a "
        "letter, 1 repeated; cut 1 lines of more than 1,000 characters."
    )
    assert read_text(_write(tmp_path, "one\ntwo\n")).account() is None


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_the_hash_is_that_of_the_text(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = _write(tmp_path, "one\ntwo\n")
    packed = tmp_path / "packed"
    packed.write_bytes(compress("\ufeffone\r\n\ntwo".encode("utf-16-le")))
    assert read_text(packed).sha256 == read_text(path).sha256 == hashlib.sha256(b"one\ntwo\n").hexdigest()


def test_max_lines_stops_early(tmp_path: Path) -> None:
    assert read_text(_write(tmp_path, "aa\naa\nbb\ncc\n"), max_lines=2).lines == ("aa", "bb")


def test_a_file_beyond_the_limit_is_sampled_evenly_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("w", encoding="utf-8") as out:
        for number in range(60_000):
            out.write(f"line number {number} of a large file, whose words do not matter {'at all ' * 20}\n")
    read_text(path, max_lines=1)  # imports and caches are not measured
    tracemalloc.start()
    text = read_text(path, keep_lines=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 12e6
    assert peak < 4e6
    assert len(text.lines) == 1000
    assert text.dropped["over_limit"] == 59_000
    numbers = [int(line.split()[2]) for line in text.lines]
    assert numbers == sorted(numbers)
    assert 400 < sum(number < 30_000 for number in numbers) < 600
    assert sum(map(len, read_text(path, keep_characters=20_000).lines)) <= 20_000
    parts = split_text(text.lines)
    assert 20 < len(parts.stop) < 90 and 20 < len(parts.report) < 90  # 50 each: the sample goes by another hash


def test_repeated_lines_count_as_such_while_they_are_kept(tmp_path: Path) -> None:
    content = "".join(f"line number {number % 500}\n" for number in range(3000))
    text = read_text(_write(tmp_path, content), keep_lines=100)
    assert sum(text.dropped.values()) + len(text.lines) == 3000
    whole = read_text(_write(tmp_path, content))
    assert set(text.lines) < set(whole.lines)
    assert (len(whole.lines), whole.dropped["duplicate"]) == (500, 2500)
    assert text.dropped["duplicate"] >= 5 * 100
    assert text.dropped["over_limit"] >= 400


def test_progress_is_told(tmp_path: Path) -> None:
    path = _write(tmp_path, "".join(f"line {number}\n" for number in range(200_000)))
    told: list[tuple[int, int]] = []
    read_text(path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert 0 < told[0][0] < told[-1][0]


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="is empty"):
        read_text(_write(tmp_path, content))


def test_a_file_without_letters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no line with letters that can be read: give a file with text"):
        read_text(_write(tmp_path, "1 2 3\n4 5 6\n"))


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


def test_lines_of_another_language_or_encoding_are_warned_of(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    lines = [f"din il kelma {number} hija tajba ħafna" for number in range(1000)]
    lines += [f"это слово {number} хорошее" for number in range(100)]
    lines += [f"perÃ² cittÃ\xa0 {number} Ã¨ bella" for number in range(100)]
    lines += ["1 2 3"] * 1500 + ["dama\ufffded"] * 30
    warnings = check_text(read_text(_write(tmp_path, "\n".join(lines))), "mt", tokenizer)
    assert [
        part in warning
        for part, warning in zip(
            ("1500 lines of hardly any letters", "30 lines with U+FFFD", "8% of the lines", "in another script (Cyrl)"),
            warnings[:4],
            strict=True,
        )
    ] == [True] * 4


@pytest.mark.real
def test_nothing_of_clean_files_is_left_out(data_root: Path) -> None:
    for path in sorted((data_root / "mlm").glob("*.txt")):
        text = read_text(path)
        assert (path.name, text.account()) == (path.name, None)
