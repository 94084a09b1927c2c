"""Rules of a transliteration: what can act as one, and what is refused."""

import pytest

from hyperx_cl.errors import DataError
from hyperx_cl.transliteration import LONGEST_SIDE, MOST_RULES, checked


def test_rules_are_kept_as_they_are_in_their_order() -> None:
    assert checked([["ш", "sh"], ("щ", ""), ("а", "a")]) == (("ш", "sh"), ("щ", ""), ("а", "a"))
    assert checked([]) == () and checked([("c", "ch")]) == (("c", "ch"),)
    assert len(checked([(chr(0x4E00 + n), "x" * LONGEST_SIDE) for n in range(MOST_RULES)])) == MOST_RULES


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("а", "a"), ("а", "b")], "two rules for the same letters"),
        ([("", "a")], "no rule of a transliteration: '' to 'a'"),
        ([("а б", "a")], "no white space"),
        ([("а", "a b")], "no white space"),
        ([("а", "a\u0007")], "no control characters"),
        ([("а", "\ud800")], "no control characters"),
        ([("а", "x" * (LONGEST_SIDE + 1))], "1 to 64 characters"),
        ([("а", "b"), ("b", "c")], "makes 'b' of 'а', and the rule for 'b' would change that again"),
        ([("c", "tsch"), ("s", "z")], "the rule for 's' would change that again"),
        ([(chr(0x4E00 + n), "x") for n in range(MOST_RULES + 1)], "2,001 rules: at most 2,000"),
    ],
)
def test_what_cannot_act_is_refused(rules: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked(rules)
