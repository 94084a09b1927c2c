"""Command lines in forked children that something befalls: the client of `tests/fork_server.py`."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Args:
        status: Its exit code, or minus the signal that ended it.
        out: What it printed.
        err: What it said on stderr.
        events: How many there were; None of one that a signal ended.
    """

    status: int
    out: str
    err: str
    events: int | None


@dataclass(frozen=True)
class Forked:
    """Runs command lines, each in a child of a process that has imported torch already."""

    process: "subprocess.Popen[str]"

    def __call__(
        self, *words: str | Path, home: Path, at: int = 0, how: str = "kill", size: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:  # fmt: skip
        """Run one.

        Args:
            words: Behind ``hyperx-cl``.
            home: Its HYPERX_HOME.
            at: Event to strike at, from 1; 0 for none.
            how: ``kill``, ``interrupt``, ``full`` or ``torn``; see `tests.fork_server.strike`.
            size: Of the last two, in bytes.
            environment: Of the child, beside the server's.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = {
            "words": [str(word) for word in words], "home": str(home), "at": at, "how": how, "size": size,
            "environment": dict(environment or {}),
        }  # fmt: skip
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Ended(**json.loads(self.process.stdout.readline()))


@contextmanager
def forking(environment: Mapping[str, str]) -> Iterator[Forked]:
    """Start such a process, in an environment of its own; one thread, for a fork takes one along."""
    one = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")]), "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fork_server"], env={**environment, **one}, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield Forked(process)
        process.terminate()


def left(home: Path) -> dict[str, Any]:
    """All that a command has left in a home but times and the books of runs: files, and the registry's rows.

    Args:
        home: A HYPERX_HOME.

    Returns:
        ``files`` (names), ``weights`` (SHA-256 of each model's), and ``registry`` (models and versions of languages).
    """
    files = sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and not _passing(p))
    weights = {name: _sha256(home / name) for name in files if name.endswith("model.safetensors")}
    return {"files": files, "weights": weights, "registry": _rows(home / "registry.sqlite3")}


def _passing(file: Path) -> bool:
    """Whether a file is the registry's own, or of the moment in which it tries what the file system can."""
    return "registry." in file.name or file.parent.name.startswith(".hyperx-")


def _rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}


QUERIES = {
    "models": "SELECT name, fingerprint, config, is_default FROM models ORDER BY name",
    "versions": (
        "SELECT code, number, current, last, hash, method, parent, "
        "json_remove(provenance, '$.seconds', '$.created', '$.self_training.pos.seconds') FROM versions "
        "JOIN languages ON languages.id = language_id ORDER BY code, number"
    ),
    "blobs": "SELECT sha256, size, hex(data) FROM blobs ORDER BY sha256",
    "done": "SELECT DISTINCT command FROM runs WHERE status = 'done' ORDER BY command",
    "running": "SELECT command FROM runs WHERE status = 'running'",
}
"""What of the registry must be equal, however often a run was cut off; its books of the runs tell of every sitting."""


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
