"""A few labelled sentences: they help, move one pair alone, and are never scored by what has seen them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hyperx_cl.artefact import load_record, save_record
from hyperx_cl.config import FewshotOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference, label_ids
from hyperx_cl.train import fewshot as recipe
from hyperx_cl.train.fewshot import CANDIDATES, EMBEDDING, KFOLD, TEST_FILE, WITH_PART, ZERO_SHOT, draw, fewshot
from tests.model.building import LANGUAGES, TASKS, batch, build
from tests.train.small_text import few_options, tagged

NOTHING = {"rate": 1e-30, "rate_embedding": 1e-30, "epochs": 1}
VECTOR = {"rate": 1e-30, "rate_embedding": 0.3}


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages with a part each, and xx, which was added; its vectors matter."""
    model = build(tiny_backbone, language_part=2)
    with torch.no_grad():
        model.hypernetwork.generator.weight.mul_(10)
    model.new_language("xx", torch.randn(8, generator=torch.Generator().manual_seed(2)), rank=2)
    return model.train()


def taught(model: HyperX, teacher: str, sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences with the tags that the model gives them under another language's vector."""
    encoded = Encoder(model.tokenizer, max_length=24).words(sentences, None)
    found = label_ids(model, Pair("pos", teacher), encoded, sentences=len(sentences))
    return [Sentence(s.words, tuple(POS.labels[i] for i in ids)) for s, ids in zip(sentences, found, strict=True)]


def accuracy(found: Sequence[npt.NDArray[np.int64]], gold: Sequence[Sentence]) -> float:
    """Share of words with the right tag."""
    pairs = [(POS.labels[i], tag) for ids, sentence in zip(found, gold, strict=True)
             for i, tag in zip(ids, sentence.labels or (), strict=True)]  # fmt: skip
    return float(np.mean([one == other for one, other in pairs]))


def logits(model: HyperX) -> dict[tuple[str, str], bytes]:
    """The logits of every pair on a fixed batch, bit by bit."""
    with inference(model):
        return {
            (task.name, code): model(batch(model, task.name, code)).logits[0].numpy().tobytes()
            for task in TASKS
            for code in (*LANGUAGES, "xx")
        }


def state(model: HyperX) -> dict[str, Any]:
    """Tensors, languages, flags, mode, and what torch draws next."""
    return {
        "saved": fingerprint(model.saved_tensors()),
        "records": {code: model.record(code, {}).hash for code in model.languages()},
        "added": list(model.added),
        "flags": {name: p.requires_grad for name, p in model.named_parameters()},
        "training": model.training,
        "chance": torch.get_rng_state().tolist(),
    }


def test_a_draw_is_seeded_without_replacement_and_in_the_order_of_the_data() -> None:
    data = tagged(40)
    drawn = draw(data, 12, 3)
    places = [data.index(sentence) for sentence in drawn]
    assert drawn == draw(data, 12, 3) and places == sorted(set(places)) and len(places) == 12
    assert drawn != draw(data, 12, 4)
    assert draw(data, 40, 3) == data
    counts = np.bincount([data.index(s) for seed in range(200) for s in draw(data, 10, seed)], minlength=40)
    assert 25 < counts.min() and counts.max() < 80  # 50 on the average


def test_more_than_there_is_cannot_be_drawn() -> None:
    with pytest.raises(DataError, match="41 sentences were asked for, but the data has 40; lower --n."):
        draw(tagged(40), 41, 1)


def test_it_learns_tags_that_follow_from_the_words(tiny_backbone: Path) -> None:
    told: list[int] = []

    class Counting:
        def step(self, done: int, text: str) -> None:
            told.append(done)

        def say(self, text: str) -> None:
            assert text.startswith("k-fold, ")

    model, sentences, test = build(tiny_backbone, languages=[*LANGUAGES, "xx"]), tagged(12), tagged(30, seed=1)
    learnt = fewshot(model, "xx", "pos", sentences, few_options(epochs=40), test=test, reporter=Counting())
    assert learnt.chosen == WITH_PART and list(learnt.folds) == list(CANDIDATES) and told == [1, 2] * 3
    assert learnt.after > learnt.before + 0.4 and learnt.folds[WITH_PART] > learnt.folds[ZERO_SHOT] + 0.4
    assert (learnt.measured_on, learnt.metric) == (TEST_FILE, "POS accuracy, syntactic words")
    assert learnt.proof.holds and learnt.proof.languages == 3 and learnt.seconds > 0
    encoded = Encoder(model.tokenizer, max_length=24).words(test, None)
    found = label_ids(model, Pair("pos", "xx"), encoded, sentences=len(test))
    assert learnt.after == pytest.approx(accuracy(found, test))


def test_an_embedding_is_enough_where_a_vector_is_all_that_is_missing(model: HyperX) -> None:
    sentences, test = taught(model, "ug", tagged(12)), taught(model, "ug", tagged(30, seed=1))
    learnt = fewshot(model, "xx", "pos", sentences, few_options(**VECTOR), test=test)
    assert learnt.folds[EMBEDDING] == learnt.folds[WITH_PART] > learnt.folds[ZERO_SHOT]
    assert learnt.chosen == EMBEDDING  # of equals the smaller one
    assert learnt.after > learnt.before and learnt.record is not None
    assert {name for name in learnt.record.tensors if name.startswith("pair.")} == {"pair.pos.embedding"}


def test_a_part_has_the_language_s_shape_under_the_pair_s_name(model: HyperX) -> None:
    learnt = fewshot(model, "xx", "pos", tagged(12), few_options(rank=4))
    assert learnt.record is not None and learnt.record.tasks == ("pos",)
    shapes = {name: values.shape for name, values in learnt.record.tensors.items() if name.startswith("pair.")}
    assert shapes == {
        "pair.pos.embedding": (8,), "pair.pos.part.down": (3, 4, 32), "pair.pos.part.down_bias": (3, 4),
        "pair.pos.part.up": (3, 32, 4),
    }  # fmt: skip
    own = model.record("xx", {}).tensors
    assert all((own[name] == values).all() for name, values in learnt.record.tensors.items())
    assert learnt.record.tensors["pair.pos.part.up"].any()


@pytest.mark.parametrize(("code", "changes"), [("xx", {}), ("en", {}), ("xx", VECTOR)], ids=["added", "base", "vector"])
def test_only_the_pair_moves(model: HyperX, code: str, changes: dict[str, Any]) -> None:
    sentences = taught(model, "ug", tagged(12)) if changes else tagged(12)
    before, bits = state(model), logits(model)
    own = model.language(code).tensors()
    learnt = fewshot(model, code, "pos", sentences, few_options(**changes))
    assert learnt.record is not None and learnt.proof.holds
    after, moved = state(model), logits(model)
    assert {pair for pair in bits if bits[pair] != moved[pair]} == {("pos", code)}
    assert {other for other, mark in before["records"].items() if after["records"][other] != mark} == {code}
    for name in ("saved", "training", "chance"):
        assert after[name] == before[name]
    assert all(after["flags"][name] is flag for name, flag in before["flags"].items() if name in after["flags"])
    assert all(p.requires_grad for p in model.language(code).parameters())
    assert all((learnt.record.tensors[name] == values).all() for name, values in own.items())
    assert set(learnt.record.tensors) - set(own) == {n for n in learnt.record.tensors if n.startswith("pair.pos.")}


def test_stored_and_attached_it_gives_the_same_logits(model: HyperX, tiny_backbone: Path, tmp_path: Path) -> None:
    learnt = fewshot(model, "xx", "pos", tagged(12), few_options())
    assert learnt.record is not None
    bits = logits(model)
    model.save_pretrained(tmp_path / "model")
    loaded = HyperX.from_pretrained(tmp_path / "model", backbone=str(tiny_backbone))
    loaded.attach(load_record(save_record(learnt.record, tmp_path)))
    assert logits(loaded) == bits


def test_zero_shot_stays_where_it_is_not_beaten(model: HyperX) -> None:
    model.language("xx").pairs["ner"] = model.language("en").own
    before, bits, language = state(model), logits(model), model.language("xx")
    learnt = fewshot(model, "xx", "pos", tagged(8), few_options(**NOTHING), test=tagged(9, seed=3))
    assert (learnt.record, learnt.chosen, learnt.after) == (None, ZERO_SHOT, learnt.before)
    assert len(set(learnt.folds.values())) == 1 and learnt.proof.holds
    assert state(model) == before and logits(model) == bits and model.language("xx") is language


def test_zero_shot_of_a_base_language_stays_in_the_base(model: HyperX) -> None:
    before = state(model)
    assert fewshot(model, "en", "pos", tagged(8), few_options(**NOTHING)).record is None
    assert state(model) == before and "en" not in model.added


def test_without_a_test_file_it_is_measured_by_folds(model: HyperX) -> None:
    learnt = fewshot(model, "xx", "pos", tagged(12), few_options())
    assert (learnt.measured_on, learnt.before) == (KFOLD, learnt.folds[ZERO_SHOT])
    assert KFOLD == "k-fold inside the n sentences, which also chose the candidate"
    assert learnt.record is not None and learnt.record.provenance["measured_on"] == KFOLD
    assert learnt.after == learnt.folds[learnt.chosen] == max(learnt.folds.values())
    encoded = Encoder(model.tokenizer, max_length=24).words(tagged(12), None)
    del model.language("xx").pairs["pos"]
    found = label_ids(model, Pair("pos", "xx"), encoded, sentences=12)
    assert learnt.before == pytest.approx(accuracy(found, tagged(12)), abs=1e-6)


def test_the_test_file_decides_nothing(model: HyperX) -> None:
    with_test = fewshot(model, "xx", "pos", tagged(8), few_options(), test=tagged(5, seed=4))
    assert with_test.record is not None
    del model.language("xx").pairs["pos"]
    without = fewshot(model, "xx", "pos", tagged(8), few_options())
    assert without.record is not None
    assert (with_test.record.hash, with_test.folds) == (without.record.hash, without.folds)


@pytest.mark.parametrize("folds", [2, 3, 20])
def test_no_sentence_is_scored_by_what_has_seen_it(model: HyperX, monkeypatch: pytest.MonkeyPatch, folds: int) -> None:
    sentences = [*tagged(6), *tagged(2)]  # two of them come twice
    learn, count = recipe._Trial.learn, recipe._Trial._counts
    seen: list[Sequence[Sentence]] = []
    scored: dict[str, list[Sentence]] = {name: [] for name in CANDIDATES}
    candidates: list[str] = []

    def learn_and_tell(self: Any, candidate: str, given: Sequence[Sentence], seed: int) -> None:
        seen.append(given)
        candidates.append(candidate)
        learn(self, candidate, given, seed)

    def count_and_tell(self: Any, given: Sequence[Sentence]) -> Counts:
        assert not {s.words for s in given} & {s.words for s in seen[-1]}
        assert len(given) + len(seen[-1]) == 8
        scored[candidates[-1]] += given
        return count(self, given)

    monkeypatch.setattr(recipe._Trial, "learn", learn_and_tell)
    monkeypatch.setattr(recipe._Trial, "_counts", count_and_tell)
    fewshot(model, "xx", "pos", sentences, few_options(folds=folds, **NOTHING))
    for name in CANDIDATES:
        assert sorted(s.words for s in scored[name]) == sorted(s.words for s in sentences)
        assert candidates.count(name) >= min(folds, 6)
    assert len(seen[-1]) == 8  # what stays has learnt on all of them


def test_a_second_time_starts_from_the_pair_as_it_is(model: HyperX) -> None:
    first = fewshot(model, "xx", "pos", tagged(12), few_options(rank=4))
    assert first.record is not None and "pair.pos.part.up" in first.record.tensors
    sentences, test = tagged(12, seed=5), tagged(30, seed=1)
    second = fewshot(model, "xx", "pos", sentences, few_options(**NOTHING), test=test)
    assert second.chosen == ZERO_SHOT and len(set(second.folds.values())) == 1
    assert second.before == second.after > 0.4
    third = fewshot(model, "xx", "pos", taught(model, "ug", sentences), few_options(rank=2, rate_embedding=0.3))
    assert third.record is not None
    parts = [[r.tensors[f"pair.pos.part.{name}"] for name in ("down", "down_bias", "up")]
             for r in (first.record, third.record)]  # fmt: skip
    same = [np.array_equal(one, other) for one, other in zip(*parts, strict=True)]
    assert all(same) if third.chosen == EMBEDDING else not any(same)
    assert third.record.tensors["pair.pos.part.down"].shape == (3, 4, 32)
    assert not np.array_equal(first.record.tensors["pair.pos.embedding"], third.record.tensors["pair.pos.embedding"])


def test_an_earlier_part_stays_where_the_embedding_alone_moves(model: HyperX) -> None:
    first = fewshot(model, "xx", "pos", tagged(12), few_options())
    second = fewshot(model, "xx", "pos", taught(model, "ug", tagged(12)), few_options(**VECTOR))
    assert first.record is not None and second.record is not None and second.chosen == EMBEDDING
    for name in ("down", "down_bias", "up"):
        one, other = (learnt.record.tensors[f"pair.pos.part.{name}"] for learnt in (first, second) if learnt.record)
        assert np.array_equal(one, other)


def test_tasks_learn_beside_each_other(model: HyperX) -> None:
    assert fewshot(model, "xx", "pos", tagged(12), few_options()).record is not None
    bits = logits(model)
    named = [Sentence((name, verb, "."), (label, "O", "O")) for verb in ("is", "ran", "kiel", "sings", "eats", "laid")
             for name, label in (("Ren", "B-PER"), ("Malta", "B-LOC"))]  # fmt: skip
    learnt = fewshot(model, "xx", "ner", named, few_options(epochs=40))
    assert learnt.record is not None and learnt.metric == "NER span F1, strict IOB2"
    assert learnt.record.tasks == ("ner", "pos") and learnt.proof.holds
    assert {pair for pair, kept in logits(model).items() if kept != bits[pair]} == {("ner", "xx")}


def test_the_seed_decides_and_nothing_else_of_chance(model: HyperX) -> None:
    hashes = []
    for ambient, seed in ((1, 1), (2, 1), (2, 2)):
        torch.manual_seed(ambient)
        learnt = fewshot(model, "xx", "pos", tagged(8), few_options(seed=seed))
        assert learnt.record is not None
        hashes.append(learnt.record.hash)
        del model.language("xx").pairs["pos"]
    assert hashes[0] == hashes[1] != hashes[2]


def test_provenance_says_how_and_keeps_hashes_alone(model: HyperX) -> None:
    sentences, options = tagged(12), few_options()
    learnt = fewshot(model, "xx", "pos", sentences, options, provenance={"data": "train.conllu"})
    assert learnt.record is not None
    facts = dict(learnt.record.provenance)
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {
        "method", "task", "n", "chosen", "folds", "seed", "steps", "sentences", "options", "seconds", "before", "after",
        "measured_on", "data",
    }  # fmt: skip
    assert facts["sentences"] == learnt.digests == [sentence.digest for sentence in sentences]
    assert (facts["n"], facts["method"], facts["steps"]) == (12, "fewshot", _steps(sentences, model, options))
    assert not any(word in json.dumps(facts) for s in sentences for word in s.words if len(word) > 4)


def _steps(sentences: Sequence[Sentence], model: HyperX, options: FewshotOptions) -> int:
    lengths = sorted(len(e) for e in Encoder(model.tokenizer, max_length=24).words(sentences, None))
    batches, rows = 1, 0
    for length in lengths:
        rows += 1
        if rows * length > options.max_tokens:
            batches, rows = batches + 1, 1
    return options.epochs * batches


def test_words_are_read_in_nfc_as_everywhere(model: HyperX) -> None:
    composed = [Sentence(tuple(w.replace("kat", "kàt") for w in s.words), s.labels) for s in tagged(8)]
    apart = [Sentence(tuple(w.replace("à", "a\u0300") for w in s.words), s.labels) for s in composed]
    one = fewshot(model, "xx", "pos", composed, few_options(), test=composed)
    del model.language("xx").pairs["pos"]
    other = fewshot(model, "xx", "pos", apart, few_options(), test=apart)
    assert one.record is not None and other.record is not None and composed != apart
    assert (one.record.hash, one.after) == (other.record.hash, other.after) and one.digests != other.digests


def test_unlabelled_words_teach_nothing_and_are_not_counted(model: HyperX) -> None:
    half = [Sentence(s.words, tuple("_" if tag == "PUNCT" else tag for tag in s.labels or ())) for s in tagged(8)]
    learnt = fewshot(model, "xx", "pos", half, few_options())
    assert learnt.after > learnt.before


class Interrupting:
    """A reporter that is interrupted at once, as by Ctrl-C."""

    def step(self, done: int, text: str) -> None:
        """Stop when something has been learnt."""
        if text == EMBEDDING:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Go on."""


@pytest.mark.parametrize("code", ["xx", "en"])
def test_after_an_interruption_all_is_as_before(model: HyperX, code: str) -> None:
    before, language = state(model), model.language(code)
    with pytest.raises(KeyboardInterrupt):
        fewshot(model, code, "pos", tagged(8), few_options(), reporter=Interrupting())
    assert state(model) == before and model.language(code) is language


LABELLED = tagged(4)


@pytest.mark.parametrize(
    ("code", "task", "sentences", "error", "said"),
    [
        ("xx", "mlm", LABELLED, UsageError, "mlm has no labels: use `hyperx-cl add-language`"),
        ("xx", "poss", LABELLED, NotFoundError, "no task 'poss' .did you mean 'pos'"),
        ("uk", "pos", LABELLED, NotFoundError, "no language 'uk'"),
        ("xx", "pos", [*LABELLED, Sentence(("kat",), ("NOUNS",))], DataError, "sentence 5: 'kat' is labelled 'NOUNS'"),
        ("xx", "pos", LABELLED[:1], DataError, "One labelled sentence is too few"),
        ("xx", "pos", LABELLED[:1] * 3, DataError, "give at least 2 different ones"),
        ("xx", "pos", [Sentence(("kat",)), Sentence(("lon",))], DataError, "no pos label"),
    ],
    ids=["mlm", "task", "language", "label", "one", "one thrice", "unlabelled"],
)
def test_refused(
    model: HyperX, code: str, task: str, sentences: list[Sentence], error: type[Exception], said: str
) -> None:
    before = state(model)
    with pytest.raises(error, match=said):
        fewshot(model, code, task, sentences, few_options())
    assert state(model) == before


def test_a_test_file_with_a_foreign_label_is_refused(model: HyperX) -> None:
    before = state(model)
    with pytest.raises(DataError, match="the test sentences, sentence 1: 'kat' is labelled 'NOUNS'"):
        fewshot(model, "xx", "pos", tagged(4), few_options(), test=[Sentence(("kat",), ("NOUNS",))])
    assert state(model) == before


def test_rows_longer_than_the_backbone_reads_are_refused(model: HyperX) -> None:
    before = state(model)
    with pytest.raises(UsageError, match="max_length is 129, but .* reads at most 128 pieces"):
        fewshot(model, "xx", "pos", tagged(4), few_options(max_length=129, max_tokens=256))
    assert state(model) == before
