"""Sound changes strike where they should, and nowhere else."""

import pytest

from hyperx_cl.synthetic.sound import CHANGES, CONSONANTS, SPELLINGS, VOWELS, evolve, spell

CASES = [
    ("spirants", "patak", "faþak"),
    ("voicing", "patak", "padak"),
    ("lenition", "bodago", "bozaho"),
    ("palatal", "kikasesa", "čikašesa"),
    ("rhotacism", "sasas", "saras"),
    ("final-devoicing", "dabod", "dabot"),
    ("final-loss", "pata", "pat"),
    ("nasal-loss", "namtan", "nata"),
    ("raising", "petelo", "petilu"),
    ("lowering", "pitilu", "pitelo"),
    ("rounding", "atapa", "atopo"),
    ("fronting", "tuku", "tüku"),
    ("umlaut", "pati", "peti"),
    ("breaking", "petoke", "pietoke"),
    ("hard-w", "wawa", "vava"),
    ("h-loss", "haha", "aa"),
    ("debuccal", "sasa", "hasa"),
    ("l-to-r", "lala", "lara"),
]


@pytest.mark.parametrize(("change", "before", "after"), CASES)
def test_change(change: str, before: str, after: str) -> None:
    assert CHANGES[change](before) == after


def test_every_change_is_tried_above() -> None:
    assert [case[0] for case in CASES] == list(CHANGES)


def test_changes_happen_in_order() -> None:
    assert evolve("pata", ("voicing", "final-loss")) == "pad"
    assert evolve("pata", ("final-loss", "voicing")) == "pat"
    assert evolve("pata", ()) == "pata"


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_orthography_writes_different_words_differently(name: str) -> None:
    written = {spell(f"pa{sound}a", name) for sound in CONSONANTS + VOWELS}
    assert len(written) == len(CONSONANTS + VOWELS)


def test_letters_of_an_orthography() -> None:
    assert spell("čaþu", "plain") == "chathu"
    assert spell("kašö", "romance") == "caxeo"
