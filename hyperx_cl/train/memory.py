"""What one forward pass may hold: where memory runs out, less from then on, with the same batches in the same order."""

import gc
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch

from hyperx_cl.data.batches import Batch
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.progress import Reporter

_SAID = ("out of memory", "can't allocate memory", "cannot allocate memory")
"""What PyTorch says of memory that has run out, on a GPU and on a CPU."""


class Memory:
    """How many pieces go through a model at once.

    A batch that is too large is cut by rows, and the gradients of its pieces are added up. So which sentences a step
    learns from, and how they are masked, does not depend on the machine; only the rounding does.

    Attributes:
        limit: Padded pieces (rows times longest row) of one forward pass; None while whole batches go through.

    Args:
        halves: Whether to halve the limit where memory runs out, rather than to give up.
        say: Told of it.
    """

    def __init__(self, *, halves: bool = False, say: Callable[[str], None] | None = None) -> None:
        self.halves, self._say = halves, say
        self.limit: int | None = None

    @classmethod
    def of(cls, options: Any, reporter: Reporter) -> Self:
        """The memory of a run whose options have a `max_tokens`."""
        return cls(halves=options.max_tokens == "auto", say=reporter.say)

    def pieces(self, batch: Batch) -> list[tuple[Batch, float]]:
        """What goes through the model one after another, and the share of the batch's targets that each has."""
        width = batch.input_ids.shape[1]
        if self.limit is None or batch.rows * width <= self.limit or batch.rows == 1:
            return [(batch, 1.0)]
        return batch.cut(max(1, self.limit // width)) or [(batch, 1.0)]

    def halve(self, batches: Sequence[Batch]) -> None:
        """Let less go through at once.

        Args:
            batches: Those of the step in which memory ran out.

        Raises:
            HyperXError: It may not be halved, or is down to single rows.
        """
        largest = max(piece.input_ids.numel() for batch in batches for piece, _ in self.pieces(batch))
        if not self.halves:
            raise HyperXError(
                f"Memory ran out over a batch of {largest} pieces; lower --max-tokens, or let --max-tokens auto find "
                "out what fits."
            )
        if all(piece.rows == 1 for batch in batches for piece, _ in self.pieces(batch)):
            raise HyperXError(
                f"Memory ran out over a single row of {largest} pieces; lower --max-length, or use a smaller backbone."
            )
        self.limit = largest // 2
        if self._say:
            self._say(f"Memory ran out over {largest} pieces: from now on at most {self.limit} go through at once.")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory has run out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def free() -> None:
    """Give back what a forward pass that failed has left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
