"""Words: regular correspondences between sisters, replacement, and the same words every time."""

from hyperx_cl.synthetic.family import Branch, Family, default_family
from hyperx_cl.synthetic.lexicon import GRAMMAR, SIZES, SUFFIXES, Lexicon

MEANINGS = [f"{kind}.{number}" for kind, size in SIZES.items() for number in range(size)]
EXPECTED = ["pega", "limuh", "poh", "odag"]


def test_sisters_correspond_sound_by_sound() -> None:
    family = Family({"qaa": Branch("proto"), "qab": Branch("proto", ("hard-w", "h-loss"))})
    one, other = Lexicon(family, "qaa"), Lexicon(family, "qab")
    for meaning in MEANINGS:
        assert other.form(meaning, "plural") == one.form(meaning, "plural").replace("w", "v").replace("h", "")


def test_endings_go_through_the_changes_with_the_stem() -> None:
    family = Family({"qaa": Branch("proto"), "qab": Branch("proto", ("voicing",))})
    for meaning in MEANINGS[:20]:
        past = Lexicon(family, "qaa").form(meaning, "past")
        assert past == Lexicon(family, "qaa").form(meaning) + SUFFIXES["past"]
        voiced = Lexicon(family, "qab").form(meaning, "past")
        assert voiced.endswith("da" if past[-3] in "aeiou" else "ta")


def test_the_asked_share_of_words_is_replaced_and_daughters_share_the_new_ones() -> None:
    family = Family({"up": Branch("proto", replaced=0.5), "qaa": Branch("up"), "qab": Branch("up")})
    one, other = Lexicon(family, "qaa"), Lexicon(family, "qab")
    replaced = [meaning for meaning in MEANINGS if one.origin(meaning) == "up"]
    assert 0.4 < len(replaced) / len(MEANINGS) < 0.6
    assert all(one.form(meaning) == other.form(meaning) for meaning in MEANINGS)
    assert all(one.origin(f"grammar.{name}") == "proto" for name in GRAMMAR)


def test_the_seed_alone_decides() -> None:
    words = [[Lexicon(default_family(seed), "qae").form(meaning) for meaning in MEANINGS] for seed in (0, 0, 1)]
    assert words[0] == words[1] != words[2]
    assert words[0][:4] == EXPECTED
