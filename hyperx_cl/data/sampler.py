"""Which pair comes next, and which of its examples: temperature sampling, exactly resumable."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.packing import pack
from hyperx_cl.errors import ConflictError, DataError, UsageError

_BLOCK = 4096
_PICKS, _ORDERS = 0, 1


class PairSampler:
    """An endless iterator of micro-batches: a pair and the indices of some of its examples.

    Pair i is drawn with a probability proportional to n_i^(1/T), n_i its number of examples (Hyper-X §3: T = 5). Each
    pair's examples come in a fresh order every epoch of that pair, grouped by length, and every one comes once an
    epoch. The whole sequence follows from the arguments, and costs no tensor: other processes' turns are skipped by
    drawing them.

    Args:
        lengths: Tokens of every example of every pair.
        max_tokens: Rows times longest row of a micro-batch, at most.
        seed: At least 0.
        temperature: T, at least 1; 1 draws in proportion to size, a large T evenly.
        shares: Share of the micro-batches that some tasks get, in [0, 1]; the other tasks divide the rest.
        max_rows: Most examples in a micro-batch, or None.

    Raises:
        DataError: For a pair without examples.
        UsageError: For options out of range or an example that is longer than `max_tokens`.
    """

    def __init__(
        self,
        lengths: Mapping[Pair, Sequence[int]],
        *,
        max_tokens: int,
        seed: int,
        temperature: float = 5.0,
        shares: Mapping[str, float] | None = None,
        max_rows: int | None = None,
    ) -> None:
        """Sort the pairs, so that the order in which they are given changes nothing."""
        _check_lengths(lengths, max_tokens)
        self.pairs: tuple[Pair, ...] = tuple(sorted(lengths))
        self._lengths = [np.asarray(lengths[pair], np.int64) for pair in self.pairs]
        sizes = {pair: len(lengths[pair]) for pair in self.pairs}
        self.probabilities = pair_probabilities(sizes, temperature=temperature, shares=shares)
        self._edges = np.cumsum([self.probabilities[pair] for pair in self.pairs])
        self._seed, self._max_tokens, self._max_rows = seed, max_tokens, max_rows
        self._number = 0
        self._epochs = [0] * len(self.pairs)
        self._positions = [0] * len(self.pairs)
        self._orders: list[tuple[int, list[list[int]]] | None] = [None] * len(self.pairs)
        self._picks: tuple[int, list[int]] | None = None

    @property
    def number(self) -> int:
        """How many micro-batches were drawn so far: the number of the next one."""
        return self._number

    def __iter__(self) -> Iterator[tuple[Pair, list[int]]]:
        """Go on from where it stands."""
        return self

    def __next__(self) -> tuple[Pair, list[int]]:
        """Draw the next micro-batch: its pair and at least one index into that pair's examples."""
        which = self._pick(self._number)
        order = self._order(which)
        indices = order[self._positions[which]]
        self._number += 1
        self._positions[which] += 1
        if self._positions[which] == len(order):
            self._positions[which] = 0
            self._epochs[which] += 1
        return self.pairs[which], indices

    def skip(self, count: int) -> None:
        """Leave out the next `count` micro-batches."""
        for _ in range(count):
            next(self)

    def take(self, rank: int, world: int) -> tuple[Pair, list[int]]:
        """Draw a turn of `world` micro-batches and keep the one of process `rank` (its number: `number` + rank).

        All processes stand at the same number afterwards, so that one state serves them all.
        """
        self.skip(rank)
        mine = next(self)
        self.skip(world - rank - 1)
        return mine

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as JSON: a few numbers a pair."""
        pairs = [
            [*pair, epoch, position]
            for pair, epoch, position in zip(self.pairs, self._epochs, self._positions, strict=True)
        ]
        return {"data": self._digest(), "number": self._number, "pairs": pairs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another sampler with the same arguments stood.

        Raises:
            ConflictError: Where the state was kept with other data, seed or options.
        """
        if state["data"] != self._digest():
            raise ConflictError(
                "the checkpoint was made with other data, seed or sampling options: resume with the same ones, "
                "or start a new run"
            )
        self._number = int(state["number"])
        self._epochs = [int(row[2]) for row in state["pairs"]]
        self._positions = [int(row[3]) for row in state["pairs"]]

    def _pick(self, number: int) -> int:
        """Which pair micro-batch `number` belongs to: drawn in blocks that depend on the seed and number alone."""
        block, offset = divmod(number, _BLOCK)
        if self._picks is None or self._picks[0] != block:
            uniform = np.random.default_rng([self._seed, _PICKS, block]).random(_BLOCK)
            found = np.searchsorted(self._edges, uniform * self._edges[-1], side="right")
            self._picks = block, found.tolist()
        return self._picks[1][offset]

    def _order(self, which: int) -> list[list[int]]:
        """The micro-batches of a pair's present epoch."""
        epoch = self._epochs[which]
        kept = self._orders[which]
        if kept is None or kept[0] != epoch:
            rng = np.random.default_rng([self._seed, _ORDERS, *_key(self.pairs[which]), epoch])
            kept = epoch, _epoch_order(self._lengths[which], rng, self._max_tokens, self._max_rows)
            self._orders[which] = kept
        return kept[1]

    def _digest(self) -> str:
        options = [self._seed, self._max_tokens, self._max_rows, [float(edge) for edge in self._edges], self.pairs]
        digest = hashlib.sha256(json.dumps(options).encode())
        for lengths in self._lengths:
            digest.update(lengths.tobytes())
        return digest.hexdigest()[:16]


