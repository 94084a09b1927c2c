"""A language's shift: a low-rank change of the word embeddings of its frequent pieces, which no other language reads.

``n`` pieces of the backbone's vocabulary, rank ``k``: piece ``i`` is read, and guessed by the MLM head, as
``e_i + F_i·B``. A few numbers a piece are cheap, so that thousands of pieces can mean in the new language what they
never meant in the old ones.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperx_cl.data.encode import Encoded

BASIS_SCALE = 0.05
"""Spread of the basis as it begins: about that of a BERT's word embeddings, so that factors of 1 are large."""


class Shift(nn.Module):
    """The change of some pieces; it starts as no change at all.

    Args:
        ids: Token ids of the pieces, ascending, ``(n,)``.
        width: Width of the backbone's word embeddings, ``e``.
        rank: ``k``.
    """

    ids: Tensor

    def __init__(self, ids: Sequence[int] | Tensor, width: int, rank: int) -> None:
        super().__init__()
        self.register_buffer("ids", torch.as_tensor(ids, dtype=torch.long).contiguous())
        self.factors = nn.Parameter(torch.zeros(len(self.ids), rank))
        self.basis = nn.Parameter(torch.randn(rank, width) * BASIS_SCALE)

    def change(self, ids: Tensor) -> Tensor:
        """What is added to the embeddings of pieces, ``(B, T)`` -> ``(B, T, e)``; zero for pieces without a shift."""
        rows = torch.searchsorted(self.ids, ids).clamp(max=len(self.ids) - 1)
        known = (self.ids[rows] == ids).unsqueeze(-1)
        return (self.factors[rows] * known) @ self.basis

    def scores(self, inner: Tensor, dtype: torch.dtype) -> Tensor:
        """What is added to the pieces' scores by the MLM head, ``(N, e)`` -> ``(N, n)``: ``inner·(F·B)``."""
        narrow = functional.linear(inner.to(dtype), self.basis.to(dtype))
        return functional.linear(narrow, self.factors.to(dtype)).float()


def frequent_pieces(windows: Iterable[Encoded], *, most: int, least: int, never: Iterable[int]) -> list[int]:
    """Find the pieces of a text that are worth a shift.

    Args:
        windows: The text.
        most: Most pieces, the most frequent ones first, equals by id.
        least: Times that a piece must occur.
        never: Special tokens, and what lies behind the vocabulary.

    Returns:
        Their ids, ascending.
    """
    counts: Counter[int] = Counter()
    for window in windows:
        counts.update(window.ids.tolist())
    for token in never:
        del counts[token]
    enough = [token for token, times in counts.items() if times >= least]
    return sorted(sorted(enough, key=lambda token: (-counts[token], token))[:most])
