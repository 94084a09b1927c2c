"""Starts one command line in two real processes, with torchrun or accelerate launch, and watches what they write."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLI = "hyperx_cl.cli"
LIMIT = 240
"""Seconds after which a run that should have ended has failed."""

TORCHRUN = ("torch.distributed.run", "--nproc-per-node=2", "--standalone")

_WATCH = """
import os, sys
_into = os.environ.get("WATCH_WRITES")
if _into and "RANK" in os.environ:
    _log = open(os.path.join(_into, "rank-" + os.environ["RANK"]), "a", buffering=1)
    def _hook(event, arguments):
        written = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate")
        if event == "open" and isinstance(arguments[0], str):
            mode, flags = arguments[1] or "", arguments[2] or 0
            written = any(sign in mode for sign in "wax+") or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if written or event == "sqlite3.connect":
            _log.write(event + " " + str(arguments[0]) + "\\n")
    sys.addaudithook(_hook)
"""


@dataclass(frozen=True)
class Run:
    """Two processes on their way, and the launcher that watches them."""

    launcher: "subprocess.Popen[str]"
    begun: float

    def end(self) -> tuple[int, str, str]:
        """Exit code of the launcher, and what was printed and said; a run that hangs fails."""
        out, err = self.launcher.communicate(timeout=LIMIT)
        return self.launcher.returncode, out, err

    def worker(self, rank: int) -> int:
        """The process of a rank."""
        for folder in Path("/proc").iterdir():
            try:
                stat, environment = (folder / "stat").read_text(), (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == self.launcher.pid and f"RANK={rank}".encode() in environment:
                return int(folder.name)
        raise AssertionError(f"there is no process of rank {rank}")


def start(words: Sequence[object], home: Path, *, launcher: Sequence[str] = TORCHRUN, **environment: str) -> Run:
    """Start a command line in two processes of one thread each on the CPU."""
    command = [sys.executable, "-m", *launcher, "-m", CLI, *map(str, words)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=_environment(home) | environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    return Run(process, time.monotonic())


def accelerate() -> tuple[str, ...]:
    """What stands before ``-m`` to start two processes with accelerate launch."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = "--multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"
    return ("accelerate.commands.launch", *words.split(), f"--main_process_port={port}")


def watched(folder: Path) -> dict[str, str]:
    """An environment in which every process notes below `folder` what it writes, wherever it does so from Python."""
    (folder / "hook").mkdir(parents=True)
    (folder / "hook" / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder / "hook"), str(ROOT)]), "WATCH_WRITES": str(folder)}


def written(folder: Path, rank: int, *places: Path) -> list[str]:
    """What a watched process has written in some places: the event and the path."""
    lines = (folder / f"rank-{rank}").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if any(str(place) in line for place in places)]


def wait_for(condition: Callable[[], bool], run: Run) -> None:
    """Wait until something is so; a run that ends before has failed."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if run.launcher.poll() is not None or time.monotonic() > deadline:
            run.launcher.kill()
            raise AssertionError(run.end())
        time.sleep(0.02)


def step_of(checkpoint: Path) -> int:
    """Step of a checkpoint, -1 where there is none yet."""
    try:
        return int(json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError):
        return -1


def _environment(home: Path) -> dict[str, str]:
    launched = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in launched}
    return kept | {"HYPERX_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
