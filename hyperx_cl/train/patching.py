"""A new language's token patch: found in the lines it is learnt from, measured in those that are reported on."""

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


def begin_patch(model: HyperX, text: Text, options: AddOptions) -> Patch | None:
    """Find what the vocabulary lacks in the train part of a text, with rows as they begin, not yet to be trained.

    Args:
        model: One with the task `mlm`.
        text: The new language's.
        options: How many pieces, and how often each must be needed.

    Returns:
        Nothing where all words can be read, or where the tokenizer does not end where the backbone's rows do.
    """
    lines = text.lines[: options.max_lines or None]
    whole = len(model.tokenizer.get_vocab()) == model.backbone.info.vocabulary
    if not options.patch_pieces or not whole or len(lines) < LEAST_LINES:
        return None
    train = split_text(lines).train
    pieces = find_patch(train, model.tokenizer, most=options.patch_pieces, least=options.patch_least)
    if not pieces:
        return None
    head = cast(MaskedHead, model.heads["mlm"])
    patch = Patch.begin(pieces, model.tokenizer, model.backbone.word_embeddings, head.bias)
    return patch.to(model.device).requires_grad_(False)


def patch_facts(model: HyperX, pieces: tuple[str, ...], lines: Sequence[str]) -> dict[str, Any]:
    """What a patch makes readable.

    Args:
        model: Gives the tokenizer.
        pieces: The patch's.
        lines: Lines that it was not found in. Words are what white space separates.

    Returns:
        ``pieces`` (how many), ``unknown_words_before`` and ``_after`` (share of the words with an unknown piece, 0 to
        1), ``pieces_per_word_before`` and ``_after``.
    """
    words = [Sentence(tuple(line.split())) for line in lines]
    facts: dict[str, Any] = {"pieces": len(pieces)}
    for when, known in (("before", ()), ("after", pieces)):
        counted = PieceCounter(model.tokenizer_with(known)).count(words)
        facts[f"unknown_words_{when}"] = round(counted.unknown_rate, 4)
        facts[f"pieces_per_word_{when}"] = round(counted.per_word, 3)
    return facts
