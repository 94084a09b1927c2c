"""Opening text files, compressed or not, line by line, with errors that say where the trouble is."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from hyperx_cl.errors import DataError, NotFoundError

_OPENERS: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": lambda path: cast(IO[bytes], gzip.open(path, "rb")),
    b"BZh": lambda path: cast(IO[bytes], bz2.open(path, "rb")),
    b"\xfd7zXZ\x00": lambda path: cast(IO[bytes], lzma.open(path, "rb")),
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    r"""Read a UTF-8 file line by line; gz, bz2 and xz are told by their first bytes, whatever the file is called.

    Args:
        path: The file. A byte order mark at its start is left out.

    Yields:
        Line number from 1, and the line without its ``\n`` or ``\r\n``. Nothing else ends a line.

    Raises:
        NotFoundError: Where there is no such file.
        DataError: Where it is a folder, binary, damaged, or not UTF-8: with line and byte.
    """
    path = Path(path)
    for number, raw in enumerate(_raw_lines(path), start=1):
        if number == 1:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        if b"\x00" in raw:
            raise DataError(f"{path}, line {number}: this is binary, not UTF-8 text: give a plain text file")
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}, byte {error.start + 1} of it: this is not UTF-8: convert the file to UTF-8"
            ) from None
        yield number, line.removesuffix("\n").removesuffix("\r")


def _raw_lines(path: Path) -> Iterator[bytes]:
    if not path.exists():
        raise NotFoundError(f"there is no file {path}: check the path")
    if not path.is_file():
        raise DataError(f"{path} is not a file: give a text file")
    try:
        with _open(path) as handle:
            yield from handle
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): it is damaged or cut off, or may not be opened") from None


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as handle:
        start = handle.read(6)
    for magic, opener in _OPENERS.items():
        if start.startswith(magic):
            return opener(path)
    return path.open("rb")
