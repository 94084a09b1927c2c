"""Self-training: which labels are taken, what moves, and that it makes a tagger surer of what it half knows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import IGNORED, Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.text import Text
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import label_ids, word_probabilities
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.fewshot import fewshot
from hyperx_cl.train.progress import Silent
from hyperx_cl.train.proof import frozen
from hyperx_cl.train.self_training import by_form, labelling_tasks, own_labels, self_train, split_lines
from tests.train.small_text import add_options, few_options, state, tagged

PAIR = Pair("pos", "qaa")


def sentences(count: int) -> list[str]:
    return [" ".join(sentence.words[:-1]) + "." for sentence in tagged(count, seed=5)]


def test_of_each_label_the_surest_share_is_taken(tiny_backbone: Path, model: HyperX) -> None:
    windows = Encoder(model.tokenizer, max_length=24).words([Sentence(("a", "b", "c")), Sentence(("d", "e"))], None)
    sure = [[0.9, 0.1, 0], [0.8, 0.2, 0], [0.3, 0.7, 0]], [[0.6, 0.4, 0], [0.34, 0.33, 0.33]]
    beliefs = [np.array(rows, np.float32) for rows in sure]
    found = own_labels(windows, beliefs, keep=0.5)
    # of label 0 the upper half of .9 .8 .6 .34, of label 1 its only word
    assert [window.labels.tolist() for window in found] == [[0, 0, 1]]
    assert own_labels(windows, beliefs, keep=1.0)[1].labels.tolist() == [0, IGNORED]  # .34 is never sure
    unsure = [np.full_like(belief, 1 / 3) for belief in beliefs]
    assert own_labels(windows, unsure, keep=1.0) == []


def test_a_word_is_weighed_against_its_form(model: HyperX) -> None:
    given = [Sentence(("The", "cat", "the")), Sentence(("the",))]
    windows = Encoder(model.tokenizer, max_length=24).words(given, None)
    beliefs = [np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32), np.array([[0.3, 0.7]], np.float32)]
    same = by_form(given, windows, beliefs, 0.0)
    assert all(np.allclose(one, other) for one, other in zip(same, beliefs, strict=True))
    form = by_form(given, windows, beliefs, 1.0)  # of "the" the mean of .9, .6 and .3
    assert np.allclose(form[0], [[0.6, 0.4], [0.2, 0.8], [0.6, 0.4]]) and np.allclose(form[1], [[0.6, 0.4]])
    half = by_form(given, windows, beliefs, 0.5)
    own, other = np.sqrt(0.3 * 0.6), np.sqrt(0.7 * 0.4)
    assert np.allclose(half[1], [[own / (own + other), other / (own + other)]])


def test_lines_are_drawn_by_the_seed_and_split_as_tag_does() -> None:
    given = [f"Il-ktieb ta' {word}!" for word in ("Marija", "Karm", "Ġorġ")] + ["Iva."]
    split = split_lines(given, "mt", most=3, seed=1)
    assert split == split_lines(given, "mt", most=3, seed=1) and len(split) in (2, 3)
    assert split[0].words[:3] == ("Il-", "ktieb", "ta'") and split[0].words[-1] == "!"
    many = [f"word {i} here" for i in range(50)]
    some = [split_lines(many, "mt", most=5, seed=seed) for seed in (1, 1, 2)]
    assert some[0] == some[1] != some[2] and len(some[0]) == 5
    assert split_lines(["我们今天去学校读书。"], "zh", most=5, seed=1) == []
    assert len(split_lines(["a b " * 100], "en", most=5, seed=1)[0]) == 60


def test_tasks_by_name(model: HyperX) -> None:
    assert labelling_tasks(model, "all") == ["ner", "pos"] and labelling_tasks(model, "none") == []
    assert labelling_tasks(model, "words") == ["pos"]  # names of spans are no labels of words
    assert labelling_tasks(model, "pos, ner,pos") == ["pos", "ner"]
    with pytest.raises(UsageError, match="mlm labels no words"):
        labelling_tasks(model, "pos,mlm")
    with pytest.raises(NotFoundError, match="has no task 'poss'"):
        labelling_tasks(model, "poss")


def test_beliefs_are_what_the_labels_come_from(model: HyperX) -> None:
    given = [Sentence(sentence.words) for sentence in tagged(9)]
    windows = Encoder(model.tokenizer, max_length=24).words(given, None)
    beliefs = word_probabilities(model, Pair("pos", "mt"), windows)
    best = label_ids(model, Pair("pos", "mt"), windows, sentences=9)
    assert [belief.argmax(1).tolist() for belief in beliefs] == [ids.tolist() for ids in best]
    assert all(np.allclose(belief.sum(1), 1, atol=1e-5) for belief in beliefs)


def test_a_half_learnt_pair_gets_surer_and_nothing_else_moves(model: HyperX) -> None:
    model.new_language("qaa", torch.zeros(model.options.embedding))
    fewshot(model, "qaa", "pos", tagged(12), few_options())  # it knows a little now
    language = model.language("qaa")
    slot = language.pairs["pos"]
    language.own.embedding.data, language.own.part = slot.embedding.data, slot.part  # as if MLM had taught it that
    del language.pairs["pos"]
    before, own = state(model), model.language("qaa").tensors()
    with frozen(model, seed=1):
        taught = self_train(model, PAIR, sentences(40), add_options(self_steps=30, self_rate=3e-2), Silent())
    assert taught is not None and taught.steps == 30 and 0.4 < taught.kept < 0.8
    assert 0 < taught.confidence < 1 and taught.tokens > taught.words > 100
    after = model.language("qaa").tensors()
    assert {name for name in after if name not in own} == {
        "pair.pos.embedding", "pair.pos.part.down", "pair.pos.part.down_bias", "pair.pos.part.up"
    }  # fmt: skip
    assert all(np.array_equal(own[name], after[name]) for name in own)
    assert np.array_equal(after["pair.pos.embedding"], own["embedding"]) and after["pair.pos.part.up"].any()
    assert state(model)["saved"] == before["saved"]
    windows = Encoder(model.tokenizer, max_length=24).words(split_lines(sentences(40), "qaa", most=40, seed=1), None)
    surer = np.mean([row.max() for belief in word_probabilities(model, PAIR, windows) for row in belief])
    assert surer > taught.confidence


def test_what_cannot_be_split_teaches_nothing(model: HyperX) -> None:
    class Told(Silent):
        said = ""

        def say(self, text: str) -> None:
            self.said += text

    told = Told()
    assert self_train(model, Pair("pos", "mt"), ["我们今天去学校读书。"], add_options(), told) is None
    assert "cannot be split into words" in told.said and "pos" not in model.language("mt").pairs


def test_added_with_it_the_rest_is_as_without(model: HyperX, text: Text) -> None:
    plain = add_language(model, "qaa", text, add_options())
    added = add_language(model, "qaa", text, add_options(self_tasks="all", self_steps=3, self_lines=20))
    assert added.losses == plain.losses and added.proof.holds and added.tokens > plain.tokens
    more = {name for name in added.record.tensors if name not in plain.record.tensors}
    # Of 17 tags this model is sure of none.
    assert {name.split(".")[1] for name in more} == {"ner"} and added.record.tasks == ("ner",)
    assert all(np.array_equal(added.record.tensors[name], plain.record.tensors[name]) for name in plain.record.tensors)
    facts = added.record.provenance["self_training"]
    assert facts["ner"]["steps"] == 3 and facts["ner"]["sentences"] <= 20 and "pos" not in facts
    assert "self_training" not in plain.record.provenance
    again = add_language(model, "qaa", text, add_options(self_tasks="all", self_steps=3, self_lines=20))
    assert again.record.hash == added.record.hash
