"""Brings a database to the schema of this version: from empty, from an earlier one, and never from a newer one."""

from sqlalchemy import Connection, Engine, MetaData, String, Table, inspect, select
from sqlalchemy.schema import Column

from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.engine import for_writing

HEAD = "0002"
VERSION_TABLE = "hyperx_schema"


class EarlierSchemaError(ConflictError):
    """The schema is an earlier one, and may not be touched."""


def prepare(engine: Engine, where: str, *, readonly: bool) -> bool:
    """Migrate a database where it needs it.

    Args:
        engine: The database.
        where: How messages call it.
        readonly: Do not touch it.

    Returns:
        Whether the schema is there; False only for an empty database that may not be touched.

    Raises:
        ConflictError: The schema is newer than this version.
        EarlierSchemaError: It is an earlier one, and may not be touched.
    """
    with engine.connect() as connection:
        found = revision(connection)
    if found == HEAD:
        return True
    if readonly and found is None:
        return False
    _refuse_unknown(found, where)
    if readonly:
        raise EarlierSchemaError(f"the registry {where} has an earlier schema: open it once for writing to bring it up")
    with for_writing(engine).begin() as connection:
        _upgrade(connection)
    return True


def revision(connection: Connection) -> str | None:
    """Return the schema's revision, None for a database that has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    table = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
    return connection.scalar(select(table.c.version_num))


def _refuse_unknown(found: str | None, where: str) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(_scripts()).walk_revisions()}
    if found is not None and found not in known:
        raise ConflictError(
            f"the registry {where} has schema {found!r}, newer than this hyperx-cl knows ({HEAD!r}): "
            "run `pip install --upgrade hyperx-cl`, or name another registry in HYPERX_REGISTRY"
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _scripts().replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")


def _scripts() -> str:
    from importlib.resources import files

    return str(files("hyperx_cl.registry").joinpath("migrations"))
