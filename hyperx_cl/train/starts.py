"""Where a new language's vector may start: the nearest stored language, a learnt mixture of them, their mean."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from hyperx_cl.data.batches import Batch
from hyperx_cl.errors import UsageError
from hyperx_cl.model.adapter import Part, PartWeights
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_score
from hyperx_cl.model.language import PART_NAMES, Language, Slot
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.memory import Memory

MIXTURE_RATE = 0.1


class Mixture(nn.Module):
    """An embedding that is a convex mixture of stored ones; stands in a `Slot`'s place while its weights are learnt.

    Args:
        embeddings: The stored ones, ``(K, d)``.
    """

    def __init__(self, embeddings: Tensor) -> None:
        super().__init__()
        self.stored = embeddings.detach()
        self.logits = nn.Parameter(torch.zeros(len(embeddings), device=embeddings.device))

    @property
    def embedding(self) -> Tensor:
        """The mixture, ``(d,)``: it stays inside the hull of what the hypernetwork has met."""
        return torch.softmax(self.logits, 0) @ self.stored

    def part_weights(self, layer: int, dtype: torch.dtype) -> list[PartWeights]:
        """A mixture has no part."""
        return []


@dataclass(frozen=True)
class Start:
    """One place to start from.

    Args:
        name: ``nearest: tr``, ``mixture`` or ``mean``.
        slot: Its embedding, and its part if it has one.
    """

    name: str
    slot: Slot


def candidates_for(model: HyperX, code: str) -> list[str]:
    """The stored languages that a new one may start from.

    Raises:
        UsageError: The model has no MLM task, or no base language but the new one.
    """
    if "mlm" not in model.tasks:
        raise UsageError("This model was trained without mlm, so it cannot learn from text; train one with --mlm.")
    candidates = [other for other in model.languages() if other != code]
    if not [other for other in model.base if other != code]:
        raise UsageError("The model has no other language to start from; train one on several.")
    return candidates


def place(model: HyperX, code: str, slot: nn.Module) -> None:
    """Let `code` run with that slot, and with the token patch and the shift that it was added with, if any."""
    known = model.added[code] if code in model.added else None
    patch, shift = (known.patch, known.shift) if known is not None else (None, None)
    model.added[code] = Language(cast(Slot, slot), patch, shift).to(model.device)  # a `Mixture` can stand for a slot


def loss_with(model: HyperX, code: str, slot: nn.Module, batches: Sequence[Batch]) -> float:
    """MLM loss of `code`'s text with that slot, nats per masked piece."""
    place(model, code, slot)
    return masked_score(model, batches).loss


def nearest(model: HyperX, code: str, candidates: Sequence[str], batches: Sequence[Batch]) -> Start:
    """Screen all stored languages by the loss of their vectors (and parts) on the new text, forward only."""
    slots = {other: copy.deepcopy(model.language(other).own) for other in candidates}
    losses = {other: loss_with(model, code, slot, batches) for other, slot in slots.items()}
    best = min(losses, key=lambda other: (losses[other], other))
    return Start(f"nearest: {best}", slots[best])


def mean(model: HyperX, candidates: Sequence[str]) -> Start:
    """The mean of stored embeddings; of their parts too, where all have one of equal shape."""
    slots = [model.language(other).own for other in candidates]
    average = Slot(torch.stack([slot.embedding.detach() for slot in slots]).mean(0))
    parts = [slot.part for slot in slots if slot.part is not None]
    if len(parts) == len(slots) and len({part.down.shape for part in parts}) == 1:
        average.part = copy.deepcopy(parts[0])
        for name in PART_NAMES:
            getattr(average.part, name).data = torch.stack([getattr(p, name).detach() for p in parts]).mean(0)
    return Start("mean", average)


def mixture(
    model: HyperX, code: str, candidates: Sequence[str], draw: Callable[[], Batch], steps: int,
    memory: Memory | None = None,
) -> tuple[Start, int]:  # fmt: skip
    """Learn the weights of a mixture of stored embeddings by MLM.

    Returns:
        The start, and the tokens that were read for it.
    """
    mixed = Mixture(torch.stack([model.language(other).own.embedding.detach() for other in candidates]))
    place(model, code, mixed)
    schedule = Schedule(steps, warmup=0, final=0.1)
    loop = Loop(model, [Group([mixed.logits], MIXTURE_RATE)], draw, schedule, memory=memory)
    for _ in loop:
        pass
    return Start("mixture", Slot(mixed.embedding)), loop.tokens


def controls(model: HyperX, code: str, close: str, *, seed: int) -> dict[str, Slot]:
    """What a learnt language is compared with, none of which has learnt anything from its text.

    Args:
        model: The model.
        code: The new language, left out of the mean.
        close: The nearest stored language.
        seed: Of the random vector.

    Returns:
        ``random`` N(0, 1), ``zero``, the ``mean`` of the base languages, and the ``nearest`` language's own.
    """
    size = model.options.embedding
    return {
        "random": Slot(torch.randn(size, generator=torch.Generator().manual_seed(seed))),
        "zero": Slot(torch.zeros(size)),
        "mean": mean(model, [other for other in model.base if other != code]).slot,
        "nearest": copy.deepcopy(model.language(close).own),
    }


def with_part(model: HyperX, slot: Slot, rank: int, layers: int | None = None) -> Slot:
    """A copy of a slot to learn on: its own part where that has the shape, one that changes nothing yet where not.

    Args:
        model: The model.
        slot: Not changed.
        rank: Of the part; 0 for none.
        layers: Lowest layers that the part acts in; all by default.
    """
    part: Part | None = None
    if rank:
        own, layers = slot.part, layers or model.shape.layers
        fits = own is not None and own.down.shape[:2] == (layers, rank)
        part = copy.deepcopy(own) if fits else Part(layers, model.shape.hidden, rank)
    return Slot(slot.embedding, part).to(model.device).requires_grad_(True)  # a copied part may come from a frozen one
