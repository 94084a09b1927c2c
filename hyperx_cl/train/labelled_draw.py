"""Batches of one pair's labelled sentences: every window once a pass, in an order that follows from the seed."""

from collections.abc import Sequence

import torch

from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.encode import Encoded
from hyperx_cl.data.packing import pack
from hyperx_cl.data.sampler import PairSampler


class LabelledDraw:
    """Draws the next batch, for a `Loop`.

    Attributes:
        epoch: Batches of one pass.

    Args:
        pair: Task and language.
        windows: Of `Encoder.words`, with targets.
        pad_id: The tokenizer's.
        max_tokens: Rows times longest row of a batch.
        seed: Of the order.
        device: Where the batches go.
    """

    def __init__(
        self, pair: Pair, windows: Sequence[Encoded], *, pad_id: int, max_tokens: int, seed: int, device: torch.device
    ) -> None:
        lengths = [len(window) for window in windows]
        self.epoch = len(pack(sorted(range(len(lengths)), key=lengths.__getitem__), lengths, max_tokens))
        self._pair, self._windows, self._pad_id, self._device = pair, windows, pad_id, device
        self._sampler = PairSampler({pair: lengths}, max_tokens=max_tokens, seed=seed)

    def __call__(self) -> Batch:
        """The next batch."""
        _, indices = next(self._sampler)
        return collate([self._windows[i] for i in indices], self._pair, pad_id=self._pad_id).to(self._device)
