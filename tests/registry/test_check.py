"""Damage is found when a version is read and by the check, and named row by row."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord, to_bytes
from hyperx_cl.errors import DataError
from hyperx_cl.registry.search import Wanted
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]


def tamper(database: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


@pytest.fixture
def filled(registry: Registry, make_record: Make) -> Registry:
    """One language with two versions."""
    registry.add_language(make_record(seed=1))
    registry.add_language(make_record(seed=2), new_version=True)
    return registry


def test_a_sound_registry_has_no_problems(filled: Registry) -> None:
    assert filled.check() == []


def test_a_changed_byte_is_found(filled: Registry, database: Path, make_record: Make) -> None:
    data = bytearray(to_bytes(make_record(seed=2)))
    data[-1] ^= 1
    tamper(
        database, "UPDATE blobs SET data = ? WHERE sha256 = (SELECT blob FROM versions WHERE number = 2)", bytes(data)
    )
    with pytest.raises(DataError, match="version 2 of language 'mt' in the registry is damaged: .*another version"):
        filled.language("mt")
    assert filled.language("mt", version=1).stored.version == 1
    assert {p.where for p in filled.check()} == {
        "version 2 of mt (model first)",
        next(p.where for p in filled.check() if p.where.startswith("blob ")),
    }


def test_numbers_of_another_record_are_found(filled: Registry, database: Path) -> None:
    tamper(database, "UPDATE versions SET blob = (SELECT blob FROM versions WHERE number = 1) WHERE number = 2")
    with pytest.raises(DataError, match="holds the numbers of another record"):
        filled.language("mt")
    assert any("no version or task holds it" in problem.what for problem in filled.check())


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE versions SET embedding = zeroblob(32) WHERE number = 1", "version 1 of mt", "kept for searching"),
        ("UPDATE versions SET numbers = 3 WHERE number = 1", "version 1 of mt", "count of numbers"),
        ("UPDATE versions SET method = 'x' WHERE number = 1", "version 1 of mt", "differ from its provenance"),
        ("UPDATE languages SET current = 5", "language mt", "points at version 5, which does not exist"),
        ("UPDATE languages SET last = 1", "language mt", "has version 2, but counts only to 1"),
        ("UPDATE models SET is_default = 0", "models", "none of them is the default one"),
        ("DELETE FROM blobs WHERE sha256 = (SELECT blob FROM versions WHERE number = 1)", "row 1", "does not exist"),
        ("UPDATE languages SET code = 'mlt'", "language mlt", "its canonical code is mt"),
        ("UPDATE blobs SET size = 1", "blob ", "but says 1"),
        (
            "UPDATE models SET fingerprint = 'x' WHERE name = 'second'",
            "model second",
            "its fingerprint is not one: 'x'",
        ),
        ("UPDATE models SET config = '[' WHERE name = 'second'", "row 2 of models", "a column of it is no JSON"),
        ("UPDATE versions SET tasks = 'x' WHERE number = 1", "row 1 of versions", "a column of it is no JSON"),
        ("UPDATE versions SET number = 4 WHERE number = 2", "language mt", "points at version 2"),
    ],
)
def test_each_kind_of_damage_is_named(filled: Registry, database: Path, statement: str, where: str, what: str) -> None:
    tamper(database, statement)
    assert any(problem.where.startswith(where) and what in problem.what for problem in filled.check())


def test_a_run_of_no_known_status_is_named(registry: Registry, database: Path) -> None:
    registry.start_run("train", {}, 0, {}, {})
    assert registry.check() == []
    tamper(database, "UPDATE runs SET status = 'dnoe'")
    assert [(problem.where, problem.what) for problem in registry.check()] == [
        ("run 1", "its status is none that a run can have: 'dnoe'")
    ]


def test_a_column_that_is_no_json_is_one_sentence_where_it_is_read(filled: Registry, database: Path) -> None:
    tamper(database, "UPDATE versions SET provenance = '{' WHERE number = 2")
    with pytest.raises(DataError, match="is damaged .a column that is not JSON.: `hyperx-cl registry check` names"):
        filled.languages()
    with pytest.raises(DataError, match="is damaged .a column that is not JSON.: `hyperx-cl registry check` names"):
        filled.search(Wanted(), brief=True)
