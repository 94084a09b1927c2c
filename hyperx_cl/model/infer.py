"""Running a model without training it: labels for words, loss and accuracy on masked text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from hyperx_cl.data.batches import Batch, Pair, collate, evaluation_batches, join
from hyperx_cl.data.encode import Encoded
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.model.hyperx import HyperX

MAX_TOKENS = {"cpu": 1024, "cuda": 16_384}
"""Rows times longest row of a batch. A CPU is a third faster at 1024 than at 4096, where states leave its cache."""

MAX_LENGTH = 256
"""Longest window in pieces, special ones included: what the paper read at most."""

Group = tuple[Pair, list[int]]
"""Windows of one pair, by index, that go through the model together."""

Made = TypeVar("Made")


class Views(Generic[Made]):
    """What is made of the tokenizer that each language is read with; languages that share one share it.

    Args:
        model: A model that has the languages.
        make: What makes it, such as an `Encoder`.
    """

    def __init__(self, model: HyperX, make: Callable[[Any], Made]) -> None:
        self._model, self._make = model, make
        self._made: dict[Any, Made] = {}

    def __getitem__(self, code: str) -> Made:
        """What belongs to a language."""
        tokenizer = self._model.tokenizer_for(code)
        if tokenizer not in self._made:
            self._made[tokenizer] = self._make(tokenizer)
        return self._made[tokenizer]


@dataclass(frozen=True)
class MaskedScore:
    """Scores on masked text.

    Args:
        loss: Mean negative log likelihood of a masked piece, nats.
        accuracy: Share of masked pieces that were guessed, 0 to 1.
        pieces: Masked pieces scored.
    """

    loss: float
    accuracy: float
    pieces: int


def window_length(model: HyperX) -> int:
    """The longest window to read with, in pieces: `MAX_LENGTH`, or what the backbone has positions for."""
    longest = model.backbone.longest
    return MAX_LENGTH if longest is None else min(MAX_LENGTH, longest)


@contextmanager
def inference(model: HyperX) -> Iterator[None]:
    """No gradients, no dropout, every pair's adapters written once; training goes on afterwards as before."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), model.cached_adapters():
            yield
    finally:
        model.train(training)


def label_ids(model: HyperX, pair: Pair, encoded: Sequence[Encoded], *, sentences: int) -> list[npt.NDArray[np.int64]]:
    """Label every word of one pair's sentences.

    Args:
        model: A model that has the pair's task and language.
        pair: Task and language of them all.
        encoded: All windows of the sentences.
        sentences: How many sentences they came from.

    Returns:
        One int64 array a sentence, with the label id of each of its words.
    """
    return label_pairs(model, {pair: encoded}, sentences={pair: sentences})[pair]


def label_pairs(
    model: HyperX, encoded: Mapping[Pair, Sequence[Encoded]], *, sentences: Mapping[Pair, int]
) -> dict[Pair, list[npt.NDArray[np.int64]]]:
    """Label every word of several pairs; what fills no batch of its own pair shares one with other pairs.

    Args:
        model: A model that has the pairs' tasks and languages.
        encoded: All windows of each pair's sentences.
        sentences: How many sentences each pair's windows came from.

    Returns:
        For each pair one int64 array a sentence, with the label id of each of its words.
    """
    found: dict[Pair, list[list[tuple[int, npt.NDArray[np.int64]]]]] = {
        pair: [[] for _ in range(sentences[pair])] for pair in encoded
    }
    pad_id = int(model.tokenizer.pad_token_id)
    with inference(model):
        for groups in _shared_batches(encoded, MAX_TOKENS.get(model.device.type, 4096)):
            rows = [(pair, [encoded[pair][i] for i in indices]) for pair, indices in groups]
            batch = join([collate(windows, pair, pad_id=pad_id) for pair, windows in rows], pad_id)
            for (pair, windows), scores in zip(rows, model(batch.to(model.device)).logits, strict=True):
                ends = np.cumsum([len(window.first) for window in windows])[:-1]
                for window, best in zip(windows, np.split(scores.argmax(-1).cpu().numpy(), ends), strict=True):
                    found[pair][window.sentence].append((window.start, best))
    return {pair: [_in_order(parts) for parts in texts] for pair, texts in found.items()}


