"""Progress on stderr: a bar on a terminal, nothing without one; and the JSON lines a run leaves behind."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hyperx_cl.writing import told


class Reporter(Protocol):
    """What a recipe tells while it works. What matters is said: only a terminal shows steps."""

    def step(self, done: int, text: str) -> None:
        """So many steps are done; `text` says how it goes."""

    def say(self, text: str) -> None:
        """Something worth a line of its own."""


class Silent:
    """Says nothing."""

    def step(self, done: int, text: str) -> None:
        """Ignore."""

    def say(self, text: str) -> None:
        """Ignore."""


class _Bar:
    def __init__(self, progress: Progress, total: int, title: str) -> None:
        self._progress, self._task = progress, progress.add_task(title, total=total, text="")

    def step(self, done: int, text: str) -> None:
        self._progress.update(self._task, completed=done, text=text)

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, done: int, text: str) -> None:
        """Bars need a terminal."""

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def reporting(title: str, total: int, *, quiet: bool = False) -> Iterator[Reporter]:
    """A reporter on stderr: bar and lines on a terminal, lines alone without one, nothing when quiet.

    Args:
        title: Stands before the bar.
        total: Steps in all.
        quiet: Say nothing.
    """
    console = Console(stderr=True)
    if quiet:
        yield Silent()
    elif not sys.stderr.isatty():
        yield _Lines(console)
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[text]}"), console=console, transient=True) as progress:
            yield _Bar(progress, total, title)


class RunLog:
    """JSON lines of a run: configuration first, then metrics as they come.

    Args:
        file: Appended to; it and its folder are made with the first line.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._whole = file, False

    def write(self, kind: str, **values: Any) -> None:
        """Append one line; only who writes touches the file, for several processes know of it.

        Raises:
            StorageError: It cannot be written.
        """
        line = {"kind": kind, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **values}
        with told(self._file):
            if not self._whole:
                self._begin()
            with self._file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _begin(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.is_file() and self._file.read_bytes()[-1:] not in (b"", b"\n"):
            with self._file.open("a") as out:  # a killed process left half a line: the next one is to stand alone
                out.write("\n")
        self._whole = True

    def last(self, kind: str) -> dict[str, Any] | None:
        """The last line of a kind, or ``None``; lines that a killed process left unfinished are passed over."""
        if not self._file.is_file():
            return None
        for text in reversed(self._file.read_text(encoding="utf-8", errors="replace").splitlines()):
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("kind") == kind:
                return line
        return None
