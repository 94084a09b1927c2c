"""Forward hooks: how adapters, LayerNorms and word embeddings of ours sit in a backbone without being part of it."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from hyperx_cl.model.adapter import apply_adapter
from hyperx_cl.model.hypernet import AdapterWeights
from hyperx_cl.model.language import Slot
from hyperx_cl.model.shift import Shift
from hyperx_cl.model.tokenpatch import OwnPieces

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX


class Active:
    """What acts on the batch that is running.

    Args:
        adapters: For each segment its ``L`` generated adapters.
        slots: For each segment the slots whose parts act.
        rows: Rows of each segment.
        own: Its pieces of token patches, if it has any.
        shifts: For each segment its language's shift, if it has one.
    """

    def __init__(
        self, adapters: list[list[AdapterWeights]], slots: list[list[Slot]], rows: list[int], own: OwnPieces | None,
        shifts: list[Shift | None],
    ) -> None:  # fmt: skip
        self.adapters, self.slots, self.rows, self.own, self.shifts = adapters, slots, rows, own, shifts

    def read(self, ids: Tensor, words: Tensor) -> Tensor:
        """What the segments' languages make of the word embeddings of pieces: ``(B, T)``, ``(B, T, e)``."""
        if self.own is not None:
            words = self.own.put_into(words)
        if all(shift is None for shift in self.shifts):
            return words
        return torch.cat([
            read if shift is None else read + shift.change(pieces).to(read.dtype)
            for pieces, read, shift in zip(ids.split(self.rows), words.split(self.rows), self.shifts, strict=True)
        ])  # fmt: skip

    def apply(self, states: Tensor, layer: int) -> Tensor:
        """Adapt the hidden states of a layer, ``(B, T, h)``, segment by segment."""
        adapted = [
            apply_adapter(z, self.adapters[i][layer], [w for slot in slots for w in slot.part_weights(layer, z.dtype)])
            for i, (z, slots) in enumerate(zip(states.split(self.rows), self.slots, strict=True))
        ]
        return adapted[0] if len(adapted) == 1 else torch.cat(adapted)


def seat_hooks(model: "HyperX") -> None:
    """Put a model's hooks into its backbone, where they do nothing unless `model.active` is set.

    They know the model weakly and go with it: one backbone may serve many models, one after the other.
    """
    me, handles = weakref.ref(model), []
    backbone, options = model.backbone, model.options
    handles.append(backbone.word_module.register_forward_hook(_word_hook(me)))
    handles += [module.register_forward_hook(_norm_hook(me, name)) for name, module in backbone.norms.items()]
    # After the norms' own hooks, for a seat may be a norm: hooks run in the order they came.
    sites = backbone.sites(options.placement, options.adapter_site)
    handles += [site.register_forward_hook(_adapter_hook(me, layer)) for layer, site in enumerate(sites)]
    weakref.finalize(model, _remove, handles)


def norm_key(name: str) -> str:
    """How our copy of the backbone's LayerNorm of that name is called: without dots."""
    return name.replace(".", "/")


def _word_hook(me: "weakref.ref[HyperX]") -> Callable[..., Tensor | None]:
    def hook(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        model = me()
        return None if model is None or model.active is None else model.active.read(inputs[0], output)

    return hook


def _adapter_hook(me: "weakref.ref[HyperX]", layer: int) -> Callable[..., Tensor | None]:
    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        model = me()
        return None if model is None or model.active is None else model.active.apply(output, layer)

    return hook


def _norm_hook(me: "weakref.ref[HyperX]", name: str) -> Callable[..., Tensor | None]:
    def hook(module: nn.LayerNorm, inputs: tuple[Tensor], _output: Tensor) -> Tensor | None:
        model = me()
        if model is None or model.active is None:
            return None
        own = model.norms[norm_key(name)]
        x, shape, eps = inputs[0], module.normalized_shape, module.eps
        # Our weights stay in fp32: bf16 would swallow the small steps that training takes from 1.
        if x.device.type == "cpu":  # takes bf16 states with fp32 weights as they are
            return functional.layer_norm(x, shape, own.weight, own.bias, eps)
        return functional.layer_norm(x.float(), shape, own.weight, own.bias, eps).to(x.dtype)

    return hook


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
