"""WAL where processes can share memory; a rollback journal, and the same promises, where they cannot."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry import journal
from hyperx_cl.registry.store import Registry
from tests.registry.conftest import BACKBONE
from tests.registry.test_store import ADD, python

Make = Callable[..., LanguageRecord]

NO_MEMORY = "from hyperx_cl.registry import journal\njournal.wal_works = lambda folder: False\n"


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    """No folder was tried before."""
    journal._known.clear()
    yield
    journal._known.clear()


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe fails."""
    monkeypatch.setattr(journal, "wal_works", lambda folder: False)


@pytest.fixture
def without_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a real file system that gives processes no memory to share: FUSE that goes past the cache."""
    if not shutil.which("bindfs"):
        pytest.skip("there is no bindfs to mount such a file system with")
    below, folder = tmp_path / "below", tmp_path / "mounted"
    below.mkdir()
    folder.mkdir()
    mounted = subprocess.run(["bindfs", "-o", "direct_io", below, folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"bindfs may not mount here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["fusermount", "-u", folder], check=True)


def _mode(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_the_probe_tries_it_and_leaves_nothing(tmp_path: Path) -> None:
    assert journal.wal_works(tmp_path)
    assert not journal.wal_works(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite has no such way to files on Windows")
def test_the_probe_fails_where_sqlite_finds_no_shared_memory(tmp_path: Path) -> None:
    assert not journal.wal_works(tmp_path, vfs="unix-dotfile")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "network"),
    [("ext4", False), ("nfs4", True), ("nfs", True), ("lustre", True), ("cifs", True), ("smb3", True),
     ("fuse.sshfs", True), ("fuseblk", False), ("overlay", False), ("9p", True)],
)  # fmt: skip
def test_file_systems_that_others_may_write_to_are_known_by_name(kind: str, network: bool) -> None:
    mounts = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
        "23 22 8:2 / /home rw shared:2 - nfs server:/home rw\n"
        f"24 22 0:9 / /my\\040data rw shared:3 master:1 - {kind} server:/x rw\n"
    )
    assert journal.on_network(Path("/my data/a"), mounts) is network
    assert not journal.on_network(Path("/my"), mounts)
    assert journal.on_network(Path("/home/me"), mounts) and not journal.on_network(Path("/homely"), mounts)


@pytest.mark.usefixtures("no_memory")
def test_it_is_said_once_and_everything_works(database: Path, make_record: Make) -> None:
    told: list[str] = []
    for _ in range(2):
        with Registry.open(str(database), tell=told.append) as registry:
            registry.add_model("first", "a1" * 32, "/x", BACKBONE, {})
    assert told == [
        f"{database.parent} is on a file system where processes cannot share memory: registry.sqlite3 gets a rollback "
        "journal."
    ]
    with Registry.open(str(database), tell=told.append) as registry:
        registry.add_language(make_record())
        assert registry.language("mt").stored.version == 1
    with Registry.open(str(database), readonly=True) as reader:
        assert reader.check() == []
    assert _mode(database) == "delete" and len(told) == 1
    assert [file.name for file in database.parent.iterdir()] == ["registry.sqlite3"]


@pytest.mark.usefixtures("no_memory")
def test_readers_and_writers_wait_for_each_other(database: Path) -> None:
    with Registry.open(str(database)) as registry, Registry.open(str(database), readonly=True) as reader:
        for number in range(1, 30):
            assert registry.start_run("train", {}, 0, {}, {}) == number
            assert len(reader.list_runs()) == number


def test_four_processes_add_forty_versions_with_a_rollback_journal(database: Path) -> None:
    workers = [python(NO_MEMORY + ADD, str(database), str(worker), "10") for worker in range(4)]
    assert [worker.communicate(timeout=300)[1] for worker in workers] == [""] * 4
    assert _mode(database) == "delete"
    with Registry.open(str(database), readonly=True) as registry:
        assert [version.version for version in registry.history("mt")] == list(range(1, 41))
        assert registry.check() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite has no such way to files on Windows")
def test_a_wal_file_that_came_from_elsewhere_is_changed(database: Path) -> None:
    with Registry.open(str(database)) as registry:
        registry.start_run("train", {}, 0, {}, {})
    assert _mode(database) == "wal"
    journal._known[database.parent] = False
    told: list[str] = []
    with closing(sqlite3.connect(f"{database.as_uri()}?vfs=unix-dotfile", uri=True)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("SELECT * FROM runs")
    with closing(sqlite3.connect(f"{database.as_uri()}?vfs=unix-dotfile", uri=True)) as connection:
        journal.set_journal(connection, database, told.append)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    assert _mode(database) == "delete" and len(told) == 1
    with Registry.open(str(database), tell=told.append) as registry:  # what is known of the folder stays known
        assert registry.start_run("train", {}, 0, {}, {}) == 2
    assert _mode(database) == "delete" and len(told) == 1


def test_a_wal_file_on_a_network_is_changed(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Registry.open(str(database)).close()
    journal._known.clear()
    monkeypatch.setattr(journal, "on_network", lambda folder: True)
    told: list[str] = []
    with Registry.open(str(database), tell=told.append) as registry:
        assert registry.list_runs() == []
    assert _mode(database) == "delete" and len(told) == 1


def test_on_a_real_file_system_without_shared_memory(without_memory: Path, tmp_path: Path) -> None:
    assert not journal.on_network(without_memory) and not journal.wal_works(without_memory)  # tried, not known by name
    database = without_memory / "registry.sqlite3"
    workers = [python(ADD, str(database), str(worker), "5") for worker in range(2)]
    said = [worker.communicate(timeout=300)[1] for worker in workers]
    assert _mode(database) == "delete", said
    with Registry.open(str(database), readonly=True) as registry:
        assert [version.version for version in registry.history("mt")] == list(range(1, 11))
        assert registry.check() == []


def test_a_wal_file_comes_to_a_real_file_system_without_shared_memory(without_memory: Path, tmp_path: Path) -> None:
    with Registry.open(str(tmp_path / "registry.sqlite3")) as registry:
        registry.start_run("train", {}, 0, {}, {})
    assert _mode(tmp_path / "registry.sqlite3") == "wal"
    database = Path(shutil.copy(tmp_path / "registry.sqlite3", without_memory))
    told: list[str] = []
    with Registry.open(str(database), tell=told.append) as registry:
        assert registry.start_run("train", {}, 0, {}, {}) == 2
    assert _mode(database) == "delete" and len(told) == 1
