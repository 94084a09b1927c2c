"""Trying again what may pass: where the Hub stumbles, or somebody else was faster; with an end."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

TRIES = 8
CONFLICTS = (409, 412)
"""What the Hub answers where somebody else was faster."""

_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "aiohttp")
_LONGEST = 30.0


def tried(call: Callable[[], Found], *, tries: int = TRIES, pause: Callable[[float], None] = time.sleep) -> Found:
    """Call, and call again where somebody else was faster (409, 412) or the Hub stumbles (429, 5xx, no connection).

    Pauses double from a third of a second to half a minute and are drawn, so that two who met do not meet again; what
    the Hub asks for (``Retry-After``) is the least.

    Args:
        call: What may fail.
        tries: How often at most.
        pause: Waits for so many seconds.
    """
    for attempt in range(tries - 1):
        try:
            return call()
        except Exception as error:
            if not _passing(error):
                raise
            wanted = max(random.uniform(0.5, 1.0) * min(0.4 * 2**attempt, _LONGEST), _asked(error))
        pause(min(wanted, _LONGEST))
    return call()


def status_of(error: Exception) -> int | None:
    """What a server answered with; None where it did not answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


def unreachable(error: Exception) -> bool:
    """Whether there was no connection, in the words of whichever client."""
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.split(".")[0] in _CLIENTS


def _asked(error: Exception) -> float:
    """Seconds that the Hub asks to wait."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    told = str(headers.get("Retry-After", ""))
    return float(told) if told.isdecimal() else 0.0


def _passing(error: Exception) -> bool:
    status = status_of(error)
    if status is not None:
        return status == 429 or status in CONFLICTS or status >= 500
    return unreachable(error)
