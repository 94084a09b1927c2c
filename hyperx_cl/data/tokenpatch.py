"""Token patches: the characters that a vocabulary lacks in one language's text, and a tokenizer that has them too.

A patch adds pieces of a single character behind the last id of the vocabulary. What was readable before keeps its
pieces: WordPiece takes the longest piece that fits, so one of a single character is taken only where none fitted and
the whole word was unknown; a Unigram piece gets the score that its model gives to an unknown character, so that no
other way to cut a word becomes better or worse than it was.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hyperx_cl.data.engine import engine_state, with_engine
from hyperx_cl.errors import DataError
from hyperx_cl.languages import script_counts

UNKNOWN_PENALTY = 10.0
"""How far below its lowest piece a Unigram model scores an unknown character (of the `tokenizers` library)."""


def find_patch(
    lines: Iterable[str], tokenizer: PreTrainedTokenizerBase, *, most: int = 200, least: int = 5
) -> tuple[str, ...]:
    """Find the pieces that a text's unknown words lack.

    Words are what the tokenizer's own normaliser and pre-tokenizer make of the text in NFC.

    Args:
        lines: The text.
        tokenizer: The backbone's fast tokenizer.
        most: Most pieces, the most frequent ones first, equals by code point.
        least: Words of the text that must need a piece.

    Returns:
        Pieces as the vocabulary would spell them: ``x`` or ``##x`` for WordPiece, the character for Unigram. None for
        vocabularies that know every byte, and for those that have no room behind their last id.
    """
    lacking = _lacking(tokenizer)
    if lacking is None:
        return ()
    counts: Counter[str] = Counter()
    engine: Tokenizer = tokenizer.backend_tokenizer
    for text, times in Counter(part for line in lines for part in unicodedata.normalize("NFC", line).split()).items():
        for word in _words(engine, text):
            counts.update(dict.fromkeys(lacking(word), times))
    enough = [piece for piece, words in counts.items() if words >= least and unicodedata.category(piece[-1]) != "Cc"]
    return tuple(sorted(enough, key=lambda piece: (-counts[piece], piece[-1], piece))[:most])


def patched_tokenizer(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[str]) -> PreTrainedTokenizerFast:
    """Copy a tokenizer whose vocabulary goes on with some pieces.

    Args:
        tokenizer: A fast tokenizer; never changed.
        pieces: Of `find_patch`, each of one character.

    Returns:
        A tokenizer in which they have the ids V, V + 1, … in their order, V being the size of the old vocabulary. What
        the old one could read it reads as before, special tokens included.

    Raises:
        DataError: A piece is in the vocabulary already, or the vocabulary is of a kind that takes none.
    """
    state = engine_state(tokenizer)
    if not _has_room(state, tokenizer):
        raise DataError("the backbone's vocabulary takes no further pieces: use the record with its own backbone")
    known = tokenizer.get_vocab()
    for piece in pieces:
        if piece in known:
            raise DataError(f"the token patch has {piece!r}, which the vocabulary has already: use its own backbone")
    model = state["model"]
    if model["type"] == "WordPiece":
        model["vocab"] |= {piece: len(known) + number for number, piece in enumerate(pieces)}
    else:
        score = min(score for _, score in model["vocab"]) - UNKNOWN_PENALTY
        model["vocab"] += [[piece, score] for piece in pieces]
    return with_engine(tokenizer, state)


def relatives(pieces: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[npt.NDArray[np.int64]]:
    """Name the known pieces that each new one is most like, so that its row may begin as their mean.

    Args:
        pieces: Of `find_patch`.
        tokenizer: The one they were found with.

    Returns:
        For each piece the ids of at least one: its base letter (``c`` for ``ċ``), by canonical decomposition; else all
        of a single character of its script, or all that are no letters where it is none; else all of a single
        character. All of these stand at its own place, first or inside of a word (``##``), as far as there are any.
    """
    sign = engine_state(tokenizer)["model"].get("continuing_subword_prefix") or ""
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    special = set(tokenizer.all_special_ids)
    for piece, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        inside, character = _place(piece, sign)
        if len(character) == 1 and number not in special:
            for key in ((inside, "letter", character), (inside, "script", _script(character)), (inside,), ()):
                alike[key].append(number)
    found = []
    for piece in pieces:
        inside, character = _place(piece, sign)
        base = "".join(c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c))
        keys = ((inside, "letter", base), (inside, "script", _script(character)), (inside,), ())
        found.append(np.array(next(alike[key] for key in keys if alike[key]), np.int64))
    return found


def _lacking(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], set[str]] | None:
    """What tells the pieces that a word lacks to be readable; None where the vocabulary takes none."""
    state = engine_state(tokenizer)
    if not _has_room(state, tokenizer):
        return None
    if state["model"]["type"] == "WordPiece":
        return _wordpiece(state["model"])
    model, unknown = tokenizer.backend_tokenizer.model, tokenizer.unk_token_id
    return lambda word: {c for token in model.tokenize(word) if token.id == unknown for c in token.value}


def _wordpiece(model: dict[str, Any]) -> Callable[[str], set[str]]:
    vocabulary, sign, longest = model["vocab"], model["continuing_subword_prefix"], model["max_input_chars_per_word"]

    def lacking(word: str) -> set[str]:
        """Read as WordPiece does, and go on where it gives up."""
        found: set[str] = set()
        start = len(word) if len(word) > longest else 0  # such a word stays unknown whatever the pieces are
        while start < len(word):
            before = sign if start else ""
            stop = next((end for end in range(len(word), start, -1) if before + word[start:end] in vocabulary), 0)
            if not stop:
                found.add(before + word[start])
            start = stop or start + 1
        return found

    return lacking


def _has_room(state: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the vocabulary has unknown words, and ids without gaps that end with its last piece."""
    model, size = state["model"], len(tokenizer.get_vocab())
    whole = size == len(model["vocab"]) == 1 + max(tokenizer.get_vocab().values())
    return whole and (model["type"] == "WordPiece" or (model["type"] == "Unigram" and not model["byte_fallback"]))


def _words(engine: Tokenizer, text: str) -> Iterator[str]:
    """Cut as the vocabulary is asked."""
    if engine.normalizer is not None:
        text = engine.normalizer.normalize_str(text)
    if engine.pre_tokenizer is None:
        yield text
    else:
        yield from (word for word, _ in engine.pre_tokenizer.pre_tokenize_str(text))


def _place(piece: str, sign: str) -> tuple[bool, str]:
    """Whether a piece stands inside of a word, and its characters."""
    inside = bool(sign) and piece.startswith(sign) and len(piece) > len(sign)
    return inside, piece[len(sign) :] if inside else piece


def _script(character: str) -> str | None:
    return next(iter(script_counts(character)), None)
