"""Sentences: order by typology, tags from the inventories, and names that hold together."""

import random
from typing import Literal

import pytest

from hyperx_cl.data.ner import to_iob2
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.synthetic.family import Branch, Family, default_family
from hyperx_cl.synthetic.grammar import Grammar, Phrase, text

FAMILY = default_family()
EXPECTED = ["Bannegart Ober dalbaðache dalhuicha gihak.", "Ofahgart Ober dalbache erop wonaile."]


def sentences(family: Family, code: str, count: int = 200) -> list[Phrase]:
    """Some sentences of a language."""
    grammar, rng = Grammar(family, code), random.Random(1)
    return [grammar.sentence(rng) for _ in range(count)]


@pytest.mark.parametrize("code", FAMILY.codes)
def test_every_tag_is_in_the_inventory_and_every_name_is_whole(code: str) -> None:
    for tokens in sentences(FAMILY, code):
        assert {token.upos for token in tokens} <= set(POS.labels)
        tags = [token.entity for token in tokens]
        assert set(tags) <= set(NER.labels)
        assert to_iob2(tags) == (tuple(tags), 0)
        assert all(token.upos == "PROPN" for token in tokens if token.entity != "O")
        assert all(token.form and " " not in token.form for token in tokens)
        assert tokens[-1].upos == "PUNCT" and tokens[0].form[0].isupper()


def test_a_language_uses_every_part_of_speech_and_kind_of_name() -> None:
    for code in FAMILY.codes:
        tokens = [token for sentence in sentences(FAMILY, code, 400) for token in sentence]
        expected = {*"ADJ ADP ADV AUX CCONJ DET NOUN NUM PART PRON PROPN PUNCT SCONJ VERB".split()}
        assert {token.upos for token in tokens} == expected
        assert {token.entity for token in tokens} == set(NER.labels)


@pytest.mark.parametrize(("order", "places"), [("SVO", {1}), ("VSO", {0}), ("SOV", {1, 2})])
def test_the_verb_stands_where_the_order_says(order: Literal["SVO", "SOV", "VSO"], places: set[int]) -> None:
    family = Family({"qaa": Branch("proto", typology={"order": order})})
    short = [
        [token.upos for token in tokens]
        for tokens in sentences(family, "qaa", 2000)
        if [token.upos for token in tokens].count("VERB") == 1
        and sorted({token.upos for token in tokens}) in (["NOUN", "PUNCT", "VERB"], ["NOUN", "PRON", "PUNCT", "VERB"])
        and len(tokens) <= 4
    ]
    assert len(short) > 20
    assert {tags.index("VERB") for tags in short} == places


def test_typology_decides_adpositions_adjectives_and_articles() -> None:
    def share(first: str, second: str, **typology: object) -> float:
        """How often the one stands right before the other, of the two standing together."""
        pairs = [
            (a.upos, b.upos)
            for tokens in sentences(Family({"qaa": Branch("proto", typology=typology)}), "qaa", 400)
            for a, b in zip(tokens, tokens[1:], strict=False)
        ]
        ahead, behind = pairs.count((first, second)), pairs.count((second, first))
        return ahead / (ahead + behind)

    assert share("ADJ", "NOUN", adjective="before") > 0.8 > 0.2 > share("ADJ", "NOUN", adjective="after")
    assert share("ADP", "PROPN", adposition="before") > 0.6 > 0.4 > share("ADP", "PROPN", adposition="after")


def test_case_and_agreement_are_endings() -> None:
    plain, rich = (
        {
            token.form.lower()
            for tokens in sentences(Family({"qaa": Branch("proto", typology=typology)}), "qaa", 400)
            for token in tokens
            if token.upos in ("NOUN", "VERB")
        }
        for typology in ({"case": False, "agreement": False}, {"case": True, "agreement": True})
    )
    assert len(rich) > 1.5 * len(plain)


def test_the_same_state_gives_the_same_sentence() -> None:
    assert sentences(FAMILY, "qaa", 20) == sentences(FAMILY, "qaa", 20)
    assert [text(tokens) for tokens in sentences(FAMILY, "qac", 2)] == EXPECTED


def test_marks_are_written_close() -> None:
    assert all(" ." not in text(tokens) and " ," not in text(tokens) for tokens in sentences(FAMILY, "qad"))
