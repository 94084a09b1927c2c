"""Where to compute: CUDA, Apple's MPS or the CPU, and what has to be done in another way on each."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hyperx_cl.errors import UsageError
from hyperx_cl.processes import Place, here


def choose_device(wanted: str = "auto") -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    ``auto`` takes cuda where torch can use it, else mps, else the CPU. Each of several processes takes the GPU of its
    own number; MPS has but one, for one process.

    Raises:
        UsageError: What is asked for is not there, or not there for so many processes.
    """
    place = here()
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if _mps() and place.world == 1 else "cpu"
    if wanted == "cuda":
        return _cuda(place)
    if wanted == "mps" and not _mps():
        raise UsageError("torch finds no Apple GPU (mps) here: leave --device out, or say --device cpu")
    if wanted == "mps" and place.world > 1:
        raise UsageError("several processes cannot share an Apple GPU (mps): start one, or say --device cpu")
    return torch.device(wanted)


@contextmanager
def own_random_numbers(device: torch.device, seed: int) -> Iterator[None]:
    """Draw from a seed inside, and afterwards as if nothing had been drawn."""
    kept = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield
    finally:
        if kept is not None:
            torch.mps.set_rng_state(kept)


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _cuda(place: Place) -> torch.device:
    if not torch.cuda.is_available():
        raise UsageError("there is no GPU that torch can use: leave --device out, or say --device cpu")
    if place.world == 1:
        return torch.device("cuda")
    if place.local >= torch.cuda.device_count():
        raise UsageError(
            f"this machine has {torch.cuda.device_count()} GPUs and more processes: start one for each GPU, "
            "or say --device cpu"
        )
    return torch.device("cuda", place.local)


def _mps() -> bool:
    return torch.backends.mps.is_available()
