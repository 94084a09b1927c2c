"""Muon in fp32: `torch.optim.Muon` multiplies in bf16, which CPUs without it imitate, a hundred times slower."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

COEFFICIENTS, ROUNDS = (3.4445, -4.7750, 2.0315), 5
"""Of the Newton-Schulz iteration (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/)."""


class Muon(torch.optim.Optimizer):
    """Momentum whose step for a matrix is made nearly orthogonal, as long as a step of AdamW.

    Args:
        weights: Matrices.
        lr: Learning rate; a step has a root mean square of about 0.2 times this.
        momentum: Of Nesterov's kind.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(list(weights), {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step; a closure is not called."""
        for group in self.param_groups:
            for weight in group["params"]:
                past = self.state[weight].setdefault("past", torch.zeros_like(weight))
                past.lerp_(weight.grad, 1 - group["momentum"])
                step = orthogonal(weight.grad.lerp(past, group["momentum"]))
                weight.add_(step, alpha=-0.2 * math.sqrt(max(weight.shape)) * group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix (n, m) with the singular vectors of another one and singular values near 1 (0.7 to 1.2)."""
    a, b, c = COEFFICIENTS
    flat = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    flat = flat / flat.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = flat @ flat.T
        flat = torch.addmm(flat, torch.addmm(gram, gram, gram, beta=b, alpha=c), flat, beta=a)
    return flat.T if matrix.shape[0] > matrix.shape[1] else flat
