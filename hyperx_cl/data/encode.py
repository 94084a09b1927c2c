"""From words or lines to token ids: windows in which every word is read exactly once."""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer
from transformers import PreTrainedTokenizerBase

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.windows import windows
from hyperx_cl.errors import UsageError

Ints = npt.NDArray[np.int32]

IGNORED = -100
"""The label id of words that are not to be learnt or scored."""

_CHUNK = 1024

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One window of a sentence or line, as the backbone reads it.

    Attributes:
        ids: Token ids with the special tokens, int32 [T].
        first: For each of this window's W own words the position in `ids` that carries its label, increasing, int32
            [W]; empty for text. Words that are there only as context have no entry.
        labels: Label ids, int32 [W], -100 where a word has none; shape (0,) where nothing is labelled.
        sentence: Index of the sentence or line among those that were encoded.
        start: Index in its sentence of the first of this window's own words.
    """

    ids: Ints
    first: Ints
    labels: Ints
    sentence: int
    start: int

    def __len__(self) -> int:
        """Number of tokens, special ones included."""
        return len(self.ids)


class Encoder:
    """Encodes with a tokenizer of the `tokenizers` library (WordPiece, SentencePiece-like or byte-level).

    Everything is read in NFC: many keyboards and files write é as e with a separate accent, which vocabularies do not.
    Special tokens written out in a text (``[MASK]``, ``<s>``) are read as plain text, or as the unknown token where the
    vocabulary has no other pieces for them. A word's label sits on its first
    piece that is not a lone word marker: SentencePiece vocabularies put a bare ``▁`` before most Chinese words.

    Args:
        tokenizer: A fast transformers tokenizer; never changed.
        max_length: Longest window in tokens, special ones included.

    Raises:
        UsageError: Where the tokenizer is a slow one or `max_length` leaves no room for a word.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> None:
        """Copy the tokenizer's engine and look up its special tokens."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer) or tokenizer.unk_token_id is None:
            raise UsageError(
                f"{type(tokenizer).__name__} cannot be used: it must be a fast tokenizer with an unknown token"
            )
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._engine = _private_copy(backend)
        self._prefix, self._suffix = _frame(self._engine)
        self._unknown = int(tokenizer.unk_token_id)
        self._special = np.zeros(1 + max(tokenizer.get_vocab().values()), bool)
        self._special[tokenizer.all_special_ids] = True
        self._marker = _lone_marker(self._engine)
        self._room = max_length - len(self._prefix) - len(self._suffix)
        if self._room < 1:
            raise UsageError(f"max_length {max_length} leaves no room for a word: make it larger")

    def words(self, sentences: Sequence[Sentence], label_ids: Mapping[str, int] | None) -> list[Encoded]:
        """Encode split sentences; a long one gives several windows with context on both sides.

        Args:
            sentences: Any number, in the order that `Encoded.sentence` counts.
            label_ids: Each label's id; other labels become -100. None leaves `Encoded.labels` empty.

        Returns:
            Windows in order. Every word of every sentence stands in exactly one window's `first`; a word without any
            piece (a lone zero-width space, say) is read as one unknown token.
        """
        encoded: list[Encoded] = []
        for index, (sentence, pieces) in enumerate(zip(sentences, self._pieces(sentences), strict=True)):
            labels = _label_array(sentence, label_ids)
            encoded.extend(self._windows(pieces, labels, index))
        return encoded

    def text(self, lines: Sequence[str]) -> list[Encoded]:
        """Encode raw lines; a line longer than the window is cut into several, none of it lost.

        Windows of nothing but unknown pieces are left out: there is nothing to be learnt from them.
        """
        encoded: list[Encoded] = []
        nothing = np.zeros(0, np.int32)
        for index, ids in enumerate(self._line_ids(lines)):
            for start in range(0, len(ids), self._room):
                part = ids[start : start + self._room]
                if (part != self._unknown).any():
                    encoded.append(Encoded(self._framed(part), nothing, nothing, index, start))
        return encoded

    def unknown_rate(self, items: Sequence[Sentence] | Sequence[str]) -> float:
        """Share of pieces that are the unknown token, over sentences or lines, 0 to 1 (0 where there is no piece)."""
        unknown = total = 0
        for ids in self._all_ids(items):
            unknown += int((ids == self._unknown).sum())
            total += len(ids)
        return unknown / total if total else 0.0

    def pieces_per_word(self, sentences: Sequence[Sentence]) -> float:
        """Mean number of pieces of a word (0 where there is no word)."""
        pieces = sum(len(ids) for ids in self._all_ids(sentences))
        words = sum(len(sentence) for sentence in sentences)
        return pieces / words if words else 0.0

    def _all_ids(self, items: Sequence[Sentence] | Sequence[str]) -> Iterator[Ints]:
        if items and isinstance(items[0], Sentence):
            for ids, _ in self._pieces(items):  # type: ignore[arg-type]
                yield ids
        else:
            yield from self._line_ids(items)  # type: ignore[arg-type]

    def _line_ids(self, lines: Iterable[str]) -> Iterator[Ints]:
        for chunk in _chunks(lines):
            for encoding in self._engine.encode_batch([_nfc(line) for line in chunk], add_special_tokens=False):
                yield self._ids(encoding)

    def _pieces(self, sentences: Iterable[Sentence]) -> Iterator[tuple[Ints, Ints]]:
        """Yield every sentence's piece ids and how many pieces each word has, int32 [P] and [W], each at least 1."""
        for chunk in _chunks(sentences):
            split = [[_nfc(word) for word in sentence.words] for sentence in chunk]
            encodings = self._engine.encode_batch(split, is_pretokenized=True, add_special_tokens=False)
            for words, encoding in zip(split, encodings, strict=True):
                ids = self._ids(encoding)
                counts = np.bincount(np.array(encoding.word_ids, np.int64), minlength=len(words)).astype(np.int32)
                yield self._fill_gaps(ids, counts)

    def _ids(self, encoding: Encoding) -> Ints:
        """Read the ids; a Unigram vocabulary may have matched a special token as if it were an ordinary piece."""
        ids = np.array(encoding.ids, np.int32)
        special = self._special[ids]
        if special.any():
            ids[special] = self._unknown
        return ids

    def _fill_gaps(self, ids: Ints, counts: Ints) -> tuple[Ints, Ints]:
        """Put one unknown token where a word has no piece."""
        empty = np.flatnonzero(counts == 0)
        if not len(empty):
            return ids, counts
        before = np.cumsum(counts)[empty]
        filled: Ints = np.insert(ids, before, self._unknown)
        return filled, np.maximum(counts, 1)

    def _windows(self, pieces: tuple[Ints, Ints], labels: Ints, sentence: int) -> Iterator[Encoded]:
        ids, counts = pieces
        ids, sizes = _shortened(ids, counts, self._room)
        ends = np.cumsum(sizes, dtype=np.int32)
        begins = ends - sizes
        # The label moves past a lone marker to the word's second piece.
        labelled = begins + ((ids[begins] == self._marker) & (sizes > 1))
        for left, start, stop, right in windows(sizes.tolist(), self._room):
            shown = self._framed(ids[begins[left] : ends[right - 1]])
            first = (labelled[start:stop] - begins[left] + len(self._prefix)).astype(np.int32)
            yield Encoded(shown, first, labels[start:stop], sentence, start)

    def _framed(self, ids: Ints) -> Ints:
        return np.concatenate([self._prefix, ids, self._suffix])


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Cut into lists that the engine encodes at once."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _shortened(ids: Ints, counts: Ints, room: int) -> tuple[Ints, Ints]:
    """Keep the first pieces of a word that is longer than a whole window: its label needs no more."""
    if not len(counts) or counts.max() <= room:
        return ids, counts
    within = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ids[within < room], np.minimum(counts, room)


