"""Killed at any moment, or with a full disk, a registry holds the old state or the new one, whole, and nothing else."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.errors import HyperXError
from hyperx_cl.registry import schema
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.taking_in import import_folder
from tests.registry import killing
from tests.registry.test_schema import EARLIER

ROOT = Path(__file__).parents[2]
SEED = 20
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def forker() -> Iterator[Run]:
    """Runs operations in children that can be killed; one process imports everything once for all of them."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # it forks
    with subprocess.Popen(
        [sys.executable, "-m", "tests.registry.killing"], cwd=ROOT, env=os.environ | threads | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        asking, answers = process.stdin, process.stdout

        def run(operation: str, folder: Path, **how: int) -> dict[str, Any]:
            asking.write(json.dumps({"operation": operation, "folder": str(folder), **how}) + "\n")
            asking.flush()
            found: dict[str, Any] = json.loads(answers.readline())
            return found

        yield run
        asking.close()


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that every operation begins with."""
    folder = tmp_path_factory.mktemp("beginning")
    killing.prepare(folder)
    with closing(sqlite3.connect(folder / "earlier.sqlite3")) as connection:
        connection.executescript((EARLIER / "0001.sql").read_text(encoding="utf-8"))
    Registry.open(str(folder / "empty.sqlite3")).close()
    return folder


def state(operation: str, folder: Path) -> Any:
    """What an operation changes, as anybody would see it; refuses a database that is not sound."""
    file = {"import": "empty.sqlite3", "upgrade": "earlier.sqlite3"}.get(operation, killing.FILE)
    if operation == "upgrade":
        with closing(sqlite3.connect(folder / file)) as connection:
            found = connection.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()[0]
            tables = sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return found, "tasks" in tables
    with Registry.open(str(folder / file)) as registry:
        assert registry.check() == []
        held = [(s.language, s.version, s.current) for code in _codes(registry) for s in registry.history(code)]
    if operation == "backup" and (folder / killing.COPY).exists():
        with Registry.open(str(folder / killing.COPY), readonly=True) as copy:
            assert copy.check() == []
            return "copied", [s.language for s in copy.languages()]
    if operation == "export" and (folder / killing.OUT).exists():
        with Registry.open(str(folder / "other.sqlite3")) as other:
            return "exported", vars(import_folder(other, folder / killing.OUT).new)
    return held


def _codes(registry: Registry) -> list[str]:
    return [s.language for s in registry.languages()] if registry.list_models() else []


def strike(forker: Run, beginning: Path, operation: str, tmp_path: Path, points: int) -> None:
    """Kill an operation at seeded events; each time look, and do it again to the end."""
    whole = tmp_path / "whole"
    shutil.copytree(beginning, whole)
    old = state(operation, whole)
    done = forker(operation, whole)
    assert (done["signal"], done["code"], done["said"]) == (0, 0, "")
    new = state(operation, whole)
    assert new != old
    moments = random.Random(f"{SEED} {operation}").choices(range(1, done["events"] + 1), k=points)
    seen = set()
    for number, moment in enumerate(moments):
        folder = tmp_path / str(number)
        shutil.copytree(beginning, folder)
        struck = forker(operation, folder, kill_at=moment)
        assert struck["signal"] == 9, f"{operation} outlived event {moment} of {done['events']}: {struck}"
        found = state(operation, folder)
        assert found in (old, new), f"{operation}, killed at event {moment}"
        seen.add(found == new)
        if found == old:
            again = forker(operation, folder)
            assert (again["signal"], again["code"]) == (0, 0), again
            assert state(operation, folder) == new
        shutil.rmtree(folder)
    assert False in seen  # a kill that never comes before the end would prove nothing


@pytest.mark.parametrize("operation", killing.OPERATIONS)
def test_killed_at_seeded_moments(forker: Run, beginning: Path, operation: str, memory: Path) -> None:
    strike(forker, beginning, operation, memory, points=4)


@pytest.mark.slow
@pytest.mark.parametrize("operation", killing.OPERATIONS)
def test_killed_at_many_seeded_moments(forker: Run, beginning: Path, operation: str, memory: Path) -> None:
    strike(forker, beginning, operation, memory, points=40)


@pytest.mark.parametrize("operation", ["add", "import", "export", "backup"])
def test_a_full_disk_is_one_sentence_and_changes_nothing(
    forker: Run, beginning: Path, operation: str, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk: SQLite and we get a real error from a real write."""
    old = state(operation, _copy(beginning, tmp_path / "old"))
    refused = 0
    for room in (8_000, 36_000, 50_000, 70_000, 90_000):
        folder = _copy(beginning, tmp_path / str(room))
        ended = forker(operation, folder, bytes_at_most=room)
        if ended["code"] == 0:
            continue
        refused += 1
        assert (ended["signal"], ended["code"]) == (0, HyperXError.exit_code), ended
        assert "disk is not full" in ended["said"] or "with room" in ended["said"], ended
        assert "\n" not in ended["said"]
        assert state(operation, folder) == old
        left = {path.name for path in folder.iterdir()} - {path.name for path in beginning.iterdir()}
        assert not {name for name in left if not name.endswith(("-wal", "-shm"))}
    assert refused


@pytest.mark.parametrize("operation", ["add", "import", "backup"])
def test_killed_in_the_middle_of_a_write(forker: Run, beginning: Path, operation: str, tmp_path: Path) -> None:
    """Statements are counted from outside; what SQLite writes for one, when it commits, is cut by the file's size."""
    old = state(operation, _copy(beginning, tmp_path / "old"))
    done = _copy(beginning, tmp_path / "done")
    assert forker(operation, done)["code"] == 0
    new, killed = state(operation, done), 0
    for room in random.Random(f"{SEED} {operation}").choices(range(33_000, 120_000), k=6):
        folder = _copy(beginning, tmp_path / str(room))
        killed += forker(operation, folder, bytes_at_most=room, deadly=True)["signal"] == signal.SIGXFSZ
        assert state(operation, folder) in (old, new), room
    assert killed


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write where nobody may")
@pytest.mark.parametrize("operation", ["add", "export", "backup"])
def test_a_folder_that_may_not_be_written_is_one_sentence(
    forker: Run, beginning: Path, operation: str, tmp_path: Path
) -> None:
    folder = _copy(beginning, tmp_path / "locked")
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o444)
    folder.chmod(0o555)
    try:
        ended = forker(operation, folder)
    finally:
        folder.chmod(0o755)
    assert (ended["signal"], ended["code"]) == (0, HyperXError.exit_code), ended
    assert "may write" in ended["said"] and "\n" not in ended["said"]


def _copy(beginning: Path, folder: Path) -> Path:
    shutil.copytree(beginning, folder)
    return folder
