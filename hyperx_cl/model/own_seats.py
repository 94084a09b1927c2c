"""Seats that a user names (``--adapter-site 'encoder.layer.{i}.output.dense'``), tried once before they are used."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hyperx_cl.errors import UsageError

PIECES = 4


def own_seats(encoder: nn.Module, site: str, *, layers: int, hidden: int, name: str) -> list[nn.Module]:
    """Find a user's seats, and see that each of them gives hidden states.

    Args:
        encoder: The backbone's encoder, with no model of ours at work in it.
        site: Module path with ``{i}`` for the layer's number.
        layers: ``L``.
        hidden: Hidden width, ``h``.
        name: Of the backbone, for messages.

    Returns:
        The modules, one a layer.

    Raises:
        UsageError: A layer has no such module, or its output is no tensor ``(B, T, h)``.
    """
    paths = [site.replace("{i}", str(layer)) for layer in range(layers)]
    modules = dict(encoder.named_modules())
    for path in paths:
        if path not in modules:
            raise UsageError(
                f"adapter_site '{site}' leads to '{path}', which the backbone {name} of {layers} layers does not have; "
                "give the module path of each layer's FFN output."
            )
    outputs = _outputs(encoder, [modules[path] for path in paths])
    for path, output in zip(paths, outputs, strict=True):
        if not isinstance(output, Tensor) or output.shape != (1, PIECES, hidden):
            raise UsageError(
                f"adapter_site '{site}' leads to '{path}', whose output is no tensor of the hidden width {hidden} for "
                "each piece; give the module path of each layer's FFN output."
            )
    return [modules[path] for path in paths]


def _outputs(encoder: nn.Module, modules: list[nn.Module]) -> list[Any]:
    """What modules give for a row of a few pieces; ``None`` from one that does not run."""
    found: list[Any] = [None] * len(modules)

    def keep(place: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            found[place] = output

        return hook

    handles = [module.register_forward_hook(keep(place)) for place, module in enumerate(modules)]
    device = next(encoder.parameters()).device
    ids = torch.arange(PIECES, device=device)[None]
    try:
        with torch.no_grad():
            encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for handle in handles:
            handle.remove()
    return found
