"""Heads: one linear layer a tagging task, and the MLM head tied to the frozen word embeddings."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperx_cl.model.shift import Shift
from hyperx_cl.model.tokenpatch import Patch


class WordHead(nn.Linear):
    """Scores of a word's label from the hidden state of its piece: ``(N, h)`` -> ``(N, classes)``.

    Args:
        hidden: Hidden width of the backbone, ``h``.
        classes: Labels of the task.
    """

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__(hidden, classes)
        nn.init.normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)


class MaskedHead(nn.Module):
    """Scores of the vocabulary at masked positions: dense, activation, LayerNorm, then the word embeddings as decoder.

    The dense layer, LayerNorm and bias are our own copies, started from the backbone's head where it has one.

    Args:
        start: The backbone's head under canonical names; empty if it has none. A bias that it lacks starts at 0.
        hidden: Hidden width, ``h``.
        width: Width of the word embeddings, ``e``; by default ``h``.
        vocabulary: Rows of the word embeddings.
        eps: Epsilon of the LayerNorm.
        activation: The backbone head's activation.
    """

    def __init__(
        self,
        start: Mapping[str, Tensor],
        *,
        hidden: int,
        vocabulary: int,
        eps: float,
        activation: Callable[[Tensor], Tensor],
        width: int | None = None,
    ) -> None:
        super().__init__()
        width = hidden if width is None else width
        self.dense, self.norm = nn.Linear(hidden, width), nn.LayerNorm(width, eps=eps)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.activation = activation
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)
        if start:
            self.load_state_dict({name: value.clone() for name, value in (self.state_dict() | dict(start)).items()})

    def forward(
        self, states: Tensor, word_embeddings: Tensor, patch: Patch | None = None, shift: Shift | None = None
    ) -> Tensor:
        """Score pieces.

        Args:
            states: Hidden states of the positions asked for, ``(N, h)``.
            word_embeddings: The frozen matrix, ``(vocabulary, e)``.
            patch: The language's token patch, if it has one.
            shift: Its shift, if it has one: the decoder stays tied to what is read.

        Returns:
            Scores, ``(N, vocabulary)``, in fp32; behind them one more for each piece of the patch.
        """
        inner = self.norm(self.activation(self.dense(states.to(self.dense.weight.dtype))))
        scores = functional.linear(inner.to(word_embeddings.dtype), word_embeddings).float() + self.bias
        if shift is not None:
            scores.index_add_(1, shift.ids, shift.scores(inner, word_embeddings.dtype))
        return scores if patch is None else torch.cat([scores, patch.scores(inner, word_embeddings.dtype)], dim=1)


def segment_loss(logits: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Mean cross entropy over segments, each counting alike, as if its rows had come in a batch of their own.

    Args:
        logits: Scores of each segment, ``(n, classes)``.
        targets: Its gold ids, ``(n,)``; -100 is not learnt, and a segment without any target counts 0.
    """
    losses = [
        functional.cross_entropy(scores, gold, ignore_index=-100, reduction="sum") / (gold != -100).sum().clamp(min=1)
        for scores, gold in zip(logits, targets, strict=True)
    ]
    return torch.stack(losses).mean()
