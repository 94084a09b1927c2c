"""Bringing a registry up when asked to."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.errors import ConflictError
from hyperx_cl.registry import schema
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.upgrade import Upgraded, upgrade
from tests.registry.test_schema import EARLIER


def test_from_nothing_and_again(address: str) -> None:
    first, second = upgrade(address), upgrade(address)
    assert (first.before, first.after, second.before) == (None, schema.HEAD, schema.HEAD)
    assert "secret" not in first.where
    with Registry.open(address, readonly=True) as registry:
        assert registry.list_models() == [] and registry.check() == []


@pytest.mark.parametrize("earlier", sorted(EARLIER.glob("*.sql")), ids=lambda path: path.stem)
def test_from_every_earlier_schema(earlier: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(earlier.read_text(encoding="utf-8"))
    assert upgrade(str(path)) == Upgraded(str(path), earlier.stem, schema.HEAD)
    with Registry.open(str(path), readonly=True) as registry:
        assert registry.check() == []


def test_a_newer_one_is_refused_with_what_to_do(database: Path) -> None:
    upgrade(str(database))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(ConflictError, match="newer than this hyperx-cl knows .*: run `pip install --upgrade"):
        upgrade(str(database))
