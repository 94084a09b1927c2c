"""Brings a registry to the schema of this version when it is asked to, and tells from which one to which."""

from dataclasses import dataclass

from hyperx_cl.registry import engine, schema
from hyperx_cl.registry.home import registry_url
from hyperx_cl.registry.opening import unheard


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade found, and what is there now."""

    where: str
    """Path of the SQLite file, or the URL without its password."""
    before: str | None
    """The schema that was there; None for an empty database."""
    after: str


def upgrade(url: str | None = None, *, tell: engine.Tell = unheard) -> Upgraded:
    """Migrate a registry in one transaction, or make an empty one where there is none.

    Args:
        url: Any SQLAlchemy URL, or the path of an SQLite file; `HYPERX_REGISTRY` or the user's own by default.
        tell: Told where the file gets another journal than WAL.

    Raises:
        UsageError: The address is not understood, or its driver is not installed.
        ConflictError: It was written by a newer hyperx-cl.
        DataError: The database is damaged.
        HyperXError: It cannot be used.
    """
    address = url or registry_url()
    where = engine.shown(address)
    with engine.one_sentence(where):
        database = engine.connect(address, readonly=False, tell=tell)
        assert database is not None
        try:
            with database.connect() as connection:
                before = schema.revision(connection)
            schema.prepare(database, where, readonly=False)
        finally:
            database.dispose()
    return Upgraded(where, before, schema.HEAD)
