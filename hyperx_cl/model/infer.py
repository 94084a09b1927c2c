"""Running a model without training it: labels for words, loss and accuracy on masked text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from hyperx_cl.data.batches import Batch, Pair, collate, evaluation_batches
from hyperx_cl.data.encode import Encoded
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.model.hyperx import HyperX

MAX_TOKENS = 4096


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


def label_ids(model: HyperX, pair: Pair, encoded: Sequence[Encoded], *, sentences: int) -> list[np.ndarray]:
    """Label every word.

    Args:
        model: A model that has the pair's task and language.
        pair: Task and language of them all.
        encoded: All windows of the sentences.
        sentences: How many sentences they came from.

    Returns:
        One int64 array a sentence, with the label id of each of its words.
    """
    windows: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(sentences)]
    pad_id = model.tokenizer.pad_token_id
    with inference(model):
        for indices in evaluation_batches(encoded, MAX_TOKENS):
            rows = [encoded[i] for i in indices]
            batch = collate(rows, pair, pad_id=pad_id).to(model.device)
            best = model(batch).logits[0].argmax(-1).cpu().numpy()
            for row, found in zip(rows, np.split(best, np.cumsum([len(r.first) for r in rows])[:-1]), strict=True):
                windows[row.sentence].append((row.start, found))
    empty = np.zeros(0, np.int64)
    return [np.concatenate([empty, *(found for _, found in sorted(w, key=lambda x: x[0]))]) for w in windows]


def masked_batches(
    model: HyperX, language: str, encoded: Sequence[Encoded], *, seed: int, rate: float = 0.15, max_tokens: int = 2048
) -> list[Batch]:
    """Mask text once and for all, so that every vector is scored on the same masks.

    Args:
        model: Gives tokenizer and device.
        language: Whose text it is.
        encoded: Of `Encoder.text`.
        seed: Of the masks.
        rate: Share of pieces masked.
        max_tokens: Rows times longest row of a batch.
    """
    vocabulary, pair = Vocabulary.of(model.tokenizer), Pair("mlm", language)
    return [
        mask_tokens([encoded[i] for i in indices], pair, vocabulary, mask_generator(seed, k), rate=rate).to(model.device)
        for k, indices in enumerate(evaluation_batches(encoded, max_tokens))
    ]


def masked_score(model: HyperX, batches: Sequence[Batch]) -> MaskedScore:
    """Loss and accuracy over masked batches, each masked piece counting alike."""
    loss = right = pieces = 0.0
    with inference(model):
        for batch in batches:
            scores = torch.cat(model(batch).logits)
            assert batch.targets is not None
            loss += float(functional.cross_entropy(scores, batch.targets, reduction="sum"))
            right += float((scores.argmax(-1) == batch.targets).sum())
            pieces += len(batch.targets)
    return MaskedScore(loss / max(pieces, 1), right / max(pieces, 1), int(pieces))
