"""Languages as tables and JSON: what stands in them at 80 and at 120 columns."""

from typing import Any

import pytest

from hyperx_cl.cli.language_table import described, kinds_of, language_listing, told_losses, told_scores
from hyperx_cl.registry.records import ModelRecord, StoredLanguage

BACKBONE = {"id": "mbert", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
MODEL = ModelRecord("mbert-d32", "a1" * 32, "/m", BACKBONE, {"vocabulary": 119_547}, "", True)
KINDS = kinds_of([MODEL])
LOSSES = {"random": 6.0, "mean": 4.1234, "nearest": 4.0, "learnt": 3.2}


def stored(code: str, version: int = 2, **provenance: Any) -> StoredLanguage:
    """A language as the registry hands it out."""
    return StoredLanguage(
        code, "mbert-d32", "a1" * 32, version, True, "0f" * 32, None, provenance.get("method", "mlm"),
        "2026-11-22T14:05:00+00:00", 318_910, ("ner", "pos"), provenance,
    )  # fmt: skip


KNOWN = [
    stored("mt", losses=LOSSES),
    stored("hsb", method="fewshot", task="pos", after=0.8024, scores={"ner": 0.412}),
    stored("zgh", 12, method="joint", scores={"pos": 0.9, "ner": 0.8}),
    stored("qaa", method="like"),
]


@pytest.mark.parametrize("width", [80, 120])
def test_every_column_that_matters_is_there(width: int) -> None:
    lines = language_listing(KNOWN, KINDS).lines(width)
    assert max(map(len, lines)) <= width
    columns = ["code", "language", "family", "seen", "ver", "method", "loss", "scores", "date"]
    assert lines[0].split()[:9] == columns
    assert lines[2].split()[:2] == ["mt", "Maltese"] and "unseen" in lines[2]
    assert "4.12→3.20" in lines[2] and "2026-11-22" in lines[2]
    assert ("tasks" in lines[0]) is (width == 120)


def test_at_120_columns_nothing_of_a_usual_row_is_cut() -> None:
    lines = language_listing(KNOWN[:2], KINDS).lines(120)
    assert not [line for line in lines if "…" in line]
    assert "ner 41.2 pos 80.2" in lines[3]


def test_several_models_have_a_column() -> None:
    assert language_listing(KNOWN, KINDS, models=True).header[0] == "model"


def test_json_has_the_documented_keys() -> None:
    told = described(KNOWN[0], KINDS)
    assert told["family"][0] == "Afro-Asiatic" and told["scripts"] == ["Latn"] and told["seen"] is False
    assert (told["losses"], told["scores"], told["author"]) == (LOSSES, {}, None)
    private = described(KNOWN[3], {"mbert-d32": None})
    assert (private["family"], private["scripts"], private["seen"]) == ([], [], None)
    assert described(stored("mt", author={"odd": 1}), KINDS)["author"] is None


def test_losses_and_scores_in_short() -> None:
    assert told_losses({"learnt": 3.0}) == "3.00" and told_losses({"mean": 1.0}) == ""
    assert told_scores({"pos": 0.5, "ner": 0.25}) == "ner 25.0 pos 50.0"
