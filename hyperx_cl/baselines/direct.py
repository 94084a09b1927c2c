"""The generated adapters themselves, learnt on by MLM: every one of their weights belongs to the language from then on.

What is learnt is a change of what the hypernetwork writes, layer by layer, and the same for every task: MLM reads
``H(mlm, language) + C``, part-of-speech tagging ``H(pos, language) + C``. MAD-G (Ansell et al. 2021) fine-tunes its
generated language adapters in the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from hyperx_cl.baselines.course import Course, Learning, Learnt
from hyperx_cl.data.batches import Batch
from hyperx_cl.data.encode import Encoded
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_score
from hyperx_cl.train.masked_draw import MaskedDraw
from hyperx_cl.train.proof import frozen


class Direct(nn.Module):
    """The change of all generated adapters; it starts as none.

    Args:
        model: Gives the shape: ``L`` layers of ``g`` generated weights.
    """

    def __init__(self, model: HyperX) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(model.shape.layers, model.shape.generated, device=model.device))

    @property
    def numbers(self) -> int:
        """How many numbers belong to the language."""
        return self.change.numel()

    @contextmanager
    def acting(self, model: HyperX) -> Iterator[None]:
        """Let it act on everything that the model writes meanwhile, whatever the language."""

        def add(_generator: nn.Module, _source: Any, written: Tensor) -> Tensor:
            return written + self.change  # (S, L, g) + (L, g)

        handle = model.hypernetwork.generator.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()


def learn_direct(
    model: HyperX, direct: Direct, code: str, train: Sequence[Encoded], stop: Sequence[Batch], course: Course, *,
    max_tokens: int = 800, mask_rate: float = 0.15, seed: int = 1,
) -> Learnt:  # fmt: skip
    """Learn a change by MLM; nothing else moves.

    Args:
        model: With the language, whose vector is what is written from.
        direct: Is learnt; it need not act yet.
        code: The language.
        train: Its text, of `Encoder.text`.
        stop: Of `masked_batches`, from other text of the language.
        course: How long and how fast.
        max_tokens: Rows times longest row of a batch.
        mask_rate: Share of the pieces that MLM asks for.
        seed: Of the order and the masks.

    Raises:
        ConflictError: The checkpoint belongs to another language, model or set of options.
        DataError: The checkpoint is damaged.
    """
    draw = MaskedDraw(
        code, train, model.tokenizer_for(code), max_tokens=max_tokens, mask_rate=mask_rate, seed=seed,
        device=model.device,
    )  # fmt: skip
    told = {"max_tokens": max_tokens, "mask_rate": mask_rate, "seed": seed, "lines": len(train)}
    configuration = {"language": code, "model": model.fingerprint()} | course.settings | told
    with frozen(model, seed=seed), direct.acting(model):
        learning = Learning(
            model, dict(direct.named_parameters()), draw, draw.sampler, course, configuration, f"{code}: stop loss"
        )
        return learning.run(lambda: masked_score(model, stop).loss, first=True)
