"""Which journal a SQLite file gets: WAL where processes can share memory, else the rollback journal."""

import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 60

_NETWORK = re.compile(r"nfs\d?|lustre|cifs|smb\d?|smbfs|ncpfs|afs|gpfs|beegfs|ceph|glusterfs|9p|fuse\.(?!fuseblk).*")
"""File systems that other machines may write to at the same time: there a memory map proves nothing."""

_known: dict[Path, bool] = {}


def set_journal(connection: sqlite3.Connection, file: Path, tell: Callable[[str], None]) -> None:
    """Put a database into WAL where that works, and else into the rollback journal, in which readers wait for writers.

    Args:
        connection: To the database; it has read nothing yet.
        file: Where it is.
        tell: Told once, when the file is made or changed, that it is the rollback journal.
    """
    folder = file.parent
    if folder not in _known:
        _known[folder] = _looks_well(file)
    if _known[folder]:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        return
    if _leave_wal(connection) or not connection.execute("PRAGMA schema_version").fetchone()[0]:
        tell(f"{folder} is on a file system where processes cannot share memory: {file.name} gets a rollback journal.")


def _looks_well(file: Path) -> bool:
    """Whether a file can be in WAL where it is: it is and can be read, or one beside it can.

    A connection that could not read a file in WAL can do nothing more with it, so this is one of its own.
    """
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            connection.execute("PRAGMA schema_version").fetchone()  # reads the file
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise
            return False  # it is in WAL, and came from where that works
    return mode == "wal" and not on_network(file.parent) or wal_works(file.parent)


def wal_works(folder: Path, *, vfs: str | None = None) -> bool:
    """Try it: a database of a moment in that folder, which two connections share.

    Args:
        folder: Of the database to come.
        vfs: SQLite's way to files; its own by default.
    """
    if on_network(folder):
        return False
    try:
        with tempfile.TemporaryDirectory(prefix=".hyperx-", dir=folder) as scratch:
            name = f"{(Path(scratch) / 'probe').as_uri()}{f'?vfs={vfs}' if vfs else ''}"
            with closing(sqlite3.connect(name, uri=True)) as one, closing(sqlite3.connect(name, uri=True)) as other:
                if one.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                    return False
                with one:
                    one.execute("CREATE TABLE probe (x)")
                return bool(other.execute("SELECT count(*) FROM probe").fetchone() == (0,))
    except (OSError, sqlite3.Error):
        return False


def on_network(folder: Path, mounts: str | None = None) -> bool:
    """Whether a folder is on a file system that several machines may use, as far as this one says.

    Args:
        folder: Absolute.
        mounts: What Linux says in ``/proc/self/mountinfo``; read by default.
    """
    if sys.platform == "win32":
        return str(folder).startswith("\\\\")
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        place = Path(left.split()[4].encode("latin-1", "replace").decode("unicode_escape"))
        if folder.is_relative_to(place) and len(place.parts) >= best:  # of several at one place the last is seen
            best, kind = len(place.parts), right.split()[0]
    return _NETWORK.fullmatch(kind) is not None


def _leave_wal(connection: sqlite3.Connection) -> bool:
    """Go back to the rollback journal; alone with the file, SQLite needs no shared memory for it.

    Returns:
        Whether it was in WAL.
    """
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # before the first reading
    modes: list[str] = []
    _patiently(lambda: modes.append(connection.execute("PRAGMA journal_mode").fetchone()[0]))
    if modes[-1] == "wal":
        _patiently(lambda: connection.execute("PRAGMA journal_mode = DELETE").fetchone())
    connection.execute("PRAGMA locking_mode = NORMAL")
    connection.execute("PRAGMA schema_version").fetchone()  # with it the lock goes
    return modes[-1] == "wal"


def _patiently(action: Callable[[], object]) -> None:
    """Repeat while the file is locked: the busy timeout does not cover a change of the journal."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
