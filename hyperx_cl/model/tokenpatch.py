"""A language's token patch in a model: rows beside the frozen word embeddings, which no other language ever reads.

``V`` is the backbone's vocabulary, ``k`` the pieces of a patch: in rows of its language, token id ``V + i`` is its
piece ``i``.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from hyperx_cl.data.tokenpatch import relatives


class Patch(nn.Module):
    """Pieces of one language, each with an embedding and a bias of the MLM head.

    Args:
        pieces: As the vocabulary would spell them.
        embeddings: Starting values, ``(k, e)``, ``e`` the width of word embeddings.
        bias: Starting values, ``(k,)``.
    """

    def __init__(self, pieces: Sequence[str], embeddings: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.pieces = tuple(pieces)
        self.embeddings = nn.Parameter(embeddings.detach().clone().float())
        self.bias = nn.Parameter(bias.detach().clone().float())

    @classmethod
    def begin(cls, pieces: Sequence[str], tokenizer: PreTrainedTokenizerBase, embeddings: Tensor, bias: Tensor) -> Self:
        """Start each piece as the mean of the known pieces that it is most like.

        Args:
            pieces: Of `hyperx_cl.data.tokenpatch.find_patch`.
            tokenizer: The one they were found with.
            embeddings: The word embeddings, ``(V, e)``.
            bias: The bias of the MLM head, ``(V,)``.
        """
        alike = relatives(pieces, tokenizer)
        return cls(pieces, initial_rows(alike, embeddings), initial_rows(alike, bias))

    def scores(self, inner: Tensor, dtype: torch.dtype) -> Tensor:
        """Score the pieces from the MLM head's inner states, ``(N, e)`` -> ``(N, k)``, as it scores all others."""
        return functional.linear(inner.to(dtype), self.embeddings.to(dtype)).float() + self.bias


class OwnPieces(NamedTuple):
    """Where a batch has pieces of token patches.

    Attributes:
        places: True at them, bool ``(B, T)``.
        vectors: Their embeddings row by row, ``(M, e)``.
    """

    places: Tensor
    vectors: Tensor

    def put_into(self, words: Tensor) -> Tensor:
        """Replace what the frozen embeddings gave there, ``(B, T, e)``, in the type that they have."""
        return words.index_put((self.places,), self.vectors.to(words.dtype))


def initial_rows(alike: Sequence[npt.NDArray[np.int64]], values: Tensor) -> Tensor:
    """Mean of some of the rows of ``(V, e)`` or ``(V,)`` for each piece, in fp32."""
    return torch.stack([values.detach()[torch.from_numpy(ids).to(values.device)].float().mean(0) for ids in alike])


def own_pieces(
    ids: Tensor, rows: Sequence[int], patches: Sequence[Patch | None], *, vocabulary: int
) -> OwnPieces | None:
    """Look up the pieces of token patches.

    Args:
        ids: Token ids, ``(B, T)``.
        rows: Rows of each segment.
        patches: Each segment's patch, if its language has one.
        vocabulary: ``V``.

    Returns:
        Nothing where all ids are the backbone's own.

    Raises:
        IndexError: An id that the segment's language does not have.
    """
    places = ids >= vocabulary
    if not places.any():
        return None
    vectors = []
    for own, there, patch in zip((ids - vocabulary).split(list(rows)), places.split(list(rows)), patches, strict=True):
        wanted = own[there]
        if len(wanted) and int(wanted.max()) >= (len(patch.pieces) if patch else 0):
            raise IndexError(f"token id {vocabulary + int(wanted.max())} belongs to no piece of the segment's language")
        if patch:
            vectors.append(patch.embeddings[wanted])
    return OwnPieces(places, torch.cat(vectors))
