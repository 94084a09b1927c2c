"""The card holds what the index holds: metadata that the Hub's class reads, cells that nothing breaks out of."""

from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData

from hyperx_cl.share.card import _KNOWN, MARK, card
from hyperx_cl.share.index import Index, entry_of
from hyperx_cl.share.packed import pack_language
from hyperx_cl.share.travel import travelling
from tests.sharing import language

MODEL: dict[str, Any] = {
    "fingerprint": "a1" * 32, "numbers": 13_093_536, "languages": ["en", "sr-Latn", "qak"],
    "tasks": {"mlm": 0, "pos": 17},
    "backbone": {"id": "org/backbone", "revision": "c0" * 20, "fingerprint": "b2" * 32, "model_type": "bert"},
}  # fmt: skip


def index(*, licences: tuple[str, ...] = ("CC-BY-SA-4.0",), model: dict[str, Any] | None = None, **told: Any) -> Index:
    """One language, and a model."""
    score = {"task": "pos", "metric": "POS accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "split": "test",
             "of": "f" * 64, "sentences": 20}  # fmt: skip
    note = pack_language(travelling(language("a1" * 32, **told)), licences=licences, scores=[score]).note
    return Index({note.place: entry_of(note)}, model)


def data_of(text: str) -> ModelCardData:
    """The metadata as huggingface_hub reads it."""
    data = ModelCard(text).data
    assert isinstance(data, ModelCardData)
    return data


def test_metadata_of_a_model() -> None:
    text = card("org/name", index(model=MODEL))
    data = data_of(text)
    assert (data.base_model, data.license, data.library_name) == ("org/backbone", "cc-by-sa-4.0", "hyperx-cl")
    assert data.language == ["en", "mt", "sr"]  # a private code is none that the Hub takes
    assert MARK in text and "13,093,536" in text and "scored before its matrices were rounded" in text
    assert 'HyperX.from_pretrained("org/name", languages=["mt"])' in text


def test_metadata_of_languages_alone() -> None:
    text = card("org/name", index(licences=("CC-BY-4.0", "Own licence, v2")))
    data = data_of(text)
    assert (data.base_model, data.license) == (None, "other")
    assert "which is not in this repository" in text and "- Own licence, v2" in text


def test_no_text_breaks_out_of_its_cell() -> None:
    text = card("org/name", index(source="a | b\n# Title <script>\u202ex", model=MODEL))
    (row,) = [line for line in text.splitlines() if "Title" in line]
    assert row.startswith("| mt |") and "a \\| b # Title &lt;script> x" in row
    assert "<script" not in text and "\u202e" not in text


def test_equal_indexes_make_equal_cards() -> None:
    assert card("org/name", index(model=MODEL)) == card("org/name", index(model=MODEL))


@pytest.mark.parametrize("licence", ["CC-BY-NC-3.0", "CC-BY-NC-SA-4.0", "CC0-1.0"])
def test_licences_of_treebanks_are_named_as_the_hub_names_them(licence: str) -> None:
    assert data_of(card("org/name", index(licences=(licence,)))).license == licence.lower()


def test_every_licence_that_the_hub_knows_is_a_whole_name() -> None:
    assert [name for name in _KNOWN if name.startswith("by-") or name.endswith("-")] == []
