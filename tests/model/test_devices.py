"""Which device is chosen; no machine of the tests has an Apple GPU, so of that only the choice is tested."""

from collections.abc import Callable

import pytest
import torch

from hyperx_cl.errors import UsageError
from hyperx_cl.model.backbone import fast_dtype
from hyperx_cl.model.devices import choose_device, own_random_numbers, wait_for

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Says what this machine has."""

    def has(*, cuda: int = 0, mps: bool = False, processes: int = 1, local: int = 0) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        for name, value in (("RANK", local), ("WORLD_SIZE", processes), ("LOCAL_RANK", local)):
            monkeypatch.setenv(name, str(value))

    return has


def test_auto_takes_cuda_then_mps_then_the_cpu(machine: Machine) -> None:
    for has, wanted in (({"cuda": 1, "mps": True}, "cuda"), ({"mps": True}, "mps"), ({}, "cpu")):
        machine(**has)
        assert choose_device() == choose_device("auto") == torch.device(wanted)
        assert choose_device("cpu") == torch.device("cpu")


def test_what_is_not_there_is_refused(machine: Machine) -> None:
    machine()
    for wanted, said in (("cuda", "there is no GPU that torch can use"), ("mps", "torch finds no Apple GPU")):
        with pytest.raises(UsageError, match=f"{said}.*: leave --device out, or say --device cpu"):
            choose_device(wanted)


def test_each_process_takes_its_own_gpu(machine: Machine) -> None:
    machine(cuda=2, processes=2, local=1)
    assert choose_device() == torch.device("cuda", 1)
    machine(cuda=2, processes=3, local=2)
    with pytest.raises(UsageError, match="this machine has 2 GPUs and more processes"):
        choose_device()
    machine(mps=True, processes=2)
    assert choose_device() == torch.device("cpu")
    with pytest.raises(UsageError, match="several processes cannot share an Apple GPU"):
        choose_device("mps")


def test_an_apple_gpu_computes_in_fp32() -> None:
    place = torch.device("mps")
    assert fast_dtype("auto", place) == fast_dtype("fp32", place) == torch.float32
    with pytest.raises(UsageError, match="bf16 is not offered on an Apple GPU"):
        fast_dtype("bf16", place)


def test_own_random_numbers_change_no_others() -> None:
    place = torch.device("cpu")
    torch.manual_seed(1)
    expected = torch.randn(2)
    torch.manual_seed(1)
    with own_random_numbers(place, 7):
        inside = torch.randn(2)
    wait_for(place)
    assert torch.equal(torch.randn(2), expected)
    with own_random_numbers(place, 7):
        assert torch.equal(torch.randn(2), inside)
