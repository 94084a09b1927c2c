"""A process that runs each command line in a child forked from it, which can be struck down at a counted event.

Torch takes seconds to import, so the children of the fixture `forked` inherit it. What a child runs is what
``python -m hyperx_cl.cli`` runs. Its events are what it does to files and to the database, and its optimiser steps; a
child that nothing strikes tells how many there were, so that a test can choose some by a seed.
"""

import contextlib
import io
import json
import os
import resource
import runpy
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

FILE_EVENTS = frozenset({
    "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "shutil.rmtree",
    "shutil.copyfile", "sqlite3.connect", "tempfile.mkstemp", "tempfile.mkdtemp",
})  # fmt: skip


class Events:
    """Counts what happens, and strikes at one.

    Args:
        at: Number of the event to strike at, from 1; 0 never does.
        strike: Called once, just before what it is told of is done.
    """

    def __init__(self, at: int, strike: Callable[[], None]) -> None:
        self.count, self._at, self._strike, self._inside = 0, at, strike, False

    def happened(self, *_: Any, **__: Any) -> None:
        """Count one."""
        if self._inside:
            return
        self._inside = True
        try:
            self.count += 1
            if self.count == self._at:
                self._strike()
        finally:
            self._inside = False

    def audit(self, event: str, details: tuple[Any, ...]) -> None:
        """Count what Python is about to do to a file, if it is one to be written."""
        if event in FILE_EVENTS or (event == "open" and _writes(details)):
            self.happened()

    def watch(self) -> None:
        """Watch files, database and optimiser from now on."""
        from sqlalchemy import Engine, event
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, name, self.happened)
        register_optimizer_step_pre_hook(self.happened)
        sys.addaudithook(self.audit)


def strike(how: str, size: int) -> Callable[[], None]:
    """What befalls a child: ``kill`` and ``interrupt`` are signals; ``full`` and ``torn`` bound the size of files.

    Args:
        how: In ``full``, every write that goes beyond so many bytes of a file fails, as on a full disk. In ``torn``,
            the first one that does ends the process, with the bytes before it written.
        size: Of the last two, in bytes.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    if how in ("kill", "interrupt"):
        return lambda: os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGINT)
    return limit


def main() -> None:
    """Run each line of standard input in a child, and answer with how it ended."""
    warm_up()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


def warm_up() -> None:
    """Import all that a child needs, and do once what any process does once: a child costs its command's own work."""
    import torch

    torch.set_num_threads(1)  # a fork takes one thread along
    import accelerate  # noqa: F401
    import transformers
    from typer.main import get_command

    import hyperx_cl.data.text  # noqa: F401
    import hyperx_cl.train.add_language  # noqa: F401
    import hyperx_cl.train.add_task  # noqa: F401
    import hyperx_cl.train.fewshot  # noqa: F401
    import hyperx_cl.train.full_fewshot  # noqa: F401
    import hyperx_cl.train.joint  # noqa: F401
    from hyperx_cl.cli.app import app
    from hyperx_cl.languages import canonical
    from hyperx_cl.train.throughput import known_peak

    assert all(get_command(app).commands.values())  # type: ignore[attr-defined]  # loads them
    known_peak(torch.device("cpu"), torch.float32)
    canonical("mt")  # reads the table of codes
    for name in ("BertForMaskedLM", "BertTokenizer", "AutoTokenizer", "AutoModelForMaskedLM"):  # else imported late
        getattr(transformers, name)
    with tempfile.TemporaryDirectory() as folder:
        _load_one(folder)
        _open_one(folder)


def _load_one(folder: str) -> None:
    """Have transformers compile the rules by which it reads any model's weights."""
    from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

    from hyperx_cl.model.transformers_errors import quiet_transformers

    config = BertConfig(
        vocab_size=4, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )  # fmt: skip
    with quiet_transformers():
        BertForMaskedLM(config).save_pretrained(folder)
        AutoModelForMaskedLM.from_pretrained(folder)


def _open_one(folder: str) -> None:
    """Have a registry made, with its migrations, and a command line read and answered."""
    from hyperx_cl.cli.app import run
    from hyperx_cl.registry.store import Registry

    address = f"{folder}/registry.sqlite3"
    Registry.open(address).close()
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["languages", "list", "--registry", address, "--json"]) == 0


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one command line in a child.

    Args:
        asked: ``words``, ``home``, and of what shall befall it ``at``, ``how`` and ``size``.

    Returns:
        ``status`` (minus the signal where one ended it), ``out``, ``err``, and ``events`` (None of one that was ended).
    """
    pipes = [os.pipe() for _ in range(3)]
    child = os.fork()
    if not child:
        for number, (_, end) in enumerate(pipes[:2], 1):
            os.dup2(end, number)
        live(asked, pipes[2][1])
    texts = []
    for _, end in pipes:
        os.close(end)
    for start, _ in pipes:
        with os.fdopen(start, encoding="utf-8", errors="replace") as stream:
            texts.append(stream.read())
    _, status = os.waitpid(child, 0)
    out, err, events = texts
    return {
        "status": os.waitstatus_to_exitcode(status), "out": out, "err": err, "events": int(events) if events else None,
    }  # fmt: skip


def live(asked: dict[str, Any], events_to: int) -> None:
    """Run the command line as ``python -m hyperx_cl.cli`` does; never returns."""
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if asked["how"] == "torn":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ |= {"HYPERX_HOME": asked["home"], **asked["environment"]}
        sys.argv = ["hyperx-cl", *asked["words"]]
        events = Events(asked["at"], strike(asked["how"], asked["size"]))
        events.watch()
        try:
            runpy.run_module("hyperx_cl.cli", run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        os.write(events_to, str(events.count).encode())
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _writes(details: tuple[Any, ...]) -> bool:
    _, mode, flags = (*details, None, None, None)[:3]
    return "w" in str(mode or "") or "a" in str(mode or "") or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":  # not when it is read for doctests
    main()
