"""Starts and controls: the nearest is the one that fits, the mixture stays in the hull, the mean is the mean."""

from pathlib import Path

import pytest
import torch

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.model.adapter import Part
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches
from hyperx_cl.model.language import Slot
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.starts import Mixture, controls, loss_with, mean, mixture, nearest, place, with_part
from tests.model.building import build
from tests.model.test_tokenpatch import patch
from tests.train.small_text import add_options, as_text, lines


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    return build(tiny_backbone)


def batches(model: HyperX, given: list[str], code: str = "xx") -> list[Batch]:
    """Masked batches of some lines."""
    return masked_batches(model, code, Encoder(model.tokenizer, max_length=24).text(given), seed=1)


class Draw:
    """Micro-batches of the same lines, masked anew each time."""

    def __init__(self, model: HyperX, given: list[str]) -> None:
        self.encoded = Encoder(model.tokenizer, max_length=24).text(given)
        self.vocabulary, self.number = Vocabulary.of(model.tokenizer), 0

    def __call__(self) -> Batch:
        """The next one."""
        self.number += 1
        return mask_tokens(self.encoded, Pair("mlm", "xx"), self.vocabulary, mask_generator(0, self.number))


def test_nearest_is_the_language_that_has_learnt_the_like(model: HyperX, tmp_path: Path) -> None:
    add_language(model, "tr", as_text(lines(60), tmp_path), add_options(rate=0.1, capacity="vector"))
    seen = batches(model, lines(40, seed=9))
    found = nearest(model, "xx", ["en", "mt", "tr", "ug"], seen)
    losses = {code: loss_with(model, "xx", model.language(code).own, seen) for code in ("en", "mt", "tr", "ug")}
    assert min(losses, key=lambda code: losses[code]) == "tr"
    assert found.name == "nearest: tr"
    assert torch.equal(found.slot.embedding, model.language("tr").own.embedding)
    assert nearest(model, "xx", ["en", "ug"], seen).name in ("nearest: en", "nearest: ug")


def test_nearest_counts_the_parts_and_hands_out_copies(model: HyperX, tmp_path: Path) -> None:
    add_language(model, "tr", as_text(lines(60), tmp_path), add_options(rate=0.1))
    like_en = model.language("en").own.embedding.detach()
    assert model.language("tr").own.part is not None
    model.new_language("uz", like_en)  # the same vector as en, and the part that has learnt
    model.language("uz").own.part = model.language("tr").own.part
    found = nearest(model, "xx", ["en", "uz"], batches(model, lines(40, seed=9)))
    assert found.name == "nearest: uz" and found.slot.part is not None
    with torch.no_grad():
        found.slot.embedding.zero_()
        found.slot.part.up.zero_()
    assert torch.equal(model.language("uz").own.embedding, like_en)
    assert model.language("tr").tensors()["part.up"].any()


def test_of_equal_languages_the_first_by_code_is_the_nearest(model: HyperX) -> None:
    for code in ("uz", "tr"):
        model.new_language(code, torch.ones(8))
    assert nearest(model, "xx", ["uz", "tr"], batches(model, lines(20))).name == "nearest: tr"


def test_the_mixture_stays_in_the_hull_and_fits_better_than_the_middle(model: HyperX) -> None:
    codes = ["en", "mt", "ug"]
    stored = torch.stack([model.language(code).own.embedding.detach() for code in codes])
    before = {name: value.clone() for name, value in model.saved_tensors().items()}
    start, tokens = mixture(model, "xx", codes, Draw(model, lines(30)), steps=25)
    found = start.slot.embedding.detach()
    # Three points and a sum of one: the weights follow from the mixture, and none of them is negative.
    system = torch.cat([stored.T, torch.ones(1, 3)]).double()
    weights = torch.linalg.lstsq(system, torch.cat([found, torch.ones(1)]).double()).solution
    assert torch.allclose(system @ weights, torch.cat([found, torch.ones(1)]).double(), atol=1e-5)
    assert (weights > 0).all() and (weights - 1 / 3).abs().max() > 0.05
    assert start.name == "mixture" and start.slot.part is None and tokens > 25 * 30
    held_out = batches(model, lines(60, seed=7))
    middle = Slot(stored.mean(0))
    assert loss_with(model, "xx", start.slot, held_out) < loss_with(model, "xx", middle, held_out)
    assert all(torch.equal(value, before[name]) for name, value in model.saved_tensors().items())