def word_probabilities(model: HyperX, pair: Pair, encoded: Sequence[Encoded]) -> list[npt.NDArray[np.float32]]:
    """How probable the model finds each label for each word.

    Args:
        model: A model that has the pair's task and language.
        pair: Task and language of them all.
        encoded: Windows of sentences.

    Returns:
        One float32 array of shape [word, label] a window; a row sums to 1.
    """
    found: dict[int, npt.NDArray[np.float32]] = {}
    pad_id = int(model.tokenizer.pad_token_id)
    with inference(model):
        for indices in evaluation_batches(encoded, MAX_TOKENS.get(model.device.type, 4096)):
            batch = collate([encoded[i] for i in indices], pair, pad_id=pad_id)
            beliefs = model(batch.to(model.device)).logits[0].float().softmax(-1).cpu().numpy()
            ends = np.cumsum([len(encoded[i].first) for i in indices])[:-1]
            found |= dict(zip(indices, np.split(beliefs, ends), strict=True))
    return [found[i] for i in range(len(encoded))]


def masked_batches(
    model: HyperX, language: str, encoded: Sequence[Encoded], *, seed: int, rate: float = 0.15, max_tokens: int = 2048
) -> list[Batch]:
    """Mask text once and for all, so that every vector is scored on the same masks.

    Args:
        model: Gives tokenizer and device.
        language: Whose text it is.
        encoded: Of `Encoder.text`, with the language's own tokenizer.
        seed: Of the masks.
        rate: Share of pieces masked.
        max_tokens: Rows times longest row of a batch.

    Returns:
        Batches whose rows are the windows in the order of `evaluation_batches`.
    """
    vocabulary, pair = Vocabulary.of(model.tokenizer_for(language)), Pair("mlm", language)
    return [
        mask_tokens([encoded[i] for i in indices], pair, vocabulary, mask_generator(seed, k), rate=rate).to(
            model.device
        )
        for k, indices in enumerate(evaluation_batches(encoded, max_tokens))
    ]


def masked_score(model: HyperX, batches: Sequence[Batch]) -> MaskedScore:
    """Loss and accuracy over masked batches, each masked piece counting alike."""
    loss = right = pieces = 0.0
    with inference(model):
        for batch in batches:
            losses, guessed = _masked(model, batch)
            loss, right, pieces = loss + float(losses.sum()), right + float(guessed.sum()), pieces + len(losses)
    return MaskedScore(loss / max(pieces, 1), right / max(pieces, 1), int(pieces))


def masked_rows(model: HyperX, batches: Sequence[Batch]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Loss of every row of masked batches.

    Args:
        model: A model that has the batches' language.
        batches: Of `masked_batches`.

    Returns:
        Summed negative log likelihood (nats), float64, and masked pieces, int64, both of shape [rows of all batches].
    """
    nats: list[npt.NDArray[np.float64]] = [np.zeros(0)]
    pieces: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    with inference(model):
        for batch in batches:
            rows = batch.wanted.nonzero()[:, 0].cpu().numpy()
            losses = _masked(model, batch)[0].cpu().double().numpy()
            nats.append(np.bincount(rows, losses, minlength=batch.rows).astype(np.float64))
            pieces.append(np.bincount(rows, minlength=batch.rows))
    return np.concatenate(nats), np.concatenate(pieces)


def _shared_batches(encoded: Mapping[Pair, Sequence[Encoded]], max_tokens: int) -> Iterator[list[Group]]:
    """Yield full batches of one pair each, then the pairs' last ones joined as far as they fit.

    Each pair is in at most two kinds of batches, so that few sets of adapters are written.
    """
    rest: list[Group] = []
    for pair, windows in encoded.items():
        *full, last = [*evaluation_batches(windows, max_tokens)] or [[]]
        yield from ([(pair, indices)] for indices in full)
        if last:
            rest.append((pair, last))
    rest.sort(key=lambda group: -_width(group, encoded))
    batch: list[Group] = []
    for group in rest:
        rows = sum(len(indices) for _, indices in [*batch, group])
        if batch and rows * _width(batch[0], encoded) > max_tokens:
            yield batch
            batch = []
        batch.append(group)
    if batch:
        yield batch


def _width(group: Group, encoded: Mapping[Pair, Sequence[Encoded]]) -> int:
    pair, indices = group
    return max(len(encoded[pair][i]) for i in indices)


def _in_order(parts: list[tuple[int, npt.NDArray[np.int64]]]) -> npt.NDArray[np.int64]:
    """Put a sentence's windows one behind the other."""
    ordered = sorted(parts, key=lambda part: part[0])
    return np.concatenate([np.zeros(0, np.int64), *(best for _, best in ordered)])


def _masked(model: HyperX, batch: Batch) -> tuple[Tensor, Tensor]:
    """Negative log likelihood of each masked piece, ``(N,)``, and whether it was guessed."""
    assert batch.targets is not None
    logits = model(batch).logits  # as wide as each segment's language has pieces
    parts = [*zip(logits, batch.targets.split([len(scores) for scores in logits]), strict=True)]
    losses = [functional.cross_entropy(scores, gold, reduction="none") for scores, gold in parts]
    return torch.cat(losses), torch.cat([scores.argmax(-1) == gold for scores, gold in parts])
