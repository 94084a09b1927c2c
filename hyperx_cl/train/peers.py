"""Several processes at one command: who goes first, what they tell each other, and what is said where one is lost."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from hyperx_cl.errors import HyperXError
from hyperx_cl.processes import Place, here, timeout

_NO_END = timedelta(days=30)
"""Work that is shared out may take one process hours longer than another. One that dies is noticed at once anyway."""

_LOST = re.compile(r"gloo|nccl|connection (was )?(closed|reset|refused)|broken pipe|timed? ?out", re.IGNORECASE)

_AGAIN = "start them all again (train and add-language with --resume)"

Value = TypeVar("Value")


class Peers:
    """The processes that work at one command; use `peers`.

    Args:
        place: Which of them this is.
        group: What they talk over, of torch.distributed; None where there is but one.
    """

    def __init__(self, place: Place, group: Any = None) -> None:
        self.place, self._group = place, group

    @property
    def first(self) -> bool:
        """Whether this one writes and prints."""
        return self.place.first

    def turn(self, work: Callable[[], Value]) -> Value:
        """Let the first process work, then the others do the same.

        What it fetches, makes or migrates they find ready. What it refuses they do not try: they end with its exit
        code and without a word, for it has said everything.
        """
        if self._group is None:
            return work()
        if not self.first:
            if code := self.told(0):
                raise SystemExit(code)
            return work()
        try:
            done = work()
        except BaseException as error:
            self.told(getattr(error, "exit_code", 1))
            raise
        self.told(0)
        return done

    def told(self, value: Value) -> Value:
        """What the first process says, to all."""
        if self._group is None:
            return value
        import torch.distributed as dist

        said: list[Any] = [value]
        with self.watching():
            dist.broadcast_object_list(said, src=0, group=self._group)
        found: Value = said[0]
        return found

    def gather(self, work: Callable[[], Value]) -> list[Value]:
        """Let every process work, and tell all of them what came out, in the order of their ranks.

        Raises:
            HyperXError: The first that any of them met. It is the first process that raises it; the others end with
                its exit code.
        """
        if self._group is None:
            return [work()]
        import torch.distributed as dist

        mine: Value | HyperXError
        try:
            mine = work()
        except HyperXError as error:
            mine = error
        found: list[Any] = [None] * self.place.world
        with self.watching():
            dist.all_gather_object(found, mine, group=self._group)
        for each in found:
            if isinstance(each, HyperXError):
                raise each if self.first else SystemExit(each.exit_code)
        return found

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Say in one sentence that another process was lost, and let what is kept of the run be kept undisturbed."""
        if self._group is None:
            yield
        else:
            with _watching(self.place):
                yield


@contextmanager
def peers() -> Iterator[Peers]:
    """Meet the other processes that a launcher has started; none, and nothing is done, where this one is alone."""
    place = here()
    if place.world == 1:
        yield Peers(place)
        return
    import torch.distributed as dist

    before = signal.signal(signal.SIGTERM, lambda *_: _stopped(place))
    with _watching(place):
        dist.init_process_group(
            _backend(), rank=place.rank, world_size=place.world, timeout=timedelta(seconds=timeout())
        )
        group = dist.new_group(backend="gloo", timeout=_NO_END)
    yield Peers(place, group)
    dist.destroy_process_group()  # not after an error: with a process that is gone it could wait
    signal.signal(signal.SIGTERM, before)


@contextmanager
def _watching(place: Place) -> Iterator[None]:
    import torch.distributed as dist

    try:
        yield
    except KeyboardInterrupt:  # from a terminal it comes twice, once through the launcher
        _ignore_signals()
        raise
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _LOST.search(str(error)):
            raise
        _ignore_signals()
        raise HyperXError(
            f"process {place.rank} of {place.world} has lost another one, or has waited for it for {timeout()} "
            f"seconds: see what that one said, and {_AGAIN}"
        ) from error


def _backend() -> str:
    import torch

    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"


def _stopped(place: Place) -> None:
    _ignore_signals()
    if place.rank > 1:  # one voice is enough, but the first process may be the one that is gone
        raise SystemExit(128 + signal.SIGTERM)
    raise HyperXError(
        f"the launcher has stopped process {place.rank} of {place.world}, as it does where another one has ended: "
        f"see what that one said, and {_AGAIN}"
    )


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
