"""A language that is read by a transliteration: it is learnt, kept and used as if its text were written so."""

from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.artefact import LanguageRecord, from_bytes, to_bytes
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.text import Text, split_text
from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views
from hyperx_cl.train.add_language import add_language, like
from hyperx_cl.train.fewshot import fewshot
from hyperx_cl.train.proof import Witness
from tests.model.building import build
from tests.train.small_text import Interrupting, add_options, as_text, few_options, lines, state, tagged

ETHIOPIC = str.maketrans("kaitrnlous", "ሀለሐመሠረሰሸቀበ")
RULES = tuple(sorted((chr(letter), latin) for latin, letter in zip("kaitrnlous", ETHIOPIC.values(), strict=True)))


def foreign(count: int, *, seed: int = 0) -> list[str]:
    """Lines in letters of which the vocabulary has none."""
    return [line.translate(ETHIOPIC) for line in lines(count, seed=seed)]


@pytest.fixture
def text(tmp_path: Path) -> Text:
    (tmp_path / "text").mkdir()
    return as_text(foreign(90), tmp_path / "text")


def test_it_is_learnt_from_what_its_text_would_be(model: HyperX, text: Text) -> None:
    before = state(model)
    added = add_language(model, "qaa", text, add_options(patch_pieces=0), transliteration=RULES)
    assert added.record.transliteration == RULES and added.proof.holds
    assert added.losses["learnt"] < min(loss for name, loss in added.losses.items() if name != "learnt") - 0.05
    plain = Encoder(model.tokenizer, max_length=24).text([line.translate(_back()) for line in text.lines])
    read = Encoder(model.tokenizer_for("qaa"), max_length=24).text(text.lines)
    assert [e.ids.tolist() for e in read] == [e.ids.tolist() for e in plain]
    after = state(model)
    del after["records"]["qaa"]
    assert after == before


def _back() -> dict[int, str]:
    return str.maketrans(dict(RULES))


def test_without_it_nothing_can_be_learnt_from_such_a_text(model: HyperX, text: Text) -> None:
    with pytest.raises(DataError):
        add_language(model, "qaa", text, add_options(patch_pieces=0))


def test_what_it_makes_readable_is_told(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(steps=1, warmup=0), transliteration=RULES)
    told = added.record.provenance["transliteration"]
    assert (told["rules"], told["unknown_words_before"], told["unknown_words_after"]) == (len(RULES), 1.0, 0.0)
    words = [Sentence(tuple(line.translate(_back()).split())) for line in split_text(text.lines).report]
    cut = Encoder(model.tokenizer, max_length=512).pieces_per_word(words)
    assert told["pieces_per_word_after"] == pytest.approx(cut, abs=1e-3)
    assert "patch" not in added.record.provenance  # nothing is lacking any more


def test_a_patch_is_found_in_what_is_read(model: HyperX, tmp_path: Path) -> None:
    odd = [line.replace("ሠ", "ŵ") for line in foreign(90)]
    added = add_language(model, "qaa", as_text(odd, tmp_path), add_options(), transliteration=RULES)
    assert set(added.record.pieces) == {"##ŵ", "ŵ"}
    told = added.record.provenance
    assert told["transliteration"]["unknown_words_after"] == told["patch"]["unknown_words_before"] > 0
    assert told["patch"]["unknown_words_after"] == 0
    again = from_bytes(to_bytes(added.record), provenance={})
    assert (again.pieces, again.transliteration) == (added.record.pieces, RULES)


def test_a_record_brings_it_back(tiny_backbone: Path, model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(steps=1, warmup=0), transliteration=RULES)
    other = build(tiny_backbone)
    other.transliterations["qaa"] = (("x", "y"),)
    other.attach(added.record)
    assert other.transliterations["qaa"] == RULES
    assert other.record("qaa", {}).hash == added.record.hash
    ids = Encoder(other.tokenizer_for("qaa"), max_length=24).text(text.lines[:3])
    assert all(other.tokenizer.unk_token_id not in e.ids for e in ids)
    plain = {**added.record.tensors}
    other.attach(LanguageRecord("qaa", added.record.model, plain, {}))
    assert other.tokenizer_for("qaa") is other.tokenizer
    other.attach(added.record)
    other.forget("qaa")
    assert other.tokenizer_for("qaa") is other.tokenizer


def test_labels_are_learnt_through_it(model: HyperX, text: Text) -> None:
    add_language(model, "qaa", text, add_options(steps=1, warmup=0), transliteration=RULES)
    labelled = [Sentence(tuple(w.translate(ETHIOPIC) for w in s.words), s.labels) for s in tagged(24)]
    learnt = fewshot(model, "qaa", "pos", labelled, few_options(n=24))
    assert learnt.record is not None and learnt.record.transliteration == RULES


def test_a_language_out_of_others_may_have_one(model: HyperX) -> None:
    record = like(model, "qaa", ["en", "mt"], transliteration=RULES)
    assert record.transliteration == RULES and model.transliterations["qaa"] == RULES


def test_what_fails_leaves_the_one_that_was_there(model: HyperX, text: Text, tmp_path: Path) -> None:
    like(model, "qaa", ["en", "mt"], transliteration=(("x", "y"),))
    with pytest.raises(DataError):
        add_language(model, "qaa", as_text(foreign(3), tmp_path), add_options(), transliteration=RULES)
    assert model.transliterations["qaa"] == (("x", "y"),)


def test_a_run_goes_on_only_with_the_same_one(tiny_backbone: Path, text: Text, tmp_path: Path) -> None:
    options, folder = add_options(check_every=2), tmp_path / "c"
    whole = add_language(build(tiny_backbone), "qaa", text, options, transliteration=RULES)
    with pytest.raises(KeyboardInterrupt):
        add_language(
            build(tiny_backbone), "qaa", text, options, transliteration=RULES, checkpoint=folder,
            reporter=Interrupting(2),
        )  # fmt: skip
    again: dict[str, Any] = {"checkpoint": folder, "resume": True}
    with pytest.raises(ConflictError, match="other options"):
        add_language(build(tiny_backbone), "qaa", text, options, transliteration=RULES[:-1], **again)
    resumed = add_language(build(tiny_backbone), "qaa", text, options, transliteration=RULES, **again)
    assert resumed.record.hash == whole.record.hash


def test_the_proof_covers_the_rules_of_the_others(model: HyperX) -> None:
    record = like(model, "qaa", ["en", "mt"], transliteration=RULES)
    witness = Witness(model, "qab")
    assert witness.compare().holds
    model.transliterations["qaa"] = RULES[1:]
    assert not witness.compare().holds
    model.attach(record)
    assert witness.compare().holds


def test_views_are_shared_by_what_is_read_alike(model: HyperX) -> None:
    made = Views(model, id)
    assert made["en"] == made["qaa"]
    model.transliterations |= {"qaa": RULES, "qab": tuple(RULES)}
    assert made["en"] != made["qaa"] == made["qab"]