def _label_array(sentence: Sentence, label_ids: Mapping[str, int] | None) -> Ints:
    if label_ids is None:
        return np.zeros(0, np.int32)
    if sentence.labels is None:
        return np.full(len(sentence), IGNORED, np.int32)
    return np.array([label_ids.get(label, IGNORED) for label in sentence.labels], np.int32)


def _private_copy(backend: Tokenizer) -> Tokenizer:
    """Copy the engine, so that truncation, padding and the reading of special tokens are ours to set."""
    engine = Tokenizer.from_str(backend.to_str())
    engine.no_truncation()
    engine.no_padding()
    engine.encode_special_tokens = True
    return engine


def _frame(engine: Tokenizer) -> tuple[Ints, Ints]:
    """Find the special tokens before and after every sequence."""
    encoding = engine.encode("a")
    ids = np.array(encoding.ids, np.int32)
    inside = np.flatnonzero(np.array(encoding.special_tokens_mask) == 0)
    return ids[: inside[0]], ids[inside[-1] + 1 :]


def _lone_marker(engine: Tokenizer) -> int:
    """Id of the piece that is only a word marker (``▁`` or ``Ġ``), or -1 where the vocabulary has none."""
    kinds = _kinds(json.loads(engine.to_str())["pre_tokenizer"])
    marker = "▁" if "Metaspace" in kinds else "Ġ" if "ByteLevel" in kinds else None
    found = engine.token_to_id(marker) if marker else None
    return -1 if found is None else found


def _kinds(step: Any) -> set[str]:
    """Name the pre-tokenizer's steps."""
    if not isinstance(step, dict):
        return set()
    return {step["type"]}.union(*(_kinds(inner) for inner in step.get("pretokenizers", [])))
