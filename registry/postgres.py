"""PostgreSQL for a team: one writer at a time as on SQLite, readers that see one moment, and what to install for it."""

from sqlalchemy import Connection, Engine, event

NAME = "postgresql"
INSTALL = "install it with `pip install 'hyperx-cl[postgres]'`"

LOCK = 0x68797065727863  # "hyperxc": advisory locks are numbers, shared by all who use one database
LOCK_SECONDS = 60


def spelled(address: str) -> str:
    """The address as SQLAlchemy takes it: ``postgres://`` is what many services print."""
    scheme, separator, rest = address.partition("://")
    return f"{NAME}://{rest}" if separator and scheme == "postgres" else address


def prepared(engine: Engine, write: str) -> Engine:
    """Let the engine's writing transactions, marked by an execution option, wait for one another.

    A version's number is one more than the last one's: two writers at once would both count the same.
    """

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(write, False):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")

    event.listen(engine, "begin", begin)
    return engine


def for_reading(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions write nothing, and in which all statements see one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
