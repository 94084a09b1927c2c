"""A token patch learnt with its language: found in the train part, learnt by MLM, kept by all that comes later."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.text import Text, split_text
from hyperx_cl.data.tokenpatch import find_patch
from hyperx_cl.errors import ConflictError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_score
from hyperx_cl.train.add_language import add_language, like
from hyperx_cl.train.fewshot import fewshot
from hyperx_cl.train.patching import begin_patch, patch_facts
from hyperx_cl.train.starts import loss_with, mean
from tests.model.building import build
from tests.model.test_tokenpatch import grown, patch
from tests.train.small_text import Interrupting, add_options, as_text, few_options, lines, state, tagged

PIECES = {"##ŵ", "ŵ", "##ə", "ə"}


def odd(count: int, *, seed: int = 0) -> list[str]:
    """Lines of a language two of whose letters the vocabulary lacks."""
    return [line.replace("r", "ŵ").replace("o", "ə") for line in lines(count, seed=seed)]


@pytest.fixture
def text(tmp_path: Path) -> Text:
    (tmp_path / "text").mkdir()
    return as_text(odd(90), tmp_path / "text")


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    return build(tiny_backbone).train()


def test_it_is_learnt_and_nothing_else_changes(model: HyperX, text: Text) -> None:
    before = state(model)
    added = add_language(model, "qaa", text, add_options())
    assert (
        set(added.record.pieces) == PIECES
        and added.proof.holds
        and added.warnings == (f"{text.path} has only 90 lines: expect more from some thousands.",)
    )
    assert added.losses["learnt"] < min(loss for name, loss in added.losses.items() if name != "learnt") - 0.05
    first = begin_patch(model, "qaa", text, add_options())
    own = model.language("qaa").patch
    assert first is not None and own is not None and first.pieces == own.pieces == added.record.pieces
    assert (own.embeddings != first.embeddings).all(1).all() and (own.bias != first.bias).all()
    assert all(p.requires_grad for p in model.language("qaa").parameters())
    assert not any(p.grad is not None for p in model.parameters())
    after = state(model)
    del after["records"]["qaa"]
    assert after == before


def test_what_it_makes_readable_is_told(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(steps=1, warmup=0))
    told = added.record.provenance["patch"]
    report = split_text(text.lines).report
    assert told == patch_facts(model, "qaa", report) and told["pieces"] == 4
    words = [word for line in report for word in line.split()]
    unknown = sum("ŵ" in word or "ə" in word for word in words) / len(words)
    assert told["unknown_words_before"] == pytest.approx(unknown, abs=1e-4) and unknown > 0.2
    assert told["unknown_words_after"] == 0.0
    assert told["pieces_per_word_after"] > told["pieces_per_word_before"] > 1


def test_all_losses_are_of_one_reading(model: HyperX, text: Text) -> None:
    options = add_options()
    added = add_language(model, "qaa", text, options)
    encoder = Encoder(model.tokenizer_for("qaa"), max_length=options.max_length)
    report = masked_batches(model, "qaa", encoder.text(split_text(text.lines).report), seed=1)
    size = model.backbone.info.vocabulary
    assert any((batch.input_ids >= size).any() for batch in report)
    assert round(masked_score(model, report).loss, 4) == added.losses["learnt"]
    model.language("qaa").patch = begin_patch(model, "qaa", text, options)
    assert round(loss_with(model, "qaa", mean(model, list(model.base)).slot, report), 4) == added.losses["mean"]


def test_it_is_found_in_the_train_part_alone(model: HyperX, tmp_path: Path) -> None:
    given = odd(200)
    held = [line for line in split_text([*given, *(f"ҡa {i}" for i in range(900))]).report if line[0] == "ҡ"][:12]
    given += held
    assert len(held) == 12 and set(held) <= set(split_text(given).report)
    found = begin_patch(model, "qaa", as_text(given, tmp_path), add_options())
    assert found is not None and set(found.pieces) == PIECES
    assert "ҡ" in find_patch(given, model.tokenizer)


def test_none_is_made_where_none_is_wanted_or_lacking(model: HyperX, text: Text, tmp_path: Path) -> None:
    assert begin_patch(model, "qaa", text, add_options(patch_pieces=0)) is None
    assert begin_patch(model, "qaa", text, add_options(capacity="vector")) is None
    assert begin_patch(model, "qaa", text, add_options(patch_least=10_000)) is None
    assert begin_patch(model, "qaa", as_text(lines(90), tmp_path), add_options()) is None
    one = begin_patch(model, "qaa", text, add_options(patch_pieces=1))
    assert one is not None and len(one.pieces) == 1
    added = add_language(model, "qaa", as_text(lines(90), tmp_path), add_options(steps=1, warmup=0))
    assert added.record.pieces == () and "patch" not in added.record.provenance


def test_none_is_made_where_the_rows_go_on_behind_the_tokenizer(tiny_backbone: Path, text: Text) -> None:
    own = patch(build(tiny_backbone), "xx").language("xx").patch
    assert own is not None
    assert begin_patch(build(grown(tiny_backbone, own)), "qaa", text, add_options()) is None


def test_a_text_of_unknown_words_alone_can_be_learnt_from(model: HyperX, tmp_path: Path) -> None:
    unknown = [f"ᎠᎡᎢ {i} ᎣᎤᎥ ᎦᎧᎨ ab" for i in range(60)]
    added = add_language(model, "qaa", as_text(unknown, tmp_path), add_options())
    assert added.losses["learnt"] < added.losses["mean"] and len(added.record.pieces) > 5


@pytest.mark.parametrize("look", [2, 5])
def test_interrupted_and_resumed_is_as_never_interrupted(
    look: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options, folder = add_options(check_every=2), tmp_path / "c"
    whole = add_language(build(tiny_backbone, dropout=True), "qaa", text, options)
    with pytest.raises(KeyboardInterrupt):
        add_language(
            build(tiny_backbone, dropout=True), "qaa", text, options, checkpoint=folder, reporter=Interrupting(look)
        )
    torch.manual_seed(77)
    resumed = add_language(
        build(tiny_backbone, dropout=True), "qaa", text, options, checkpoint=folder, resume=True
    )  # fmt: skip
    assert (resumed.record.hash, resumed.losses) == (whole.record.hash, whole.losses)
    assert resumed.record.pieces == whole.record.pieces != ()


def test_a_checkpoint_goes_on_with_the_pieces_that_it_has(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(), checkpoint=folder, reporter=Interrupting(2))
    for changed in (add_options(patch_pieces=0), add_options(patch_pieces=2)):
        with pytest.raises(ConflictError, match="made with another text, model or other options"):
            add_language(model, "qaa", text, changed, checkpoint=folder, resume=True)
    assert add_language(
        model, "qaa", text, add_options(patch_pieces=99), checkpoint=folder, resume=True
    ).record.pieces  # the same ones are found


def test_a_checkpoint_from_before_there_were_patches_goes_on_without(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder, options = tmp_path / "c", add_options(patch_pieces=0)
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, options, checkpoint=folder, reporter=Interrupting(2))
    kept = json.loads((folder / "state.json").read_text())
    assert not [name for name in kept["configuration"]["options"] if name.startswith("patch")]
    assert "patch" not in kept["configuration"]
    assert add_language(model, "qaa", text, options, checkpoint=folder, resume=True).record.pieces == ()


def learnt(model: HyperX, text: Text, **changes: Any) -> tuple[str, ...]:
    """The pieces of a new version."""
    return add_language(model, "qaa", text, add_options(steps=1, warmup=0, **changes)).record.pieces


def test_a_new_version_has_its_own_patch_or_none(model: HyperX, text: Text, tmp_path: Path) -> None:
    assert set(learnt(model, text)) == PIECES
    earlier = model.record("qaa", {}).hash
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(patch_pieces=1), reporter=Interrupting(1))
    assert model.record("qaa", {}).hash == earlier
    assert len(learnt(model, text, patch_pieces=1)) == 1
    assert learnt(model, text, patch_pieces=0) == learnt(model, as_text(lines(90), tmp_path)) == ()
    assert set(learnt(model, text)) == PIECES
    assert like(model, "qaa", ["en", "mt"]).pieces == ()
    assert add_language(model, "qab", text, add_options(steps=1, warmup=0)).record.pieces  # beside one that has one


def test_few_sentences_keep_it_as_it_is(model: HyperX, text: Text) -> None:
    add_language(model, "qaa", text, add_options(steps=1, warmup=0))
    before, others = model.record("qaa", {}), state(model)
    sentences = [s.__class__(tuple(word.replace("r", "ŵ") for word in s.words), s.labels) for s in tagged(8)]
    found = fewshot(model, "qaa", "pos", sentences, few_options(epochs=40), test=sentences)
    assert found.record is not None and found.proof.holds
    assert found.record.pieces == before.pieces
    for name in ("patch.embeddings", "patch.bias", "embedding"):
        assert (found.record.tensors[name] == before.tensors[name]).all()
    assert state(model)["saved"] == others["saved"]
