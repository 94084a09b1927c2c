"""What belongs to one language inside a model: its embedding, part, shift and token patch, and what its pairs carry."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.model.adapter import Part, PartWeights
from hyperx_cl.model.shift import Shift
from hyperx_cl.model.table import Table
from hyperx_cl.model.tokenpatch import Patch

PART_NAMES = ("down", "down_bias", "up")
PATCH_NAMES = ("embeddings", "bias")
SHIFT_NAMES = ("ids", "factors", "basis")


class Slot(nn.Module):
    """An embedding and an optional part: what a language has, and what a pair may have beside it.

    Args:
        embedding: Starting values, ``(d,)``.
        part: The part, or ``None``.
    """

    def __init__(self, embedding: Tensor, part: Part | None = None) -> None:
        super().__init__()
        self.embedding = nn.Parameter(embedding.detach().clone().float())
        self.part = part

    def part_weights(self, layer: int, dtype: torch.dtype) -> list[PartWeights]:
        """That layer of the part in the type the backbone runs in; empty without a part, and above its layers."""
        if self.part is None or layer >= len(self.part.down):
            return []
        return [(self.part.down[layer].to(dtype), self.part.down_bias[layer].to(dtype), self.part.up[layer].to(dtype))]


class Language(nn.Module):
    """A language's own slot, its token patch and shift, and the slots of its pairs.

    Args:
        own: The language's embedding and part.
        patch: The pieces that it has beside the backbone's vocabulary, if any.
        shift: How it reads some of the backbone's own, if otherwise.
    """

    def __init__(self, own: Slot, patch: Patch | None = None, shift: Shift | None = None) -> None:
        super().__init__()
        self.own = own
        self.patch, self.shift = patch, shift
        self.pairs: Table[Slot] = Table()  # by task

    @property
    def pieces(self) -> tuple[str, ...]:
        """The pieces of its token patch."""
        return self.patch.pieces if self.patch is not None else ()

    def embedding(self, task: str) -> Tensor:
        """The vector the hypernetwork reads for that task: the pair's where there is one, ``(d,)``."""
        slot = self.pairs[task] if task in self.pairs else self.own
        return slot.embedding

    def slots(self, task: str) -> list[Slot]:
        """The slots whose parts act for that task: the language's, then the pair's."""
        return [self.own, self.pairs[task]] if task in self.pairs else [self.own]

    def tensors(self) -> dict[str, np.ndarray]:
        """Everything under the names of a language record, fp32."""
        out = _slot_tensors("", self.own)
        for task in self.pairs:
            out |= _slot_tensors(f"pair.{task}.", self.pairs[task])
        if self.patch is not None:
            out |= _arrays({f"patch.{name}": getattr(self.patch, name) for name in PATCH_NAMES})
        if self.shift is not None:
            out |= _arrays({f"shift.{name}": getattr(self.shift, name) for name in SHIFT_NAMES})
        return out

    @classmethod
    def from_record(cls, record: LanguageRecord) -> Self:
        """Build the language a record describes."""
        patch = None
        if record.pieces:
            patch = Patch(record.pieces, *(torch.tensor(record.tensors[f"patch.{name}"]) for name in PATCH_NAMES))
        language = cls(_slot_from(record, ""), patch, _shift_from(record))
        for task in record.tasks:
            language.pairs[task] = _slot_from(record, f"pair.{task}.")
        return language


def _slot_tensors(prefix: str, slot: Slot) -> dict[str, np.ndarray]:
    out: dict[str, Tensor] = {f"{prefix}embedding": slot.embedding}
    if slot.part is not None:
        out |= {f"{prefix}part.{name}": getattr(slot.part, name) for name in PART_NAMES}
    return _arrays(out)


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.detach().cpu().float().numpy().copy() for name, value in tensors.items()}


def _shift_from(record: LanguageRecord) -> Shift | None:
    if "shift.ids" not in record.tensors:
        return None
    ids, factors, basis = (torch.tensor(record.tensors[f"shift.{name}"]) for name in SHIFT_NAMES)
    shift = Shift(ids, basis.shape[1], basis.shape[0])
    shift.factors.data.copy_(factors)
    shift.basis.data.copy_(basis)
    return shift


def _slot_from(record: LanguageRecord, prefix: str) -> Slot:
    part = None
    if f"{prefix}part.down" in record.tensors:
        layers, rank, hidden = record.tensors[f"{prefix}part.down"].shape
        part = Part(layers, hidden, rank)
        for name in PART_NAMES:
            getattr(part, name).data.copy_(torch.tensor(record.tensors[f"{prefix}part.{name}"]))
    return Slot(torch.tensor(record.tensors[f"{prefix}embedding"]), part)
