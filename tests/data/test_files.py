"""Lines of files, and files that hold none."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.data.files import numbered_lines
from hyperx_cl.errors import DataError, NotFoundError

COMPRESSORS = [bytes, gzip.compress, bz2.compress, lzma.compress]


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_reads_every_compression_whatever_the_name(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "text"
    path.write_bytes(compress("\ufeffżejt\r\n\u2028x\x85y\n\nend".encode()))
    assert list(numbered_lines(path)) == [(1, "żejt"), (2, "\u2028x\x85y"), (3, ""), (4, "end")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\x00d\n", "line 2: this is binary"),
        ("text".encode("utf-16"), "line 1: this is binary"),
        (b"good\nab\xe9d\n", "line 2, byte 3 of it: this is not UTF-8"),
        (gzip.compress(b"many words " * 99)[:-12], "cannot be read"),
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


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        list(numbered_lines(tmp_path / "none"))
    with pytest.raises(DataError, match="is not a file"):
        list(numbered_lines(tmp_path))
