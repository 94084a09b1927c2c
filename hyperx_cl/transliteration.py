"""Rules that read a language's letters as others, checked; no text and no model is read.

They act one after the other, each on all that it finds, and belong to one language: `hyperx_cl.data.transliteration`
says what for.
"""

import unicodedata
from collections.abc import Sequence

from hyperx_cl.errors import DataError

Transliteration = tuple[tuple[str, str], ...]
"""What is read, and as what, for each rule; no rules: everything as it is written."""

MOST_RULES = 2000

LONGEST_SIDE = 64
"""Longest side of a rule in characters."""


def checked(rules: Sequence[Sequence[str]]) -> Transliteration:
    """Return rules of which each finds what was written, and nothing that another has made.

    Raises:
        DataError: They do not, or are no rules: the message says why.
    """
    kept = tuple((str(letters), str(replacement)) for letters, replacement in rules)
    if len(kept) > MOST_RULES:
        raise DataError(f"a transliteration of {len(kept):,} rules: at most {MOST_RULES:,} are taken")
    known = [letters for letters, _ in kept]
    if len(set(known)) < len(known):
        raise DataError("a transliteration has two rules for the same letters: leave one of them out")
    for letters, replacement in kept:
        if not letters or max(len(letters), len(replacement)) > LONGEST_SIDE or _breaks(letters + replacement):
            raise DataError(
                f"no rule of a transliteration: {letters!r} to {replacement!r}; 1 to {LONGEST_SIDE} characters (what "
                "is read) and up to as many (as what), no white space and no control characters, are expected"
            )
        again = next((other for other in known if other != letters and other in replacement), None)
        if again is not None:
            raise DataError(
                f"the transliteration makes {replacement!r} of {letters!r}, and the rule for {again!r} would change "
                "that again: no replacement may hold what another rule reads"
            )
    return kept


def _breaks(text: str) -> bool:
    return any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in text)
