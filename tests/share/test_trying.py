"""Trying again has an end, and pauses that grow."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from hyperx_cl.errors import DataError
from hyperx_cl.share.trying import TRIES, tried


class Answered(Exception):
    """An error of a client, with a response."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__("https://hub.example/?token=hf_secret")
        self.response = SimpleNamespace(status_code=status, headers=headers)


def failing(error: Exception, times: int) -> Callable[[], int]:
    """A call that fails so often."""
    left = [times]

    def call() -> int:
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return -left[0]

    return call


@pytest.mark.parametrize("error", [Answered(412), Answered(409), Answered(429), Answered(503), ConnectionError()])
def test_what_passes_is_tried_so_often_and_no_more(error: Exception) -> None:
    pauses: list[float] = []
    assert tried(failing(error, TRIES - 1), pause=pauses.append) == 1
    assert len(pauses) == TRIES - 1 and pauses[-1] > 4 * pauses[0] and sum(pauses) < 120
    with pytest.raises(type(error)):
        tried(failing(error, TRIES), pause=pauses.append)


@pytest.mark.parametrize("error", [Answered(401), Answered(403), Answered(404), ValueError(), DataError("x")])
def test_what_does_not_pass_is_not_tried_again(error: Exception) -> None:
    with pytest.raises(type(error)):
        tried(failing(error, 1), pause=lambda seconds: pytest.fail("it waited"))


def test_what_the_hub_asks_for_is_waited_for_and_no_more_than_half_a_minute() -> None:
    pauses: list[float] = []
    tried(failing(Answered(429, **{"Retry-After": "7"}), 1), pause=pauses.append)
    tried(failing(Answered(429, **{"Retry-After": "86400"}), 1), pause=pauses.append)
    assert pauses == [7.0, 30.0]


def test_fewer_tries_can_be_asked_for() -> None:
    pauses: list[float] = []
    with pytest.raises(ConnectionError):
        tried(failing(ConnectionError(), 2), tries=2, pause=pauses.append)
    assert len(pauses) == 1
