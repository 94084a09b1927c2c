"""Applying adapters: the generated one and the small parts of language and pair, at one seat in one layer.

``A(z) = z + g(U·ReLU(D·z + b_D) + b_U)`` (paper, equation 1, with the biases that its code generates), where g is the
identity or a LayerNorm with generated scale and shift. Parts read the same z and are added: ``+ U'·ReLU(D'·z + b')``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperx_cl.model.hypernet import AdapterWeights

NORM_EPS = 1e-5


class Part(nn.Module):
    """A small bottleneck per layer that belongs to one language or one pair; it starts as no change at all.

    Args:
        layers: Layers that it acts in, the backbone's lowest ``k``.
        hidden: Hidden width of the backbone, ``h``.
        rank: Bottleneck width, ``r``.
    """

    def __init__(self, layers: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(layers, rank, hidden) * 0.02)
        self.down_bias = nn.Parameter(torch.zeros(layers, rank))
        self.up = nn.Parameter(torch.zeros(layers, hidden, rank))


PartWeights = tuple[Tensor, Tensor, Tensor]
"""One layer of a part: down ``(r, h)``, its bias ``(r)``, up ``(h, r)``."""


def apply_adapter(z: Tensor, generated: AdapterWeights, parts: Sequence[PartWeights] = ()) -> Tensor:
    """Adapt the hidden states of one segment at one layer.

    Args:
        z: Hidden states, ``(B, T, h)``.
        generated: That layer's generated adapter.
        parts: That layer of the language's and the pair's parts.

    Returns:
        Adapted hidden states, ``(B, T, h)``.
    """
    if generated.scale is None and parts:
        return z + _bottleneck(z, _beside(generated, parts))
    change = _bottleneck(z, generated)
    if generated.scale is not None and generated.shift is not None:
        change = functional.layer_norm(change, change.shape[-1:], eps=NORM_EPS) * generated.scale + generated.shift
    for down, down_bias, up in parts:
        change = change + functional.linear(functional.relu(functional.linear(z, down, down_bias)), up)
    return z + change


def _bottleneck(z: Tensor, w: AdapterWeights) -> Tensor:
    return functional.linear(functional.relu(functional.linear(z, w.down, w.down_bias)), w.up, w.up_bias)


def _beside(generated: AdapterWeights, parts: Sequence[PartWeights]) -> AdapterWeights:
    # Bottlenecks that read the same z and are added are one wider bottleneck: two products instead of four.
    return AdapterWeights(
        down=torch.cat([generated.down, *(down for down, _, _ in parts)]),
        down_bias=torch.cat([generated.down_bias, *(bias for _, bias, _ in parts)]),
        up=torch.cat([generated.up, *(up for _, _, up in parts)], dim=1),
        up_bias=generated.up_bias,
    )
