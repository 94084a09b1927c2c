"""Migrations: from empty to what the rows expect, never from a newer schema."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from hyperx_cl.errors import ConflictError
from hyperx_cl.registry import schema
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.tables import Base

EARLIER = Path(__file__).parent / "schemas"
"""A small registry as each earlier version left it: a model, a language of two versions, a run."""


def test_the_migrations_make_what_the_rows_expect(tmp_path: Path) -> None:
    Registry.open(str(tmp_path / "r.sqlite3")).close()
    engine = create_engine(f"sqlite:///{tmp_path}/r.sqlite3")
    with engine.connect() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        assert schema.revision(connection) == schema.HEAD
    engine.dispose()


def test_the_names_of_constraints_are_the_same_either_way(tmp_path: Path) -> None:
    Registry.open(str(tmp_path / "migrated.sqlite3")).close()
    engine = create_engine(f"sqlite:///{tmp_path}/created.sqlite3")
    Base.metadata.create_all(engine)
    engine.dispose()
    shapes = []
    for name in ("migrated", "created"):
        with closing(sqlite3.connect(tmp_path / f"{name}.sqlite3")) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            shapes.append({key: sorted(word.strip(",") for word in sql.split()) for key, sql in rows})
    del shapes[0][schema.VERSION_TABLE]
    assert shapes[0] == shapes[1]


def test_the_head_is_the_newest_step() -> None:
    assert ScriptDirectory(schema._scripts()).get_heads() == [schema.HEAD]


def test_opening_again_changes_nothing(registry: Registry, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        before = list(connection.iterdump())
        Registry.open(str(database)).close()
        assert list(connection.iterdump()) == before


def test_an_empty_file_is_filled_only_when_writing_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    path.touch()
    with Registry.open(str(path), readonly=True) as reader:
        assert reader.list_models() == []
    assert path.read_bytes() == b""
    with Registry.open(str(path)) as registry:
        assert registry.list_models() == []
    assert path.stat().st_size > 0


@pytest.mark.parametrize("readonly", [False, True])
def test_a_newer_schema_is_refused(registry: Registry, database: Path, readonly: bool) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(ConflictError, match=r"schema '9999', newer than .* run `pip install --upgrade hyperx-cl`"):
        Registry.open(str(database), readonly=readonly)


def test_a_step_that_fails_leaves_the_database_empty(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE runs (other)")  # the last table of the first step
    with pytest.raises(Exception, match="runs"):
        Registry.open(str(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]


@pytest.mark.parametrize("schema_of", sorted(EARLIER.glob("*.sql")), ids=lambda path: path.stem)
def test_a_registry_of_every_earlier_schema_is_brought_up_whole(schema_of: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema_of.read_text(encoding="utf-8"))
    with pytest.raises(schema.EarlierSchemaError, match="has an earlier schema: open it once for writing"):
        Registry.open(str(path), readonly=True)
    with Registry.open(str(path)) as registry:
        assert registry.check() == []
        assert [stored.version for stored in registry.history("mt")] == [1, 2]
        assert registry.language("mt").record.provenance["method"] == "mlm"
        assert (registry.model().name, registry.model().tasks) == ("first", ())
        assert [run.status for run in registry.list_runs()] == ["done"]
    with Registry.open(str(path), readonly=True) as registry:
        assert registry.tasks() == []


def test_there_is_a_registry_of_every_earlier_schema() -> None:
    steps = {script.revision for script in ScriptDirectory(schema._scripts()).walk_revisions()}
    assert {path.stem for path in EARLIER.glob("*.sql")} == steps - {schema.HEAD}
