"""A process that runs command lines and tells of each where it connected to, and what it wrote outside its own folders.

It sees what Python does (its audit hooks), whoever does it: `hyperx_cl`, the client of the Hub, or what a pickle holds.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from hyperx_cl.cli.app import run
from hyperx_cl.cli.output import visible
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.hub import pull

TWO = ("os.rename", "os.symlink", "os.link")  # the second of two paths is the one that is made
CHANGES = (*TWO, "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod")
RUNS = ("exec.pickle", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Keeps what happened since `start`."""

    def __init__(self) -> None:
        self.on = False
        self.own: tuple[str, ...] = ()
        self.connected: list[str] = []
        self.written: list[str] = []
        self.ran: list[str] = []

    def start(self) -> None:
        self.own = tuple(os.path.realpath(os.environ[name]) + os.sep for name in ("HYPERX_HOME", "HF_HOME"))
        self.connected, self.written, self.ran, self.on = [], [], [], True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self.connected.append("{}:{}".format(*arguments[1][:2]))
        elif event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & WRITING:
            self._write(arguments[0])
        elif event in CHANGES:
            self._write(arguments[1] if event in TWO else arguments[0], beside=arguments[-1])
        elif event in RUNS:
            self.ran.append(event)

    def _write(self, place: Any, beside: Any = -1) -> None:
        if isinstance(place, str | bytes | os.PathLike) and beside == -1:  # else in a folder that was opened before
            path = os.path.abspath(os.fsdecode(place))
            folder = os.path.realpath(os.path.dirname(path)) + os.sep
            if not folder.startswith(self.own) and path + os.sep not in self.own and path != os.devnull:
                self.written.append(path)


def peak() -> int:
    """The most memory that this process has had, in bytes; what `getrusage` says begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def pulled(repo: str) -> int:
    """Pull as a library does it, which is quicker than building all commands anew."""
    try:
        done = pull(repo)
    except HyperXError as error:
        print(f"Error: {visible(str(error))}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        print(f"Error: something unforeseen went wrong: {error!r}", file=sys.stderr)
        return 1
    print(json.dumps([done.model, done.wanted, list(done.tasks)]))
    return 0


def main() -> None:
    """Run each line of standard input, environment and words, and answer with all that is known of it."""
    watch = Watch()
    sys.addaudithook(watch)
    for line in sys.stdin:
        environment, words = json.loads(line)
        os.environ.update(environment)
        out, err = io.StringIO(), io.StringIO()
        watch.start()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words) if words[0] != "library" else pulled(words[1])
        watch.on = False
        told = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "connected": sorted({*watch.connected}),
                "written": watch.written, "ran": watch.ran,
                "peak": peak()}  # fmt: skip
        print(json.dumps(told), flush=True)


if __name__ == "__main__":  # not when it is read for doctests
    main()
