"""How a tokenizer cuts words: pieces a word, and the words in which it knows some piece not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import Sentence

_WHOLE = 1_000_000  # pieces: no sentence is longer, so each is one window


@dataclass(frozen=True, slots=True)
class Pieces:
    """Counts over the words of a test set.

    Attributes:
        words: Words.
        pieces: Their pieces, special tokens left out.
        unknown: Words with at least one unknown piece.
    """

    words: int
    pieces: int
    unknown: int

    @property
    def unknown_rate(self) -> float:
        """Share of words with an unknown piece, 0..1 (0 without words)."""
        return self.unknown / self.words if self.words else 0.0

    @property
    def per_word(self) -> float:
        """Mean number of pieces a word (0 without words)."""
        return self.pieces / self.words if self.words else 0.0


class PieceCounter:
    """Cuts sentences whole, without windows.

    Args:
        tokenizer: A fast transformers tokenizer.

    Raises:
        UsageError: It is a slow one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._encoder = Encoder(tokenizer, max_length=_WHOLE)
        self._frame: int = tokenizer.num_special_tokens_to_add(pair=False)
        self._unknown = tokenizer.unk_token_id

    def whole(self, sentences: Sequence[Sentence]) -> list[Encoded]:
        """Encode each sentence as one window, however long, without labels; those without words are left out."""
        return self._encoder.words(sentences, None)

    def count(self, sentences: Sequence[Sentence]) -> Pieces:
        """Count over all words of the sentences."""
        encoded = self.whole(sentences)
        # Up to the next word's labelled piece; a lone word marker that is counted to its neighbour is never unknown.
        unknown = (np.logical_or.reduceat(e.ids == self._unknown, e.first).sum() for e in encoded)
        return Pieces(
            words=sum(len(e.first) for e in encoded),
            pieces=sum(len(e) - self._frame for e in encoded),
            unknown=int(sum(unknown)),
        )


def cut(window: Encoded, length: int) -> Encoded:
    """Truncate a window as the paper's code does: pieces past `length` are lost, and with them the words there.

    Args:
        window: A whole sentence, ended by one special token.
        length: Pieces that are read, special ones included.

    Returns:
        The same window if it is short enough; else one in which `first` names only the words that begin in it.
    """
    if len(window) <= length:
        return window
    kept = window.first < length - 1
    ids = np.append(window.ids[: length - 1], window.ids[-1])
    return Encoded(ids, window.first[kept], window.labels, window.sentence, window.start)
