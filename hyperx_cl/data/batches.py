"""Batches of tensors: padded token ids, the positions that are asked for, and their targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hyperx_cl.data.encode import IGNORED, Encoded
from hyperx_cl.data.packing import pack


class Pair(NamedTuple):
    """A task in a language."""

    task: str
    language: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of a batch, next to each other, that belong to one pair.

    Attributes:
        pair: Task and language.
        rows: How many.
    """

    pair: Pair
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What the model is given; rows of one pair stand together.

    Attributes:
        input_ids: int64 [B, T], padded on the right.
        attention_mask: int64 [B, T], 1 at real tokens.
        wanted: bool [B, T], True at the N positions whose output is asked for, read row by row.
        targets: int64 [N] (label or token ids, -100 where not to be learnt), or None where there are no labels.
        segments: Which rows belong to which pair; their `rows` add up to B.
        sentences: Which sentence of its pair's data each row is of, from 0; empty where nobody has kept it.
    """

    input_ids: Tensor
    attention_mask: Tensor
    wanted: Tensor
    targets: Tensor | None
    segments: list[Segment]
    sentences: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Number of examples, B."""
        return int(self.input_ids.shape[0])

    @property
    def tokens(self) -> int:
        """Real tokens, padding left out."""
        return int(self.attention_mask.sum())

    def to(self, device: torch.device | str) -> "Batch":
        """Copy the tensors to a device."""
        ahead = torch.device(device).type == "cuda"  # elsewhere a copy that nobody waits for may come too late
        targets = None if self.targets is None else self.targets.to(device, non_blocking=ahead)
        ids, mask, wanted = (
            tensor.to(device, non_blocking=ahead) for tensor in (self.input_ids, self.attention_mask, self.wanted)
        )
        return Batch(ids, mask, wanted, targets, self.segments, self.sentences)

    def cut(self, rows: int) -> "list[tuple[Batch, float]]":
        """Cut a batch of one pair into pieces that are run one after another, to the same end.

        Args:
            rows: At most so many in a piece, at least 1.

        Returns:
            The pieces that have targets, and the share of all targets that each has: the sum of their losses, each
            times its share, is the loss of the whole batch.
        """
        assert self.targets is not None and len(self.segments) == 1
        (segment,), counts = self.segments, self.wanted.sum(1).split(rows)
        targets = self.targets.split([int(count.sum()) for count in counts])
        learnt = [int((piece != IGNORED).sum()) for piece in targets]
        columns = (self.input_ids.split(rows), self.attention_mask.split(rows), self.wanted.split(rows), targets)
        pieces = [
            Batch(*tensors, [Segment(segment.pair, len(tensors[0]))], self.sentences[k * rows : (k + 1) * rows])
            for k, tensors in enumerate(zip(*columns, strict=True))
        ]
        every = max(sum(learnt), 1)
        return [(piece, count / every) for piece, count in zip(pieces, learnt, strict=True) if count]


def collate(examples: Sequence[Encoded], pair: Pair, *, pad_id: int) -> Batch:
    """Make a batch of examples of one pair.

    Args:
        examples: At least one; either all have labels or none has.
        pair: The task and language of them all.
        pad_id: Token id to fill up with.

    Returns:
        A batch in which each word's labelled position is wanted, in the order of rows and words.

    Raises:
        ValueError: Where some examples have labels and some have not.
    """
    ids, mask = padded(examples, pad_id)
    wanted = np.zeros(ids.shape, bool)
    for row, example in enumerate(examples):
        wanted[row, example.first] = True
    counts = [len(example.labels) for example in examples]
    if counts != [len(example.first) for example in examples] and any(counts):
        raise ValueError("some examples of a batch have labels and some have not")
    targets = np.concatenate([example.labels for example in examples]) if any(counts) else None
    return to_batch(ids, mask, wanted, targets, [Segment(pair, len(examples))], sentences_of(examples))


def join(batches: Sequence[Batch], pad_id: int) -> Batch:
    """Put batches under one another, so that one forward pass serves several pairs.

    Args:
        batches: At least one, of any widths.
        pad_id: Token id to widen the narrow ones with.

    Returns:
        A batch as wide as the widest. Where only some have targets, the others' are -100; where none has, None.
    """
    width = max(batch.input_ids.shape[1] for batch in batches)

    def widened(name: str, value: int) -> Tensor:
        tensors: list[Tensor] = [getattr(batch, name) for batch in batches]
        grown = [torch.nn.functional.pad(t, (0, width - t.shape[1]), value=value) for t in tensors]
        return torch.cat(grown)

    segments = [segment for batch in batches for segment in batch.segments]
    sentences = tuple(sentence for batch in batches for sentence in batch.sentences)
    return Batch(
        widened("input_ids", pad_id), widened("attention_mask", 0), widened("wanted", 0), _targets(batches), segments,
        sentences,
    )  # fmt: skip


def evaluation_batches(examples: Sequence[Encoded], max_tokens: int) -> Iterator[list[int]]:
    """Group examples by length for evaluation, longest first, so that memory runs out at once or never.

    Args:
        examples: Any number.
        max_tokens: Rows times longest row of a batch; a longer example stands alone.

    Yields:
        Indices into `examples`, each exactly once.
    """
    lengths = [len(example) for example in examples]
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    yield from pack(order, lengths, max_tokens)


def padded(examples: Sequence[Encoded], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Pad the token ids on the right: ids and attention mask, int64 [B, T]."""
    width = max(len(example) for example in examples)
    ids = np.full((len(examples), width), pad_id, np.int64)
    mask = np.zeros((len(examples), width), np.int64)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = example.ids
        mask[row, : len(example)] = 1
    return ids, mask


def sentences_of(examples: Sequence[Encoded]) -> tuple[int, ...]:
    """Which sentence each example is of, from 0."""
    return tuple(int(example.sentence) for example in examples)


def to_batch(
    ids: np.ndarray, mask: np.ndarray, wanted: np.ndarray, targets: np.ndarray | None, segments: list[Segment],
    sentences: tuple[int, ...] = (),
) -> Batch:  # fmt: skip
    """Turn arrays into a batch of tensors."""
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(mask),
        torch.from_numpy(wanted),
        None if targets is None else torch.from_numpy(targets.astype(np.int64)),
        segments,
        sentences,
    )


def _targets(batches: Sequence[Batch]) -> Tensor | None:
    if all(batch.targets is None for batch in batches):
        return None
    return torch.cat(
        [
            torch.full((int(batch.wanted.sum()),), IGNORED) if batch.targets is None else batch.targets
            for batch in batches
        ]
    )