def test_a_mixture_of_no_steps_is_the_middle(model: HyperX) -> None:
    start, tokens = mixture(model, "xx", ["en", "mt"], Draw(model, lines(10)), steps=0)
    middle = (model.language("en").own.embedding + model.language("mt").own.embedding) / 2
    assert tokens == 0 and torch.allclose(start.slot.embedding, middle)


def test_a_token_patch_belongs_to_the_language_whatever_it_runs_with(model: HyperX) -> None:
    patch(model, "xx", "yy")
    own = model.language("xx").patch
    assert own is not None
    place(model, "xx", Slot(torch.ones(8)))
    assert model.language("xx").patch is own
    encoded = Encoder(model.tokenizer_for("xx"), max_length=24).text(["ŵan əl tin", "aŵ ŵə"])
    seen = masked_batches(model, "xx", encoded, seed=1)
    found = nearest(model, "xx", ["en", "yy"], seen)  # a candidate's own patch stays at home
    assert found.name in ("nearest: en", "nearest: yy") and model.language("xx").patch is own
    own.requires_grad_(False)
    mixture(model, "xx", ["en", "mt"], lambda: seen[0], steps=2)
    assert model.language("xx").patch is own and own.bias.grad is None


def test_only_the_weights_of_a_mixture_are_trained(model: HyperX) -> None:
    stored = torch.stack([model.language(code).own.embedding.detach() for code in ("en", "mt")])
    mixed = Mixture(stored)
    assert [name for name, _ in mixed.named_parameters()] == ["logits"]
    place(model, "xx", mixed)
    for _ in Loop(model, [Group([mixed.logits], 0.1)], Draw(model, lines(10)), Schedule(2)):
        pass
    assert torch.equal(mixed.stored, stored) and mixed.logits.abs().max() > 0.01


def test_mean_of_embeddings_and_of_parts_of_one_rank(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, language_part=2)
    own = {code: model.language(code).own for code in ("en", "mt")}
    found = mean(model, ["en", "mt"])
    assert found.name == "mean"
    assert torch.allclose(found.slot.embedding, (own["en"].embedding + own["mt"].embedding) / 2)
    assert found.slot.part is not None
    for name in ("down", "down_bias", "up"):
        one, other = (getattr(slot.part, name) for slot in own.values())
        assert torch.allclose(getattr(found.slot.part, name), (one + other) / 2)
        assert not torch.equal(one, other)
    assert found.slot.part is not own["en"].part
    model.language("mt").own.part = Part(3, 32, 4)
    assert mean(model, ["en", "mt"]).slot.part is None
    model.language("mt").own.part = None
    assert mean(model, ["en", "mt"]).slot.part is None
    assert mean(model, ["en", "ug"]).slot.part is not None


def test_controls_are_four_and_know_nothing_of_the_text(model: HyperX) -> None:
    found = controls(model, "ug", "mt", seed=4)
    assert list(found) == ["random", "zero", "mean", "nearest"]
    again, other = (controls(model, "ug", "mt", seed=seed)["random"].embedding for seed in (4, 5))
    assert torch.equal(found["random"].embedding, again) and not torch.equal(again, other)
    assert not found["zero"].embedding.any()
    assert torch.equal(found["mean"].embedding, mean(model, ["en", "mt"]).slot.embedding)  # ug itself is left out
    assert torch.equal(found["nearest"].embedding, model.language("mt").own.embedding)
    assert found["nearest"].embedding is not model.language("mt").own.embedding


def test_a_part_is_taken_over_where_its_shape_fits_and_else_changes_nothing_yet(model: HyperX) -> None:
    kept = Slot(torch.ones(8), Part(3, 32, 4)).requires_grad_(False)
    copied = with_part(model, kept, 4)
    assert copied.part is not None and kept.part is not None
    assert torch.equal(copied.part.down, kept.part.down) and copied.part.down is not kept.part.down
    assert all(p.requires_grad for p in copied.parameters())
    fresh = with_part(model, kept, 2)
    assert fresh.part is not None and fresh.part.down.shape == (3, 2, 32)
    assert fresh.part.down.any() and not fresh.part.up.any()
    lower = with_part(model, kept, 4, layers=2)
    assert lower.part is not None and lower.part.down.shape == (2, 4, 32) and not lower.part.up.any()
    assert with_part(model, kept, 0).part is None
    seen = batches(model, lines(20))
    assert loss_with(model, "xx", fresh, seen) == loss_with(model, "xx", with_part(model, kept, 0), seen)
