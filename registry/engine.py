"""Opens the database: SQLite with a fitting journal, a busy timeout and `BEGIN IMMEDIATE` for writes, or any other."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from hyperx_cl.errors import DataError, HyperXError, UsageError
from hyperx_cl.registry import postgres
from hyperx_cl.registry.journal import BUSY_SECONDS, set_journal

Tell = Callable[[str], None]
Journal = Callable[[sqlite3.Connection], None]
WRITE = "hyperx_write"
"""Execution option of a transaction that will write."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")  # of Windows


def connect(address: str, *, readonly: bool, tell: Tell) -> Engine | None:
    """Make an engine for a registry.

    Args:
        address: Any SQLAlchemy URL, or the path of an SQLite file; its parent folder is created.
        readonly: Open an SQLite file so that nothing can be written, nor created.
        tell: Told what is worth knowing of the place.

    Returns:
        The engine, or None when `readonly` is asked of a file that does not exist.

    Raises:
        UsageError: The address cannot be understood, or its driver is not installed.
        HyperXError: The folder cannot be created.
    """
    url = _parsed(address)
    if url.get_backend_name() != "sqlite":
        return postgres.prepared(_created(url), WRITE) if url.get_backend_name() == postgres.NAME else _created(url)
    if not url.database or url.database == ":memory:":
        return _sqlite(url, poolclass=StaticPool)
    path = Path(url.database).expanduser().absolute()
    if readonly:
        return _sqlite(url, creator=partial(_open_readonly, path)) if path.exists() else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HyperXError(
            f"the folder of the registry {path} cannot be made ({error.strerror}): set HYPERX_HOME to one you may write"
        ) from error
    return _sqlite(url.set(database=str(path)), journal=partial(set_journal, file=path, tell=tell))


def for_reading(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions write nothing and see the database as it is at one moment."""
    return postgres.for_reading(engine) if engine.dialect.name == postgres.NAME else engine


def for_writing(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions take the write lock when they begin."""
    return engine.execution_options(**{WRITE: True})


@contextmanager
def one_sentence(where: str) -> Iterator[None]:
    """Turn what the database says into one sentence of ours.

    Raises:
        DataError: The file is no database, or is damaged.
        HyperXError: Anything else that the database refused.
    """
    no_json = f"{where} is damaged (a column that is not JSON): `hyperx-cl registry check` names the row"
    try:
        yield
    except json.JSONDecodeError as error:
        raise DataError(no_json) from error
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        if "malformed JSON" in said:
            raise DataError(no_json) from error
        if re.search("not a database|malformed", said):
            raise DataError(f"{where} is not a registry, or is damaged ({said}): restore it from a copy") from error
        if re.search("locked|lock timeout", said):
            raise HyperXError(f"the registry {where} is kept busy by another process: try again later") from error
        hint = "check that it exists, that you may write it and that the disk is not full, or set HYPERX_REGISTRY"
        raise HyperXError(f"the registry {where} cannot be used ({said}): {hint}") from error


def shown(address: str) -> str:
    """Return an address as it may be printed: the path of an SQLite file, or the URL without its password."""
    url = _parsed(address)
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.render_as_string(hide_password=True)


def _parsed(address: str) -> URL:
    try:
        named = ":/" in address and not _DRIVE.match(address)
        return make_url(postgres.spelled(address)) if named else URL.create("sqlite", database=address)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "the registry's address is not a database URL: give one such as sqlite:///file.sqlite3"
        ) from error


def _created(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False), **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        hint = postgres.INSTALL if url.get_backend_name() == postgres.NAME else str(error)
        raise UsageError(f"no driver for {url.drivername!r} databases is installed: {hint}") from error


def _sqlite(url: URL, *, journal: Journal | None = None, **options: Any) -> Engine:
    """An engine on SQLite whose transactions are begun by us, not by the driver's guess."""
    if "creator" not in options:
        options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = _created(url, **options)
    event.listen(engine, "connect", partial(_configure, journal=journal))
    event.listen(engine, "begin", _begin)
    return engine


def _open_readonly(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def _configure(connection: sqlite3.Connection, _: object, *, journal: Journal | None) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    if journal is not None:
        journal(connection)


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
