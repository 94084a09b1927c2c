"""Gradient checkpointing: layers are computed anew in the backward pass instead of being kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def recomputed(layers: Sequence[nn.Module], acting: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """What runs in here keeps each layer's input alone; the backward pass computes the layer once more.

    transformers' own switch would act on every model that shares the backbone, and its layers would be computed anew
    without the adapters of the batch, which are gone by then.

    Args:
        layers: Of the backbone.
        acting: Puts the adapters of this batch back while a layer is computed anew.
    """
    for layer in layers:
        layer.forward = partial(
            checkpoint, layer.forward, use_reentrant=False, context_fn=lambda: (nullcontext(), acting())
        )
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is below
