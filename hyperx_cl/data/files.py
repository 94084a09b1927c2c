"""Opening text files, compressed or not, line by line, with errors that say where the trouble is."""

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import IO, BinaryIO, cast

from hyperx_cl.data.cutting import cut_place
from hyperx_cl.errors import DataError, NotFoundError

Progress = Callable[[int, int], None]
"""Told from time to time how many bytes of a file are read, and its size, both as they lie on the disk."""

_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda raw: cast(IO[bytes], gzip.open(raw)),
    b"BZh": lambda raw: cast(IO[bytes], bz2.open(raw)),
    b"\xfd7zXZ\x00": lambda raw: cast(IO[bytes], lzma.open(raw)),
}
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error)
_BUFFER = 1 << 20


def numbered_lines(
    path: str | Path, *, longest: int | None = None, progress: Progress | None = None
) -> Iterator[tuple[int, str]]:
    r"""Read a file line by line: UTF-8, or UTF-16 with a byte order mark; gz, bz2 and xz, whatever the file is called.

    Args:
        path: The file. Compression and encoding are told by its first bytes; a byte order mark is left out.
        longest: Lines that are longer (in characters) come in pieces of less than twice that, all with the same
            number, so that no line fills the memory; None for whole lines.
        progress: Told about every mebibyte of text, and at the end.

    Yields:
        Line number from 1, and the line without its ``\n`` or ``\r\n``. Nothing else ends a line.

    Raises:
        NotFoundError: Where there is no such file.
        DataError: Where it is a folder, binary, damaged, or in another encoding: with line and byte.
    """
    path = Path(path)
    if not path.exists():
        raise NotFoundError(f"there is no file {path}: check the path")
    if not path.is_file():
        raise DataError(f"{path} is not a file: give a text file")
    unsaid = 0
    with ExitStack() as stack:
        raw = _opened(path, stack)
        size = path.stat().st_size
        for number, line in _lines(path, raw, longest):
            if "\x00" in line:
                raise DataError(
                    f"{path}, line {number}: this is binary{_or_utf16(line)}, not UTF-8 text: give a plain text file"
                )
            yield number, line
            unsaid += len(line)
            if progress and unsaid > _BUFFER:
                progress(raw.tell(), size)
                unsaid = 0
    if progress:
        progress(size, size)


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    try:
        return stack.enter_context(path.open("rb", buffering=_BUFFER))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}): see to its permissions") from None


def _lines(path: Path, raw: IO[bytes], longest: int | None) -> Iterator[tuple[int, str]]:
    number, rest = 1, ""
    try:
        binary, encoding = _unpacked(path, raw)
        stream = TextIOWrapper(cast(BinaryIO, binary), encoding=encoding, newline="\n")
        try:
            for line in iter(partial(stream.readline, longest or -1), ""):
                if line.endswith("\n"):
                    yield number, rest + line.removesuffix("\n").removesuffix("\r")
                    number, rest = number + 1, ""
                elif longest and len(line) == longest:
                    rest += line
                    place = cut_place(rest, len(rest) - 1)
                    yield number, rest[:place]
                    rest = rest[place:]
                else:
                    rest += line
            if rest:
                yield number, rest.removesuffix("\r")
        finally:
            stream.detach()  # or it would close the file
    except UnicodeDecodeError as error:
        raise DataError(_undecodable(path, raw, error.encoding, number)) from None
    except _DAMAGE as error:
        raise DataError(_damaged(path, number, error)) from None


def _unpacked(path: Path, raw: IO[bytes]) -> tuple[IO[bytes], str]:
    """The bytes of the text, from behind a byte order mark, and their encoding."""
    raw.seek(0)
    start = raw.read(6)
    raw.seek(0)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    binary = opener(raw) if opener else raw
    start = binary.read(4)
    if start in _UTF32:
        raise DataError(f"{path}, line 1: this is UTF-32: convert it with iconv -f UTF-32 -t UTF-8")
    mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
    binary.seek(len(mark))
    return binary, _MARKS.get(mark, "utf-8")


def _damaged(path: Path, number: int, error: Exception) -> str:
    where = f" beyond line {number - 1}" if number > 1 else ""
    return f"{path} cannot be read{where} ({error}): it is damaged or cut off, get it again"


def _undecodable(path: Path, raw: IO[bytes], encoding: str, number: int) -> str:
    """The message for a file that is not in its encoding: read again, as the reader counts no bytes."""
    binary, _ = _unpacked(path, raw)
    try:  # damage inside a compressed file shows as nonsense first, and for what it is only later
        while binary is not raw and binary.read(_BUFFER):
            pass
    except _DAMAGE as error:
        return _damaged(path, number, error)
    line, byte = _place(_unpacked(path, raw)[0], encoding)
    place = f"{path}, line {line}, byte {byte} of it"
    if encoding != "utf-8":
        return f"{place}: this is not UTF-16, as its byte order mark says: convert the file to UTF-8"
    return f"{place}: this is not UTF-8: convert the file to UTF-8, such as with iconv -f WINDOWS-1252 -t UTF-8"


def _place(binary: IO[bytes], encoding: str) -> tuple[int, int]:
    """Line and byte of it, both from 1, where the encoding is first broken."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, byte, broken = 1, 1, False
    while not broken:
        chunk = binary.read(_BUFFER)
        waiting = decoder.getstate()[0]
        try:
            text, broken = decoder.decode(chunk, final=not chunk), not chunk
        except UnicodeDecodeError as error:
            text, broken = (waiting + chunk)[: error.start].decode(encoding), True
        line += text.count("\n")
        tail = len(text.rpartition("\n")[2].encode(encoding))
        byte = 1 + tail if "\n" in text else byte + tail
    return line, byte


def _or_utf16(line: str) -> str:
    return " or UTF-16 without a byte order mark" if 3 * line.count("\x00") > len(line) else ""
