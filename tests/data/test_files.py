"""Lines of files, and files that hold none."""

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hyperx_cl.data.files import numbered_lines
from hyperx_cl.errors import DataError, NotFoundError

COMPRESSORS = [bytes, gzip.compress, bz2.compress, partial(lzma.compress, preset=0)]
BIG, LITTLE = codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE


@pytest.mark.parametrize("compress", COMPRESSORS)
@pytest.mark.parametrize(
    ("mark", "encoding"), [(b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (LITTLE, "utf-16-le"), (BIG, "utf-16-be")]
)
def test_reads_every_compression_and_encoding_whatever_the_name(
    tmp_path: Path, compress: Callable[[bytes], bytes], mark: bytes, encoding: str
) -> None:
    path = tmp_path / "text"
    path.write_bytes(compress(mark + "żejt\r\n\u2028x\x85y\rz\n\n𐍈 end".encode(encoding)))
    assert list(numbered_lines(path)) == [(1, "żejt"), (2, "\u2028x\x85y\rz"), (3, ""), (4, "𐍈 end")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\x00d\n", "line 2: this is binary, not UTF-8"),
        ("text".encode("utf-16-le"), "line 1: this is binary or UTF-16 without a byte order mark"),
        ("text\n".encode("utf-32"), "line 1: this is UTF-32: convert it with iconv -f UTF-32"),
        (b"good\nab\xe9d\n", "line 2, byte 3 of it: this is not UTF-8.*iconv"),
        (codecs.BOM_UTF8 + b"ab\xe9d\n", "line 1, byte 3 of it: this is not UTF-8"),
        (b"good\nab\xc3", "line 2, byte 3 of it: this is not UTF-8"),
        (gzip.compress(b"good\n" * 9 + b"ab\xe9d\n", mtime=0), "line 10, byte 3 of it: this is not UTF-8"),
        (b"x" * (1 << 20) + b"\n" + b"\xc4\x87" * (1 << 19) + b"\xff", "line 2, byte 1048577 of it: this is not UTF-8"),
        (LITTLE + "a\nbc".encode("utf-16-le") + b"\x00\xdc", "line 2, byte 5 of it: this is not UTF-16"),
        (BIG + b"\x00a\x00", "line 1, byte 3 of it: this is not UTF-16"),
        (gzip.compress(b"many words " * 99, mtime=0)[:-12], "cannot be read .*get it again"),
        (lzma.compress(b"many words " * 99)[:-12], "cannot be read"),
        (b"\x1f\x8b\x08 no gzip after all", "cannot be read"),
        (b"BZh9 no bzip2 after all", "cannot be read"),
    ],
)
def test_unreadable_files_are_refused_with_the_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(numbered_lines(path))


@pytest.mark.parametrize("compress", COMPRESSORS[1:])
def test_damage_in_the_middle_says_how_far_it_was_read(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bad"
    whole = compress("".join(f"{number} {hash((number, 1))}\n" for number in range(200_000)).encode())
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(range(256)) + whole[middle + 256 :])
    with pytest.raises(DataError, match=r"cannot be read beyond line \d{4,6} \(.*damaged or cut off"):
        list(numbered_lines(path))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        list(numbered_lines(tmp_path / "none"))
    with pytest.raises(DataError, match="is not a file"):
        list(numbered_lines(tmp_path))


def test_a_long_line_comes_in_pieces_that_are_cut_between_words(tmp_path: Path) -> None:
    path = tmp_path / "text"
    long = "".join(f"{number} " for number in range(3000))
    path.write_text(f"short\r\n{long}\r\nend", encoding="utf-8", newline="")
    found = list(numbered_lines(path, longest=100))
    assert (found[0], found[-1]) == ((1, "short"), (3, "end"))
    assert {number for number, _ in found[1:-1]} == {2}
    assert "".join(piece for _, piece in found[1:-1]) == long
    assert all(piece.endswith(" ") and len(piece) < 200 for _, piece in found[1:-1])


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_progress_counts_bytes_on_the_disk(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "text"
    path.write_bytes(compress("".join(f"{number} line\n" for number in range(500_000)).encode()))
    told: list[tuple[int, int]] = []
    list(numbered_lines(path, progress=lambda done, total: told.append((done, total))))
    size = path.stat().st_size
    assert 4 <= len(told) <= 8
    assert told == sorted(told)
    assert 0 < told[0][0] < size
    assert {total for _, total in told} == {size}
    assert told[-1][0] == size
