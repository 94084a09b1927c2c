"""Masking for MLM: fresh masks at every reading of a line, none ever replayed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedTokenizerBase

from hyperx_cl.data.batches import Batch, Pair, Segment, padded, sentences_of, to_batch
from hyperx_cl.data.encode import Encoded

_STREAM = 0x6D61736B  # keeps these draws apart from the sampler's under the same seed


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """What masking needs to know of a tokenizer.

    Attributes:
        pad_id: Token id of the padding.
        mask_id: Token id of the mask.
        special: True at the ids that are never masked and never put in, the unknown token among them, bool [V].
        ordinary: All other ids, int64.
    """

    pad_id: int
    mask_id: int
    special: npt.NDArray[np.bool_]
    ordinary: npt.NDArray[np.int64]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "Vocabulary":
        """Read a tokenizer's padding, mask and special tokens."""
        known = np.unique(list(tokenizer.get_vocab().values()))
        special = np.zeros(1 + known[-1], bool)
        special[tokenizer.all_special_ids] = True
        special[[index for index, token in tokenizer.added_tokens_decoder.items() if token.special]] = True
        # Some vocabularies have gaps, and what is put in must exist.
        ordinary = known[~special[known]].astype(np.int64)
        return cls(int(tokenizer.pad_token_id), int(tokenizer.mask_token_id), special, ordinary)


def mask_generator(seed: int, number: int) -> np.random.Generator:
    """Make the random generator of one micro-batch, the same after a resume and on any number of processes.

    Args:
        seed: The run's seed, at least 0.
        number: The micro-batch's number in the whole run, at least 0: as it never comes twice, no mask does.
    """
    return np.random.default_rng([_STREAM, seed, number])


def mask_tokens(
    examples: Sequence[Encoded], pair: Pair, vocabulary: Vocabulary, rng: np.random.Generator, *, rate: float = 0.15
) -> Batch:
    """Make an MLM batch: of the chosen pieces 80 % become the mask, 10 % another piece and 10 % stay (BERT, §3.1).

    Args:
        examples: At least one, of `Encoder.text`.
        pair: ``mlm`` and the language.
        vocabulary: Of the tokenizer that encoded them.
        rng: Drawn from here alone; see `mask_generator`.
        rate: Share of the ordinary pieces that are chosen, in (0, 1]. At least one is in any batch.

    Returns:
        A batch that wants exactly the chosen positions, with the original token ids as targets.

    Raises:
        ValueError: Where no example has an ordinary piece.
    """
    ids, attention = padded(examples, vocabulary.pad_id)
    positions = np.flatnonzero(~vocabulary.special[ids] & (attention == 1))
    if not len(positions):
        raise ValueError("there is nothing to mask in this batch")
    chosen = positions[rng.random(len(positions)) < rate]
    if not len(chosen):
        chosen = positions[rng.integers(len(positions), size=1)]
    flat = ids.reshape(-1)
    targets = flat[chosen]
    dice = rng.random(len(chosen))
    flat[chosen[dice < 0.8]] = vocabulary.mask_id
    swapped = chosen[dice >= 0.9]
    flat[swapped] = vocabulary.ordinary[rng.integers(len(vocabulary.ordinary), size=len(swapped))]
    wanted = np.zeros(ids.shape, bool)
    wanted.reshape(-1)[chosen] = True
    segments, sentences = [Segment(pair, len(examples))], sentences_of(examples)
    return to_batch(ids, attention, wanted, targets, segments, sentences)
