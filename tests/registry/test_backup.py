"""A consistent copy while others write; whole or not at all."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError, HyperXError, NotFoundError, UsageError
from hyperx_cl.registry.backup import backup
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]


def test_the_copy_is_the_registry_in_one_file(
    registry: Registry, database: Path, make_record: Make, tmp_path: Path
) -> None:
    registry.add_language(make_record("mt"))
    path = backup(tmp_path / "kept" / "copy.sqlite3", str(database))
    assert [file.name for file in path.parent.iterdir()] == ["copy.sqlite3"]
    registry.add_language(make_record("fo"))
    with Registry.open(str(path), readonly=True) as copy:
        assert [stored.language for stored in copy.languages()] == ["mt"]
        assert copy.check() == []
    with Registry.open(str(path)) as copy:
        assert copy.add_language(make_record("fo")).version == 1


def test_it_is_consistent_while_another_writes(
    registry: Registry, database: Path, make_record: Make, tmp_path: Path
) -> None:
    stop, written = threading.Event(), list[int]()

    def write() -> None:
        with Registry.open(str(database)) as writer:
            while not stop.is_set():
                written.append(writer.add_language(make_record(seed=len(written)), new_version=True).version)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            with Registry.open(str(backup(tmp_path / f"{number}.sqlite3", str(database))), readonly=True) as copy:
                assert copy.check() == []
                if held := copy.languages():
                    assert [s.version for s in copy.history("mt")] == list(range(1, held[0].version + 1))
    finally:
        stop.set()
        thread.join()
    assert written


def test_an_open_transaction_is_not_in_it_and_is_not_waited_for(
    registry: Registry, database: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE models SET path = 'x'")
        with Registry.open(str(backup(tmp_path / "copy.sqlite3", str(database))), readonly=True) as copy:
            assert [model.path for model in copy.list_models()] == ["/models/first", "/models/second"]


def test_nothing_is_written_over(registry: Registry, database: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for target in (tmp_path / "mine", database):
        with pytest.raises(ConflictError, match="is there already: choose another name"):
            backup(target, str(database))
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_cannot_be_copied(tmp_path: Path, registry: Registry, database: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no registry .*none.sqlite3 to copy"):
        backup(tmp_path / "x", str(tmp_path / "none.sqlite3"))
    (tmp_path / "text").write_text("no database at all, but long enough to be one" * 40)
    with pytest.raises(DataError, match="is not a registry, or is damaged"):
        backup(tmp_path / "x", str(tmp_path / "text"))
    with pytest.raises(HyperXError, match="cannot be written .*: choose a folder with room that you may write"):
        backup(tmp_path / "text" / "x", str(database))
    with pytest.raises(UsageError, match="in memory cannot be copied"):
        backup(tmp_path / "x", "sqlite://")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a new folder", "text"]


def test_other_databases_have_tools_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        backup(tmp_path / "x", "postgres://me:secret@host:5433/team")
    told = "pg_dump --format=custom --file=FILE --host=host --port=5433 --username=me team"
    assert str(caught.value) == f"a PostgreSQL registry is copied by its own tool: run `{told}`"
    with pytest.raises(UsageError, match="mysql://me:.*@host/team is no SQLite file: .*registry export DIR") as caught:
        backup(tmp_path / "x", "mysql://me:secret@host/team")
    assert "secret" not in str(caught.value)


def test_a_damaged_page_is_not_copied(registry: Registry, database: Path, make_record: Make, tmp_path: Path) -> None:
    for seed in range(60):
        registry.add_language(make_record(seed=seed), new_version=True)
    registry.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(database.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\xff" * 3000
    database.write_bytes(data)
    with pytest.raises(DataError, match="is damaged"):
        backup(tmp_path / "copies" / "x", str(database))
    assert list((tmp_path / "copies").iterdir()) == []
