"""A consistent copy of an SQLite registry while others write: SQLite's own backup, whole or not at all."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from hyperx_cl.errors import ConflictError, DataError, HyperXError, NotFoundError, UsageError
from hyperx_cl.registry import engine, postgres
from hyperx_cl.registry.home import registry_url
from hyperx_cl.registry.journal import BUSY_SECONDS


def backup(target: str | os.PathLike[str], url: str | None = None) -> Path:
    """Copy a registry into a new file.

    All is copied in one step that sees one moment; nobody who writes meanwhile waits for it. The copy is one file,
    with nothing beside it, and takes its name only when it is complete and has been read through.

    Args:
        target: The new file; its folder is created.
        url: The registry's address; `HYPERX_REGISTRY` or the user's own by default.

    Returns:
        The file's absolute path.

    Raises:
        UsageError: The registry is no SQLite file; the message says what to type instead.
        NotFoundError: There is no registry.
        ConflictError: There is a file of that name.
        DataError: The registry is damaged.
        HyperXError: The copy cannot be written.
    """
    address = url or registry_url()
    source, path = _file(address), Path(target).expanduser().absolute()
    if not source.is_file():
        raise NotFoundError(f"there is no registry {source} to copy: see to --registry or HYPERX_REGISTRY")
    if path.exists():
        raise ConflictError(f"{path} is there already: choose another name for the copy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, path)
    except OSError as error:
        raise HyperXError(
            f"the copy {path} cannot be written ({error.strerror}): choose a folder with room that you may write"
        ) from error
    except sqlite3.Error as error:
        raise _told(error, source, path) from error
    return path


def _file(address: str) -> Path:
    """The SQLite file of an address.

    Raises:
        UsageError: It is of another database, or in memory.
    """
    where = engine.shown(address)
    if where == ":memory:":
        raise UsageError("a registry in memory cannot be copied: name one in a file with --registry")
    if "://" not in where:
        return Path(where).expanduser().absolute()
    url = make_url(postgres.spelled(address)) if "://" in address else None
    if url is not None and url.get_backend_name() == postgres.NAME:
        host, port, user = url.host or "localhost", url.port or 5432, url.username or "USER"
        told = f"pg_dump --format=custom --file=FILE --host={host} --port={port} --username={user} {url.database or ''}"
        raise UsageError(f"a PostgreSQL registry is copied by its own tool: run `{told.strip()}`")
    raise UsageError(
        f"{where} is no SQLite file: copy it with the tool of that database, or write its records into a folder with "
        "`hyperx-cl registry export DIR`"
    )


def _copy(source: Path, path: Path) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        reader = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        with closing(reader), closing(sqlite3.connect(temporary)) as writer:
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode = DELETE")
            (said,) = writer.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            raise DataError(f"{source} is damaged ({said}): see `hyperx-cl registry check`, or restore it from a copy")
        os.chmod(temporary, 0o644)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # unlike a rename it never takes the place of another file
        except FileExistsError as error:
            raise ConflictError(f"{path} has been made by another process meanwhile: choose another name") from error
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{temporary}{end}").unlink(missing_ok=True)


def _told(error: sqlite3.Error, source: Path, path: Path) -> HyperXError:
    said = " ".join(str(error).split())
    if "not a database" in said or "malformed" in said:
        return DataError(f"{source} is not a registry, or is damaged ({said}): restore it from a copy")
    return HyperXError(
        f"the copy {path} cannot be written ({said}): see that {source} can be read and that the disk is not full"
    )
