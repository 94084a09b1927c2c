"""Which of several processes this is, by what launchers put into the environment."""

import pytest

from hyperx_cl.errors import UsageError
from hyperx_cl.processes import ALONE, TIMEOUT, Place, here, timeout

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
ACCELERATE = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_USE_CPU": "True"}
"""What accelerate launch --cpu sets."""


def test_launchers_are_understood() -> None:
    assert here({}) == here({"MASTER_ADDR": "127.0.0.1"}) == here(ACCELERATE) == ALONE
    assert here(TORCHRUN) == here(TORCHRUN | ACCELERATE) == Place(3, 4, 1)
    assert here(MPI) == here(MPI | ACCELERATE | {"MASTER_ADDR": "127.0.0.1"}) == Place(1, 2, 0)
    assert here(TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"} | ACCELERATE) == ALONE


def test_one_process_where_several_were_asked_for_is_told() -> None:
    with pytest.raises(UsageError, match="has started one process only, as with --cpu it needs mpirun for more: use"):
        here(ACCELERATE | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"})


def test_every_piece_falls_to_one_process() -> None:
    items = list("abcdefg")
    for world in (1, 2, 3, 9):
        shares = [Place(rank, world).share(items) for rank in range(world)]
        assert sorted(item for share in shares for item in share) == items
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [place.first for place in (ALONE, Place(1, 2))] == [True, False]


def test_how_long_is_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIMEOUT, raising=False)
    assert timeout() == 1800
    monkeypatch.setenv(TIMEOUT, "90")
    assert timeout() == 90
    for wrong in ("0", "ten", "-1", "1.5"):
        monkeypatch.setenv(TIMEOUT, wrong)
        with pytest.raises(UsageError, match="give whole seconds, at least 1"):
            timeout()
