"""The engine of a registry that is ready to be used: made, migrated, or empty where nothing may be written."""

from sqlalchemy import Engine

from hyperx_cl.registry import engine, schema
from hyperx_cl.registry.tables import Base


def unheard(text: str) -> None:
    """Say nothing of what is worth knowing of the place."""


def prepared(address: str, where: str, *, readonly: bool, tell: engine.Tell) -> Engine:
    """Connect to a registry, and make or migrate it where that is needed.

    Args:
        address: Any SQLAlchemy URL, or the path of an SQLite file.
        where: The same for messages.
        readonly: Write nothing; a registry that does not exist yet is an empty one, in memory.
        tell: Told what is worth knowing of the place, once.

    Raises:
        UsageError: The address is not understood, or its driver is not installed.
        ConflictError: It was written by a newer hyperx-cl.
    """
    database = engine.connect(address, readonly=readonly, tell=tell)
    if database is None:
        return _empty()
    try:
        there = schema.prepare(database, where, readonly=readonly)
    except BaseException:
        database.dispose()
        raise
    if there:
        return database
    database.dispose()
    return _empty()


def _empty() -> Engine:
    """A registry in memory with nothing in it."""
    database = engine.connect("sqlite://", readonly=True, tell=unheard)
    assert database is not None
    Base.metadata.create_all(database)
    return database
