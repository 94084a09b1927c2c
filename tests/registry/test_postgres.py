"""PostgreSQL: addresses as services print them, what to install, and a lock that writers alone take."""

import importlib.util
from collections.abc import Callable

import pytest
from sqlalchemy import event, text

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import UsageError
from hyperx_cl.registry import engine, postgres
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]


def test_addresses_are_spelled_as_sqlalchemy_takes_them() -> None:
    assert postgres.spelled("postgres://me@host/db") == "postgresql://me@host/db"
    for kept in ("postgresql+psycopg://me@host/db", "sqlite:///postgres://x", "/a/postgres"):
        assert postgres.spelled(kept) == kept
    assert engine.shown("postgres://me:secret@host/db") == "postgresql://me:***@host/db"


@pytest.mark.skipif(importlib.util.find_spec("psycopg") is not None, reason="its driver is installed")
def test_without_its_driver_it_says_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"no driver .* installed: install it with `pip install 'hyperx-cl\[postgres"):
        Registry.open("postgres://me@host/db")


def test_reading_and_writing_see_what_they_should(registry: Registry, make_record: Make) -> None:
    """On PostgreSQL a reader's two statements see one moment; on SQLite they always do."""
    with registry._reading() as session:
        before = session.execute(text("SELECT count(*) FROM versions")).scalar_one()
        registry.add_language(make_record("mt"))
        assert session.execute(text("SELECT count(*) FROM versions")).scalar() == before
    with registry._reading() as session:
        assert session.execute(text("SELECT count(*) FROM versions")).scalar() == before + 1


def test_only_writers_take_the_lock(registry: Registry) -> None:
    said: list[str] = []
    event.listen(registry._engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    registry.list_models()
    assert not [statement for statement in said if "advisory" in statement]
    registry.start_run("train", {}, 0, {}, {})
    locked = [statement for statement in said if "advisory" in statement]
    assert len(locked) == (1 if registry._engine.dialect.name == postgres.NAME else 0)


def test_the_key_of_the_lock_is_a_bigint() -> None:
    assert 0 < postgres.LOCK < 2**63