def pair_probabilities(
    sizes: Mapping[Pair, int], *, temperature: float = 5.0, shares: Mapping[str, float] | None = None
) -> dict[Pair, float]:
    """How often each pair is drawn.

    Args:
        sizes: Number of examples of every pair, each at least 1.
        temperature: T of p_i ∝ n_i^(1/T), at least 1.
        shares: Share of some tasks, in [0, 1], divided over each one's pairs by the same rule; the other tasks get
            the rest. Where every task is named they must add up to 1.

    Returns:
        Probabilities that add up to 1.

    Raises:
        UsageError: For a temperature below 1, a share of a task that has no data, or shares that do not add up.
    """
    if not temperature >= 1:
        raise UsageError(f"temperature {temperature} is below 1: use 1 (by size) or more (5 is the paper's)")
    tasks = {pair.task for pair in sizes}
    shares = dict(shares or {})
    _check_shares(shares, tasks)
    weights = {pair: float(size) ** (1 / temperature) for pair, size in sizes.items()}
    rest = 1 - sum(shares.values())
    total_of_rest = sum(weight for pair, weight in weights.items() if pair.task not in shares)
    total = {task: sum(w for pair, w in weights.items() if pair.task == task) for task in shares}
    probabilities = {
        pair: shares[pair.task] * weight / total[pair.task] if pair.task in shares else rest * weight / total_of_rest
        for pair, weight in weights.items()
    }
    return probabilities


def _check_shares(shares: Mapping[str, float], tasks: set[str]) -> None:
    for task, share in shares.items():
        if task not in tasks:
            raise UsageError(f"a share is given to task {task!r}, which has no data: the tasks are {sorted(tasks)}")
        if not 0 <= share <= 1:
            raise UsageError(f"the share of task {task!r} is {share}: give a number from 0 to 1")
    total = sum(shares.values())
    complete = set(shares) == tasks
    if total > 1 + 1e-9 or (complete and abs(total - 1) > 1e-9):
        raise UsageError(f"the shares of the tasks add up to {total:g}: make it 1")


def _check_lengths(lengths: Mapping[Pair, Sequence[int]], max_tokens: int) -> None:
    if not lengths:
        raise DataError("there is nothing to train on: give at least one task and language with data")
    for pair, values in lengths.items():
        if not len(values):
            raise DataError(f"{pair.task} in {pair.language!r} has no examples: leave the pair out or give it data")
        if max(values) > max_tokens:
            raise UsageError(
                f"the longest example of {pair.task} in {pair.language!r} has {max(values)} tokens but a micro-batch "
                f"only {max_tokens}: raise the token budget or lower the maximum length"
            )


def _epoch_order(
    lengths: npt.NDArray[np.int64], rng: np.random.Generator, max_tokens: int, max_rows: int | None
) -> list[list[int]]:
    """Group examples of about the same length, cut, and shuffle the micro-batches."""
    # The jitter gives every epoch other neighbours, at the price of 1 or 2 % more padding than a plain sort; a small
    # set has few examples of a length and needs more of it.
    jitter = min(0.3, max(0.03, 10 / len(lengths)))
    order = np.argsort(lengths * rng.uniform(1 - jitter, 1 + jitter, len(lengths)), kind="stable")
    batches = pack(order.tolist(), lengths.tolist(), max_tokens, max_rows)
    return [batches[index] for index in rng.permutation(len(batches))]


def _key(pair: Pair) -> list[int]:
    """A pair's name as numbers for the generator's seed."""
    return list(hashlib.blake2b("\t".join(pair).encode(), digest_size=16).digest())
