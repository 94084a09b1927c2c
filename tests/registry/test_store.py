"""Opening a registry, many processes at once, and what importing it costs."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import DataError, HyperXError, UsageError
from hyperx_cl.registry.store import Registry

ROOT = Path(__file__).parents[2]
Make = Callable[..., LanguageRecord]

ADD = """
import sys
import numpy as np
from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry

path, worker, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
backbone = {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
for turn in range(turns):
    with Registry.open(path) as registry:
        registry.add_model("first", "a1" * 32, "/first", backbone, {})
        vector = np.array([worker, turn, 1, 0], dtype=np.float32)
        record = LanguageRecord("mt", "a1" * 32, {"embedding": vector}, {"method": "mlm"})
        registry.add_language(record, seed=worker, steps=turn, new_version=True)
        registry.language("mt")
"""


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("processes", "turns"), [(4, 8), pytest.param(16, 50, marks=pytest.mark.slow)], ids=["4 x 8", "16 x 50"]
)
def test_processes_add_versions_to_one_new_registry(address: str, processes: int, turns: int) -> None:
    workers = [python(ADD, address, str(worker), str(turns)) for worker in range(processes)]
    longest = _longest_read(address, workers)
    assert [worker.communicate(timeout=600)[1] for worker in workers] == [""] * processes
    assert longest < 20  # that it is under a second on a quiet machine is for benchmarks/registry.py to say
    with Registry.open(address) as registry:
        history = registry.history("mt")
        assert [version.version for version in history] == list(range(1, processes * turns + 1))
        asked = {(worker, turn) for worker in range(processes) for turn in range(turns)}
        assert {(v.provenance["seed"], v.provenance["steps"]) for v in history} == asked
        assert registry.language("mt").stored.version == processes * turns
        assert len(registry.list_models()) == 1
        assert registry.check() == []


def _longest_read(address: str, workers: "list[subprocess.Popen[str]]") -> float:
    """Read again and again until all have written; seconds that the longest reading took."""
    longest = 0.0
    while any(worker.poll() is None for worker in workers):
        begin = time.monotonic()
        with Registry.open(address, readonly=True) as reader:
            for model in reader.list_models():
                reader.languages(model.name)
        longest = max(longest, time.monotonic() - begin)
        time.sleep(0.05)
    return longest


def test_a_reader_is_not_blocked_by_a_writer(registry: Registry, database: Path, make_record: Make) -> None:
    registry.add_language(make_record())
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE models SET path = 'x'")
        with Registry.open(str(database), readonly=True) as reader:
            assert [model.path for model in reader.list_models()] == ["/models/first", "/models/second"]


def test_a_failed_add_leaves_nothing_behind(registry: Registry, database: Path, make_record: Make) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON versions BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    with pytest.raises(HyperXError, match="cannot be used .disk is full.: check that"):
        registry.add_language(make_record())
    with closing(sqlite3.connect(database)) as connection:
        for table in ("languages", "blobs", "versions"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_the_default_registry_is_in_the_user_s_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Registry.open() as registry:
        assert registry.where == str(home / "registry.sqlite3")
    monkeypatch.setenv("HYPERX_REGISTRY", f"sqlite:///{home}/other.sqlite3")
    with Registry.open() as registry:
        assert registry.where == str(home / "other.sqlite3")
    assert {file.name for file in home.glob("*.sqlite3")} == {"registry.sqlite3", "other.sqlite3"}


def test_sqlite_is_opened_as_promised(registry: Registry, database: Path) -> None:
    with registry._reading() as session:
        asked = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "busy_timeout")
        }
    assert asked == {"foreign_keys": 1, "busy_timeout": 60_000}
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_reading_only_creates_and_changes_nothing(
    tmp_path: Path, address: str, registry: Registry, make_record: Make
) -> None:
    with Registry.open(str(tmp_path / "none" / "x.sqlite3"), readonly=True) as empty:
        assert not empty.list_models()
        assert not empty.list_runs()
        assert not empty.check()
    assert not (tmp_path / "none").exists()
    with Registry.open(address, readonly=True) as reader:
        assert reader.model().name == "first"
        with pytest.raises(UsageError, match="is open for reading only"):
            reader.add_language(make_record())


def test_odd_paths_work(tmp_path: Path) -> None:
    path = tmp_path / "100 % é?#" / "r e.sqlite3"
    with Registry.open(str(path)) as registry:
        assert registry.start_run("train", {}, 0, {}, {}) == 1
    with Registry.open(str(path), readonly=True) as reader:
        assert len(reader.list_runs()) == 1


def test_what_is_no_registry_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("nothing of ours, but long enough to be read as a header of a database\n" * 20)
    for readonly in (False, True):
        with pytest.raises(DataError, match="notes.txt is not a registry, or is damaged"):
            Registry.open(str(text), readonly=readonly)
    assert text.read_text().startswith("nothing of ours")


def test_bad_addresses_are_refused_without_showing_passwords(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no driver for 'nonesuch' databases is installed"):
        Registry.open("nonesuch://user:secret@host/db")
    with pytest.raises(UsageError, match="is not a database URL") as caught:
        Registry.open("postgresql://user:secret@host:port:port/db")
    assert "secret" not in str(caught.value)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HyperXError, match="cannot be made .*: set HYPERX_HOME"):
        Registry.open(str(blocked / "x" / "registry.sqlite3"))
    with pytest.raises(HyperXError, match="cannot be used .*: check that it exists"):
        Registry.open(str(tmp_path))


def test_importing_the_store_loads_neither_torch_nor_alembic(address: str, registry: Registry) -> None:
    code = f"""
import sys
import time
from hyperx_cl.registry.store import Registry
Registry.open({address!r}).close()
assert not {{"torch", "transformers", "alembic", "iso639"}} & set(sys.modules)
"""
    process = python(code)
    assert process.communicate(timeout=120)[1] == ""
    assert process.returncode == 0
