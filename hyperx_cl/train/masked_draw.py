"""Batches of one language's text for MLM: every text once a round in an order of its own, masks that never repeat."""

from collections.abc import Sequence
from typing import Any

import torch

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoded
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import MLM


class MaskedDraw:
    """Draws the next batch, for a `Loop`.

    Args:
        code: The language.
        lines: Its text, of `Encoder.text`.
        tokenizer: What it was encoded with.
        max_tokens: Rows times longest row of a batch.
        mask_rate: Share of the pieces that MLM asks for.
        seed: Of the order and the masks.
        device: Where the batches go.
    """

    def __init__(
        self, code: str, lines: Sequence[Encoded], tokenizer: Any, *, max_tokens: int, mask_rate: float, seed: int,
        device: torch.device,
    ) -> None:  # fmt: skip
        self.pair = Pair(MLM.name, code)
        self.sampler = PairSampler({self.pair: [len(line) for line in lines]}, max_tokens=max_tokens, seed=seed)
        self._lines, self._vocabulary = lines, Vocabulary.of(tokenizer)
        self._mask_rate, self._seed, self._device = mask_rate, seed, device

    def __call__(self) -> Batch:
        """The next batch; where it stands is the sampler's to keep."""
        generator = mask_generator(self._seed, self.sampler.number)
        _, indices = next(self.sampler)
        lines = [self._lines[i] for i in indices]
        return mask_tokens(lines, self.pair, self._vocabulary, generator, rate=self._mask_rate).to(self._device)
