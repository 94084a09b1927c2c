"""The hypernetwork: (task, language, layer) embeddings in, the weights of every layer's adapter out.

Paper, section 3.2 and equations 2-4: the source is task, language and layer embedding side by side; a two-layer
projector with ReLU compresses it to d_p numbers; linear generators with biases, shared by all layers, write
the adapter. The four (or six) generators are one matrix here, so all layers of all pairs come from one product.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hyperx_cl.model.shapes import Shape


class AdapterWeights(NamedTuple):
    """The generated adapter of one pair in one layer.

    Args:
        down: ``(b, h)``.
        up: ``(h, b)``.
        down_bias: ``(b,)``.
        up_bias: ``(h,)``.
        scale: ``(h,)`` of the adapter LayerNorm, or ``None``.
        shift: ``(h,)`` of the adapter LayerNorm, or ``None``.
    """

    down: Tensor
    up: Tensor
    down_bias: Tensor
    up_bias: Tensor
    scale: Tensor | None = None
    shift: Tensor | None = None


class Hypernetwork(nn.Module):
    """Source projector, weight generator and layer embeddings.

    Args:
        shape: Dimensions of backbone and model.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        o = shape.options
        self.shape = shape
        self.layer_embeddings = nn.Parameter(torch.empty(shape.layers, o.embedding))
        self.projector = nn.Sequential(
            nn.Linear(3 * o.embedding, o.source_hidden), nn.ReLU(), nn.Linear(o.source_hidden, o.projected)
        )
        self.generator = nn.Linear(o.projected, shape.generated)
        initialise(self)

    def forward(self, tasks: Tensor, languages: Tensor, dtype: torch.dtype | None = None) -> list[list[AdapterWeights]]:
        """Write the adapters of all layers for each pair.

        Args:
            tasks: Task embeddings, ``(S, d)``.
            languages: Language (or pair) embeddings, ``(S, d)``.
            dtype: Type of the result; the default is that of the hypernetwork.

        Returns:
            For each of the ``S`` pairs its ``L`` adapters.
        """
        pairs, layers = len(tasks), self.shape.layers
        source = torch.cat(
            [
                torch.cat([tasks, languages], dim=-1)[:, None].expand(-1, layers, -1),
                self.layer_embeddings[None].expand(pairs, -1, -1),
            ],
            dim=-1,
        )  # (S, L, 3d): task, language, layer
        flat = self.generator(self.projector(source))  # (S, L, generated)
        flat = flat if dtype is None else flat.to(dtype)
        # Unbound at once: indexing layer by layer would make the backward fill a whole zero tensor for each layer.
        return [[self._blocks(row) for row in pair.unbind()] for pair in flat.unbind()]

    def _blocks(self, row: Tensor) -> AdapterWeights:
        h, b = self.shape.hidden, self.shape.options.bottleneck
        down, up, *rest = row.split(list(self.shape.sizes.values()))
        return AdapterWeights(down.view(b, h), up.view(h, b), *rest)


def initialise(hypernetwork: Hypernetwork) -> None:
    """Draw the starting values from the global generator.

    ``paper``: linear weights N(0, 0.02²), biases 0, embeddings N(0, 1), as the paper's code does in effect.
    ``scaled``: the projector by Kaiming, the generator N(0, 0.002²) around a shared down-projection N(0, 0.02²) in its
    bias and an up-projection of 0, so that training starts near the bare backbone with useful gradients.
    """
    nn.init.normal_(hypernetwork.layer_embeddings)
    for module in hypernetwork.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    if hypernetwork.shape.options.initialisation == "scaled":
        for module in hypernetwork.projector:
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=(2 / module.in_features) ** 0.5)
        nn.init.normal_(hypernetwork.generator.weight, std=0.002)
        with torch.no_grad():
            hypernetwork.generator.bias[: hypernetwork.shape.sizes["down"]].normal_(std=0.02)
