"""The proof fails as soon as one bit of anything else has changed, and freezing leaves no trace."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hyperx_cl.model.adapter import Part
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Slot
from hyperx_cl.train.proof import Witness, frozen
from tests.model.building import build
from tests.model.test_tokenpatch import patch


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages with a part each; tr was added and has pairs; xx is being added."""
    model = build(tiny_backbone, language_part=2)
    for code in ("tr", "xx"):
        language = model.new_language(code, torch.ones(8), rank=2)
        for task in ("pos", "ner"):
            language.pairs[task] = Slot(torch.ones(8), Part(3, 32, 2))
    return model


def flip(values: Tensor) -> None:
    """Flip the lowest bit of the first number."""
    with torch.no_grad():
        values.view(-1)[:1].view(torch.int32).bitwise_xor_(1)


def pair(model: HyperX, code: str, task: str) -> Slot:
    """What a pair has of its own."""
    slot = model.language(code).pairs[task]
    assert isinstance(slot, Slot)
    return slot


def change(model: HyperX, code: str, *pairs: str) -> None:
    """Change some of a language's slots in every number."""
    language = model.language(code)
    with torch.no_grad():
        changed = [p for pair in pairs for p in language.pairs[pair].parameters()] if pairs else language.parameters()
        for parameter in changed:
            parameter.add_(1)


def test_it_holds_while_only_the_language_itself_changes(model: HyperX) -> None:
    witness = Witness(model, "xx")
    change(model, "xx")
    proof = witness.compare()
    assert proof.holds and proof.probe and proof.before == proof.after and len(proof.before) == 64
    assert (proof.languages, proof.covers) == (4, "the model and the 4 other languages in use")


def test_a_language_that_comes_or_goes_meanwhile_is_no_matter_if_it_is_the_one(model: HyperX) -> None:
    del model.added["xx"]
    witness = Witness(model, "xx")
    model.new_language("xx", torch.zeros(8))
    assert witness.compare().holds


def test_what_is_not_in_use_is_not_claimed_but_stays_in_the_hash(model: HyperX) -> None:
    model.forget("en")
    witness = Witness(model, "xx")
    assert witness.compare().covers == "the model and the 3 other languages in use"
    flip(dict(model.forgotten.named_parameters())["en.own.embedding"])
    assert not witness.compare().holds


TAMPER: dict[str, Callable[[HyperX], Tensor]] = {
    "embedding of a base language": lambda m: m.language("en").own.embedding,
    "part of a base language": lambda m: m.language("en").own.part.down_bias,  # type: ignore[union-attr]
    "embedding of an added language": lambda m: m.language("tr").own.embedding,
    "pair of an added language": lambda m: pair(m, "tr", "ner").embedding,
    "hypernetwork": lambda m: m.hypernetwork.generator.weight,
    "layer embeddings": lambda m: m.hypernetwork.layer_embeddings,
    "task embedding": lambda m: m.task_embeddings["pos"],
    "head": lambda m: next(m.heads["ner"].parameters()),
    "LayerNorm of our own": lambda m: next(m.norms.parameters()),
}


@pytest.mark.parametrize("what", TAMPER)
def test_one_flipped_bit_elsewhere_changes_the_hash(model: HyperX, what: str) -> None:
    witness = Witness(model, "xx")
    flip(TAMPER[what](model))
    proof = witness.compare()
    assert not proof.holds and proof.before != proof.after
    flip(TAMPER[what](model))
    assert witness.compare().holds


def test_the_pieces_of_another_language_s_token_patch_are_covered(model: HyperX) -> None:
    patch(model, "yy")
    witness, own = Witness(model, "xx"), model.language("yy").patch
    assert own is not None and witness.compare().holds
    own.pieces = own.pieces[::-1]
    assert witness.compare().before != witness.compare().after
    own.pieces = own.pieces[::-1]
    flip(own.bias)
    assert not witness.compare().holds
    assert Witness(model, "yy").compare().holds


def test_the_probe_sees_what_the_hash_does_not_cover(model: HyperX) -> None:
    witness = Witness(model, "xx")
    with torch.no_grad():
        model.backbone.word_embeddings.add_(0.1)
    proof = witness.compare()
    assert proof.before == proof.after and not proof.probe and not proof.holds


def test_with_a_task_named_the_language_s_other_pairs_must_stay_too(model: HyperX) -> None:
    witness = Witness(model, "xx", task="pos")
    change(model, "xx", "pos")
    assert witness.compare().holds
    change(model, "xx", "ner")
    proof = witness.compare()
    assert proof.before != proof.after and not proof.probe
    for values in (model.language("xx").own.embedding, pair(model, "xx", "ner").embedding):
        witness = Witness(model, "xx", task="pos")
        flip(values)
        assert not witness.compare().holds


def test_a_pair_that_is_new_is_the_one_that_may_come(model: HyperX) -> None:
    del model.language("xx").pairs["pos"]
    witness = Witness(model, "xx", task="pos")
    model.language("xx").pairs["pos"] = Slot(torch.zeros(8))
    assert witness.compare().holds
    model.language("xx").pairs["mlm"] = Slot(torch.zeros(8))
    assert not witness.compare().holds
    assert Witness(model, "xx").compare().holds


def test_the_model_s_own_copy_of_the_language_may_not_move_either(model: HyperX) -> None:
    model.new_language("en", torch.zeros(8))  # a version beside the one that the model was trained with
    witness = Witness(model, "en")
    change(model, "en")
    assert witness.compare().holds
    flip(dict(model.base.named_parameters())["en.own.embedding"])
    assert not witness.compare().holds


@pytest.mark.parametrize("training", [True, False])
def test_freezing_leaves_no_trace(model: HyperX, training: bool) -> None:
    model.language("en").own.embedding.requires_grad_(False)
    model.train(training)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    chance = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt), frozen(model, seed=3):
        assert not any(p.requires_grad for p in model.parameters())
        model.train(not training)
        torch.rand(3)
        raise KeyboardInterrupt
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags
    assert not flags["base.en.own.embedding"] and any(flags.values())
    assert model.training is training and torch.equal(torch.get_rng_state(), chance)


def test_what_is_drawn_inside_follows_from_the_seed_alone(model: HyperX) -> None:
    drawn = []
    for ambient, seed in ((1, 5), (2, 5), (2, 6)):
        torch.manual_seed(ambient)
        with frozen(model, seed=seed):
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])
