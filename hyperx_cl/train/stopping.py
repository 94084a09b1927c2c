"""Ctrl-C between two steps: what is under way is brought to its end, and a checkpoint is kept."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

PATIENCE = b"\nStopping after this step, with a checkpoint; Ctrl-C again stops at once.\n"


class Stopping:
    """Hears the first Ctrl-C while a recipe takes its steps; a second one goes through.

    Only the main thread of a process can hear it, and only where nobody else listens: a host program's own way of
    stopping stays. Of several processes, which could not agree on a step to stop after, none does.

    Args:
        keep: Keeps a checkpoint of the step that has just been taken.
        alone: Whether this process trains by itself.
    """

    def __init__(self, keep: Callable[[], None], *, alone: bool = True) -> None:
        self._keep, self._alone, self._asked = keep, alone, False
        self._before: Any = None

    def __enter__(self) -> Self:
        here = threading.current_thread() is threading.main_thread()
        if self._alone and here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if error is None:
            self.check()  # one that came in the last step

    def check(self) -> None:
        """Stop here, where that was asked for: between two steps, with all done that belongs to the last one.

        Raises:
            KeyboardInterrupt: It was.
        """
        if self._asked:
            self._asked = False
            self._keep()
            raise KeyboardInterrupt

    def _hear(self, _: int, __: FrameType | None) -> None:
        self._restore()
        self._asked = True
        os.write(2, PATIENCE)  # a handler may have come between two halves of what another line is being printed by

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
