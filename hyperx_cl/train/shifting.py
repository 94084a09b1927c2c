"""A new language's shift: of the pieces that are frequent in the lines it is learnt from."""

from collections.abc import Sequence
from typing import Any

from hyperx_cl.config import AddOptions
from hyperx_cl.data.encode import Encoded
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.shift import Shift, frequent_pieces


def begin_shift(model: HyperX, code: str, train: Sequence[Encoded], options: AddOptions) -> Shift | None:
    """Find the pieces to shift, with a shift that changes nothing yet, not yet to be trained.

    Args:
        model: Gives tokenizer and sizes.
        code: The new language.
        train: The lines it is learnt from.
        options: How many pieces, how often each must occur, and the numbers for each.

    Returns:
        Nothing where none is wanted: by the options, for the vector alone, or because no piece occurs so often.
    """
    if not options.shift_pieces or options.capacity == "vector":
        return None
    vocabulary, special = model.backbone.info.vocabulary, model.tokenizer.all_special_ids
    pieces = len(model.tokenizer_for(code))
    never = {*special, *range(vocabulary, pieces)}  # a token patch's own rows learn by themselves
    ids = frequent_pieces(train, most=options.shift_pieces, least=options.shift_least, never=never)
    if not ids:
        return None
    return Shift(ids, model.backbone.width, options.shift_rank).to(model.device).requires_grad_(False)


def shift_facts(shift: Shift, train: Sequence[Encoded]) -> dict[str, Any]:
    """``pieces`` (how many), ``rank``, and ``covered``: their share of the pieces that were learnt on, 0 to 1."""
    known, seen, every = set(shift.ids.tolist()), 0, 0
    for window in train:
        seen += sum(token in known for token in window.ids.tolist())
        every += len(window)
    return {"pieces": len(known), "rank": len(shift.basis), "covered": round(seen / max(every, 1), 4)}
