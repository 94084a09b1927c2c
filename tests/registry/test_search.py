"""Searching the stored languages by everything that is known of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import NotFoundError
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.registry.search import Wanted
from hyperx_cl.registry.store import Registry
from tests.registry.conftest import SECOND

Make = Callable[..., LanguageRecord]


FITTING: tuple[tuple[Wanted, list[str]], ...] = (
    (Wanted(), ["kk", "mt", "tr", "tt", "yue"]),
    (Wanted(codes=["mlt", "tur", "fo"]), ["mt", "tr"]),
    (Wanted(name=" mAlt"), ["mt"]),
    (Wanted(family="turkic"), ["kk", "tr", "tt"]),
    (Wanted(family="Semitic"), ["mt"]),
    (Wanted(script="Cyrillic"), ["kk", "tt"]),
    (Wanted(script="hani"), ["yue"]),
    (Wanted(task="pos"), ["mt", "tr"]),
    (Wanted(task="xpos"), ["yue"]),
    (Wanted(author="malta"), ["mt"]),
    (Wanted(family="Turkic", script="Latn", task="ner"), ["tr"]),
    (Wanted(family="Turkic", author="malta"), []),
)
"""What is asked for, and which of `filled` it finds."""

UNKNOWN = (
    (Wanted(family="Trukic"), r"no family .* is called 'Trukic' \(did you mean 'Turkic'"),
    (Wanted(script="Cyril"), r"no script is called 'Cyril' \(did you mean 'cyrl' or 'cyrillic'"),
    (Wanted(codes=["malteese"]), "is not a language code"),
)


@pytest.fixture
def filled(registry: Registry, make_record: Make) -> Registry:
    """Five languages of the first model, one of the second; 'tt' has an old version that fits nothing."""
    facts: dict[str, dict[str, object]] = {
        "mt": {"scores": {"pos": 0.5}, "losses": {"mean": 3.5, "learnt": 2}, "author": "Grammarians of Malta"},
        "tr": {"method": "joint", "scores": {"pos": 0.9, "ner": 0.8}},
        "kk": {"author": "someone else"},
        "yue": {"method": "fewshot", "task": "xpos", "after": 0.7},
    }
    for seed, (code, told) in enumerate(facts.items()):
        registry.add_language(make_record(code, seed=seed, **told))
    registry.add_language(make_record("tt", seed=8, author="Malta"))
    registry.add_language(make_record("tt", seed=9), new_version=True)
    registry.add_language(make_record("fo", seed=7, model=SECOND))
    return registry


def test_what_fits(filled: Registry) -> None:
    for wanted, codes in FITTING:
        assert [stored.language for stored in filled.search(wanted)] == codes, wanted


def test_of_every_model_or_of_one(filled: Registry) -> None:
    assert [(s.model, s.language) for s in filled.search(Wanted(), everywhere=True)][-1] == ("second", "fo")
    assert [s.language for s in filled.search(Wanted(), "second")] == ["fo"]
    assert filled.search(Wanted(codes=["tat"]))[0] == filled.language("tt").stored
    with pytest.raises(NotFoundError, match="did you mean 'second'"):
        filled.search(Wanted(), "secnd")


def test_in_brief_all_that_a_list_tells_is_the_same(filled: Registry) -> None:
    def told(stored: StoredLanguage) -> object:
        return replace(stored, provenance={}), stored.losses, stored.scores, stored.provenance.get("author")

    whole, brief = filled.search(Wanted()), filled.search(Wanted(), brief=True)
    assert [told(stored) for stored in brief] == [told(stored) for stored in whole]
    assert all(set(stored.provenance) == {"losses", "scores", "task", "after", "author"} for stored in brief)
    assert [stored.language for stored in filled.search(Wanted(task="xpos", author=""), brief=True)] == ["yue"]
    assert [stored.language for stored in filled.search(Wanted(author="malta"), brief=True)] == ["mt"]


def test_what_does_not_exist_is_refused(filled: Registry) -> None:
    for wanted, said in UNKNOWN:
        with pytest.raises(NotFoundError, match=said):
            filled.search(wanted)


def test_scores_and_losses_are_read_from_whatever_a_provenance_holds(registry: Registry, make_record: Make) -> None:
    odd = registry.add_language(make_record("mt", scores={"pos": "high", "ner": True, "x": 1}, losses=[1, 2]))
    assert (odd.scores, odd.losses) == ({"x": 1.0}, {})
    few = registry.add_language(make_record("tr", method="fewshot", task="pos", after=0.75, losses={"learnt": 2}))
    assert (few.scores, few.losses) == ({"pos": 0.75}, {"learnt": 2.0})
