"""A registry with two models, on SQLite and on PostgreSQL, and records to put into it.

``HYPERX_TEST_POSTGRES`` names a database that the tests may write to: each has a schema of its own there and drops it.
A test that asks for `database`, the file, is one of SQLite alone.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, make_url

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry

FIRST, SECOND = "a1" * 32, "a2" * 32
BACKBONE = {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}


@pytest.fixture
def make_record() -> Callable[..., LanguageRecord]:
    """Makes a record of 17 numbers that depend on the seed alone."""

    def make(language: str = "mt", seed: int = 0, model: str = FIRST, **provenance: object) -> LanguageRecord:
        rng = np.random.default_rng(seed)
        shapes = {"embedding": (8,), "part.down": (1, 1, 4), "part.down_bias": (1, 1), "part.up": (1, 4, 1)}
        tensors = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        return LanguageRecord(language, model, tensors, {"method": "mlm", **provenance})

    return make


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the registry's file is."""
    return tmp_path / "a new folder" / "registry.sqlite3"


POSTGRES = os.environ.get("HYPERX_TEST_POSTGRES")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for an address, and not for a file, on both databases."""
    if "address" in metafunc.fixturenames:
        twice = [] if "database" in metafunc.fixturenames else [pytest.param("postgres", marks=pytest.mark.long)]
        metafunc.parametrize("address", ["sqlite", *twice], indirect=True)


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a database with nothing in it: an SQLite file that does not exist, or a new schema of PostgreSQL."""
    if request.param == "sqlite":
        yield str(request.getfixturevalue("database"))
        return
    if not POSTGRES:
        pytest.skip("no PostgreSQL: HYPERX_TEST_POSTGRES names none (.ci/postgres starts one)")
    schema, engine = f"test_{uuid.uuid4().hex}", create_engine(POSTGRES)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def registry(address: str) -> Iterator[Registry]:
    """A registry that knows the models 'first' (the default) and 'second'."""
    with Registry.open(address) as opened:
        for name, fingerprint in (("first", FIRST), ("second", SECOND)):
            opened.add_model(name, fingerprint, f"/models/{name}", BACKBONE, {"d_p": 32})
        yield opened
