"""What a new language's text is read by: its token patch is found, and patch and transliteration are measured."""

from collections.abc import Sequence
from typing import Any, cast

from hyperx_cl.config import AddOptions
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.text import LEAST_LINES, Text, split_text
from hyperx_cl.data.tokenpatch import find_patch
from hyperx_cl.evaluate.pieces import PieceCounter
from hyperx_cl.model.heads import MaskedHead
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.tokenpatch import Patch


def begin_patch(model: HyperX, code: str, text: Text, options: AddOptions) -> Patch | None:
    """Find what the vocabulary lacks in the train part of a text, with rows as they begin, not yet to be trained.

    Args:
        model: One with the task `mlm`, and the language's transliteration.
        code: The new language.
        text: Its text.
        options: How many pieces, and how often each must be needed.

    Returns:
        Nothing for the vector alone, where all words can be read, or where the tokenizer does not end where the
        backbone's rows do.
    """
    lines = text.lines[: options.max_lines or None]
    whole = len(model.tokenizer.get_vocab()) == model.backbone.info.vocabulary
    if not options.patch_pieces or options.capacity == "vector" or not whole or len(lines) < LEAST_LINES:
        return None
    train, tokenizer = split_text(lines).train, model.tokenizer_with((), model.transliterations.get(code, ()))
    pieces = find_patch(train, tokenizer, most=options.patch_pieces, least=options.patch_least)
    if not pieces:
        return None
    head = cast(MaskedHead, model.heads["mlm"])
    patch = Patch.begin(pieces, tokenizer, model.backbone.word_embeddings, head.bias)
    return patch.to(model.device).requires_grad_(False)


def patch_facts(model: HyperX, code: str, lines: Sequence[str]) -> dict[str, Any]:
    """What a language's patch makes readable.

    Args:
        model: One that has the language.
        code: The language.
        lines: Lines that the patch was not found in. Words are what white space separates.

    Returns:
        ``pieces`` (how many), and what `change_of_reading` tells.
    """
    rules, pieces = model.transliterations.get(code, ()), model.language(code).pieces
    return {"pieces": len(pieces)} | change_of_reading(
        model.tokenizer_with((), rules), model.tokenizer_with(pieces, rules), lines
    )


def transliteration_facts(model: HyperX, code: str, lines: Sequence[str]) -> dict[str, Any]:
    """The same of its transliteration, without any patch: ``rules`` (how many), and what `change_of_reading` tells."""
    rules = model.transliterations[code]
    return {"rules": len(rules)} | change_of_reading(model.tokenizer, model.tokenizer_with((), rules), lines)


def change_of_reading(before: Any, after: Any, lines: Sequence[str]) -> dict[str, float]:
    """How two tokenizers read the same lines.

    Returns:
        ``unknown_words_before`` and ``_after`` (share of the words with an unknown piece, 0 to 1),
        ``pieces_per_word_before`` and ``_after``.
    """
    words = [Sentence(tuple(line.split())) for line in lines]
    facts: dict[str, float] = {}
    for when, tokenizer in (("before", before), ("after", after)):
        counted = PieceCounter(tokenizer).count(words)
        facts[f"unknown_words_{when}"] = round(counted.unknown_rate, 4)
        facts[f"pieces_per_word_{when}"] = round(counted.per_word, 3)
    return facts
