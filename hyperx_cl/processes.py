"""Which of several processes this is: what torchrun, accelerate launch or mpirun have put into the environment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hyperx_cl.errors import UsageError

TIMEOUT = "HYPERX_TIMEOUT"
"""Environment: how many seconds a process in base training waits for another one that lives but does not answer."""

_DEFAULT_TIMEOUT = 1800
_NAMES = {
    "rank": ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK"),
    "world": ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"),
    "local": ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK"),
}  # as accelerate reads them

Item = TypeVar("Item")


@dataclass(frozen=True)
class Place:
    """One process among several.

    Args:
        rank: Its number, from 0; the one with number 0 writes and prints.
        world: How many there are.
        local: Its number on this machine.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and prints."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        """What of some work falls to it: whole pieces, in turn.

        >>> Place(1, 2).share(["mt", "ug", "fo"])
        ['ug']
        """
        return list(items[self.rank :: self.world])


ALONE = Place()


def here(environment: Mapping[str, str] | None = None) -> Place:
    """Where this process stands; alone, unless a launcher has started several.

    Raises:
        UsageError: accelerate launch was asked for several processes on the CPU and has started one.
    """
    known = os.environ if environment is None else environment
    found = {what: next((known[n] for n in names if n in known), None) for what, names in _NAMES.items()}
    world = int(found["world"] or 1)
    if world > 1:
        return Place(int(found["rank"] or 0), world, int(found["local"] or 0))
    if "MASTER_ADDR" in known and "ACCELERATE_MIXED_PRECISION" in known and found["local"] is None:
        raise UsageError(
            "accelerate launch has started one process only, as with --cpu it needs mpirun for more: "
            "use torchrun --nproc-per-node N, or accelerate launch --multi_gpu --num_processes N … --device cpu"
        )
    return ALONE


def rank() -> int:
    """This process's number, for messages that must not fail themselves."""
    said = next((os.environ[name] for name in _NAMES["rank"] if name in os.environ), "0")
    return int(said) if said.isdecimal() else 0


def timeout() -> int:
    """Seconds that a process waits for another one that lives but does not answer.

    Raises:
        UsageError: `HYPERX_TIMEOUT` is no number of seconds.
    """
    said = os.environ.get(TIMEOUT, str(_DEFAULT_TIMEOUT))
    if not said.isdecimal() or not int(said):
        raise UsageError(f"{TIMEOUT} is {said!r}: give whole seconds, at least 1")
    return int(said)
