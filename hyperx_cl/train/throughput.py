"""How fast a run is: real tokens a second, and its share of what the machine can multiply."""

import time
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from hyperx_cl.model.devices import wait_for
from hyperx_cl.model.hyperx import HyperX


@dataclass(frozen=True)
class Speed:
    """How fast training was.

    Args:
        rate: Real tokens a second, validations left out.
        share: Share of the machine's matrix peak, 0 to 1.
    """

    rate: float = 0.0
    share: float = 0.0

    def __str__(self) -> str:
        """How progress shows it: ``5120 tokens/s · 31% of peak``."""
        return f"{self.rate:.0f} tokens/s · {self.share:.0%} of peak"


def known_peak(device: torch.device, dtype: torch.dtype) -> float:
    """`matrix_peak`, measured once a process for each device, type and number of threads."""
    return _measured(device, dtype, torch.get_num_threads())


def matrix_peak(device: torch.device, dtype: torch.dtype, *, seconds: float = 0.5) -> float:
    """Measure the rate of one large matrix product.

    Args:
        device: Where.
        dtype: Of the factors.
        seconds: How long to measure.

    Returns:
        Floating point operations a second.
    """
    size = 2048 if device.type == "cpu" else 8192
    own = torch.Generator(device).manual_seed(0)  # the run's own randomness must not depend on how often it was resumed
    a, b = (torch.randn(size, size, device=device, dtype=dtype, generator=own) for _ in range(2))
    for _ in range(3):
        a @ b
    wait_for(device)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        a @ b
        wait_for(device)
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - begin)


def operations_per_token(model: HyperX, *, length: float, masked: float) -> float:
    """Floating point operations that one real token costs in training.

    Frozen matrices are passed twice (forward, and backward to their input), trained adapters three times.

    Args:
        model: The model.
        length: Mean length of a row.
        masked: Masked positions per token over all batches.

    Returns:
        Matrix products alone, two operations a multiplication.
    """
    h, layers = model.shape.hidden, model.shape.layers
    matrices = sum(m.weight.numel() for m in model.backbone.encoder.modules() if isinstance(m, nn.Linear))
    frozen = matrices + layers * 2 * length * h
    adapters = layers * 2 * h * model.options.bottleneck
    decoder = masked * model.backbone.word_embeddings.numel()
    return float(2 * (2 * frozen + 3 * adapters + 2 * decoder))


@cache
def _measured(device: torch.device, dtype: torch.dtype, threads: int) -> float:
    return matrix_peak(device, dtype)
