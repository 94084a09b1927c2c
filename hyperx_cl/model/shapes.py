"""The vocabulary of dimensions, and how many numbers each part of a model has.

Letters used in every file of this folder: ``S`` pairs in a batch, ``L`` layers, ``h`` hidden width of the backbone,
``b`` bottleneck of the generated adapters, ``r`` rank of a part, ``d`` embedding size, ``p`` projected width d_p,
``B`` rows of a batch, ``T`` its longest row.
"""

from dataclasses import dataclass

from hyperx_cl.config import ModelOptions


@dataclass(frozen=True)
class Shape:
    """What the hypernetwork must know of backbone and options.

    Args:
        layers: Layers of the backbone, ``L``.
        hidden: Hidden width of the backbone, ``h``.
        options: The model's options.
    """

    layers: int
    hidden: int
    options: ModelOptions

    @property
    def sizes(self) -> dict[str, int]:
        """Lengths of the blocks of one generated adapter, in the order of the generator's output."""
        h, b = self.hidden, self.options.bottleneck
        norm = {"scale": h, "shift": h} if self.options.adapter_norm else {}
        return {"down": b * h, "up": h * b, "down_bias": b, "up_bias": h, **norm}

    @property
    def generated(self) -> int:
        """Numbers of one layer's generated adapter: ``2hb + h + b`` (and ``2h`` with the adapter LayerNorm)."""
        return sum(self.sizes.values())

    def part_numbers(self, rank: int) -> int:
        """Numbers of a language or pair part of that rank: ``L(2rh + r)``."""
        return self.layers * (2 * rank * self.hidden + rank)

    def hypernetwork_numbers(self) -> dict[str, int]:
        """Trainable numbers of projector, generators and layer embeddings (paper, section 3.2)."""
        o = self.options
        return {
            "projector": 3 * o.embedding * o.source_hidden + o.source_hidden + (o.source_hidden + 1) * o.projected,
            "generators": (o.projected + 1) * self.generated,
            "layer embeddings": self.layers * o.embedding,
        }
