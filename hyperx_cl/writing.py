"""Files that are written whole or not at all; what hinders writing is told in one sentence."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from hyperx_cl.errors import StorageError

NEW = ".new"
"""What ends the name of a file that is being written; one that is found was left by a killed process."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
UNWRITABLE = _FULL | {errno.EROFS, errno.ENOTDIR, errno.EISDIR}
"""Numbers of the errors that say that something cannot be written, wherever they come from."""

_OF_RUST = re.compile(r"\(os error (\d+)\)")


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Give a place beside a file to write to; at the end it takes the file's place.

    Args:
        file: Replaced as a whole, or left as it is where writing fails.

    Raises:
        StorageError: It cannot be written.
    """
    with told(file.parent), replaced(file) as fresh:
        yield fresh


@contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """The same where another one tells what hinders writing.

    Raises:
        OSError: It cannot be written.
    """
    fresh = file.with_name(file.name + NEW)
    try:
        yield fresh
        settle(fresh)
        os.replace(fresh, file)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


@contextmanager
def shared(file: Path) -> Iterator[Path]:
    """The same for what is the same whoever writes it: of several writers at once one is enough.

    Args:
        file: Named by its content. What killed processes have left half written beside it goes too.

    Raises:
        OSError: It cannot be written.
    """
    fresh = file.with_name(f"{file.name}.{os.getpid()}{NEW}")
    try:
        yield fresh
        with suppress(FileNotFoundError):  # another one was first, and has swept this one away
            os.replace(fresh, file)
        for leftover in file.parent.glob(f"{file.name}.*{NEW}"):
            leftover.unlink(missing_ok=True)
    finally:
        with suppress(OSError):
            fresh.unlink()


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Turn what the system says about a folder that cannot be written into one sentence.

    Raises:
        StorageError: What happens inside failed to write.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise unwritable(place, error) from error


def unwritable(place: Path, error: Exception) -> StorageError:
    """The sentence for a file or folder that cannot be written.

    Args:
        place: What was to be written.
        error: What the system said, in Python's words or in those of safetensors.
    """
    number = error.errno if isinstance(error, OSError) else _number_in(str(error))
    reason = os.strerror(number) if number else " ".join(str(error).split())
    if number in _FULL:
        return StorageError(f"There is no room for {place} ({reason}); make some, or choose a place on another disk.")
    return StorageError(f"{place} cannot be written ({reason}); allow it, or choose another place.")


def settle(file: Path) -> None:
    """See to it that a file outlives a power cut: a rename may reach the disk before what it names."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


def _number_in(text: str) -> int | None:
    found = _OF_RUST.search(text)
    return int(found[1]) if found else None
