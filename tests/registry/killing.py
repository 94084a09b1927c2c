"""A process that is killed, or whose disk is full, at an event of its own: each operation in a forked child.

Run as ``python -m tests.registry.killing``; it reads one JSON object a line and answers with one. Events are counted,
so that a number names the same moment every time: what Python's audit hook sees (files opened, renamed, linked,
removed, connections), every statement that SQLite begins, and every ten steps of SQLite's machine within one.
"""

import json
import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 - now: to be killed while a module is read would prove nothing
import alembic.config  # noqa: F401
import alembic.script  # noqa: F401
import numpy as np

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry import engine
from hyperx_cl.registry.backup import backup
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.taking_in import import_folder
from hyperx_cl.registry.transfer import export
from hyperx_cl.registry.upgrade import upgrade

MODEL = "a1" * 32
BACKBONE = {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
FILE, COPY, RECORDS, OUT = "registry.sqlite3", "copy.sqlite3", "records", "out"
_STEPS = 10
_EVENTS = ("open", "os.", "sqlite3.", "tempfile.", "shutil.")


def main() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(run(**asked)), flush=True)


def run(
    operation: str, folder: str, *, kill_at: int | None = None, bytes_at_most: int | None = None, deadly: bool = False
) -> dict[str, Any]:
    """Do one operation in a child.

    Args:
        operation: One of `OPERATIONS`.
        folder: Where its files are.
        kill_at: The event at which the child is killed with SIGKILL; never for None.
        bytes_at_most: Size beyond which the child can write no file, as on a full disk.
        deadly: The write that goes beyond it kills the child, in the middle of it.

    Returns:
        ``signal`` that ended it (0: none), ``code`` of its exit, ``events`` it counted, and what it ``said``.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        if deadly:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _child(operation, Path(folder), kill_at, bytes_at_most, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    told_back = json.loads(told) if told else {"events": None, "said": None}
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, **told_back}


def _child(operation: str, folder: Path, kill_at: int | None, bytes_at_most: int | None, writer: int) -> None:
    count, said, code = _Counter(kill_at), "", 0
    try:
        if bytes_at_most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))
        count.begin()
        OPERATIONS[operation](folder)
    except HyperXError as error:
        said, code = str(error), error.exit_code
    except BaseException as error:
        said, code = f"{type(error).__name__}: {error}", -1
    finally:
        count.end()
        os.write(writer, json.dumps({"events": count.events, "said": said, "code": code}).encode())
        os._exit(0)


class _Counter:
    """Counts events of this process and kills it at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.events, self._kill_at, self._counting = 0, kill_at, False

    def begin(self) -> None:
        """Count from here on."""
        self._counting = True
        sys.addaudithook(self._audited)
        configure = engine._configure

        def watched(connection: sqlite3.Connection, *rest: Any, **options: Any) -> None:
            self._watch(connection)
            configure(connection, *rest, **options)

        engine._configure = watched
        connect = sqlite3.connect

        def connected(*words: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*words, **options)
            self._watch(connection)
            return connection

        sqlite3.connect = connected  # type: ignore[assignment]

    def end(self) -> None:
        """Count no more."""
        self._counting = False

    def _watch(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda _: self._count())
        connection.set_progress_handler(self._count, _STEPS)

    def _audited(self, event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(_EVENTS):
            self._count()

    def _count(self) -> int:
        if self._counting:
            self.events += 1
            if self.events == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return 0


def record(code: str, seed: int) -> LanguageRecord:
    """A record of some 8,000 numbers: more than a page of the database, less than a test has to wait for."""
    rng = np.random.default_rng(seed)
    shapes = {"embedding": (64,), "part.down": (2, 4, 512), "part.down_bias": (2, 4), "part.up": (2, 512, 4)}
    tensors = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return LanguageRecord(code, MODEL, tensors, {"method": "mlm"})


def prepare(folder: Path) -> None:
    """Make the files that the operations begin with: a registry of one language with two versions, and its records."""
    with Registry.open(str(folder / FILE)) as registry:
        registry.add_model("first", MODEL, "/models/first", BACKBONE, {})
        for seed in (1, 2):
            registry.add_language(record("mt", seed), new_version=True)
        registry.add_language(record("tr", 3))
        export(registry, folder / RECORDS)


def _add(folder: Path) -> None:
    with Registry.open(str(folder / FILE)) as registry:
        registry.add_language(record("mt", 9), new_version=True)


def _use(folder: Path) -> None:
    with Registry.open(str(folder / FILE)) as registry:
        registry.use_language("mt", 1)


def _import(folder: Path) -> None:
    with Registry.open(str(folder / "empty.sqlite3")) as registry:
        import_folder(registry, folder / RECORDS)


def _export(folder: Path) -> None:
    with Registry.open(str(folder / FILE), readonly=True) as registry:
        export(registry, folder / OUT)


def _backup(folder: Path) -> None:
    backup(folder / COPY, str(folder / FILE))


def _upgrade(folder: Path) -> None:
    upgrade(str(folder / "earlier.sqlite3"))


OPERATIONS: dict[str, Callable[[Path], None]] = {
    "add": _add, "use": _use, "import": _import, "export": _export, "backup": _backup, "upgrade": _upgrade,
}  # fmt: skip

if __name__ == "__main__":
    main()
