"""Few-shot that moves the hypernetwork: what moves, what the regulariser holds, and the model it began from stays."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hyperx_cl.config import FullOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import POS, Task
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference, label_ids
from hyperx_cl.train import full_fewshot as recipe
from hyperx_cl.train.full_fewshot import FullLearnt, full_fewshot, other_pairs, squared_distances
from tests.model.building import LANGUAGES, TASKS, batch, build
from tests.train.small_text import Interrupting, few_options, tagged


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages, of which ug was removed, and xx, which was added with a part; a task was learnt since."""
    model = build(tiny_backbone, language_part=2)
    xx = model.new_language("xx", torch.randn(8, generator=torch.Generator().manual_seed(2)), rank=2)
    xx.pairs["ner"] = copy.deepcopy(xx.own)
    model.new_task(Task("coarse", "words", ("NOUN", "VERB", "DET", "ADJ", "PUNCT")), torch.ones(8))
    model.forget("ug")
    return model.train()


def learn(model: HyperX, task: str = "pos", n: int = 8, **changes: Any) -> FullLearnt:
    """A run of a second."""
    options = {"full_epochs": 10, "full_rate": 1e-2, "full_weight": 0.0, **changes}
    return full_fewshot(model, "xx", task, tagged(n), few_options(), FullOptions(**options))


def state(model: HyperX) -> dict[str, Any]:
    """All that must be as before: tensors, languages, tasks, logits, flags, mode, and what torch draws next."""
    with inference(model):
        logits = [
            model(batch(model, task.name, code)).logits[0].numpy().tobytes()
            for task in TASKS
            for code in model.languages()
        ]
    return {
        "saved": fingerprint(model.saved_tensors()),
        "records": {code: model.record(code, {}).hash for code in model.languages()},
        "tasks": {name: model.record_task(name, {}).hash for name in model.added_tasks},
        "logits": logits,
        "flags": {name: p.requires_grad for name, p in model.named_parameters()},
        "grads": [name for name, p in model.named_parameters() if p.grad is not None],
        "training": model.training,
        "chance": torch.get_rng_state().tolist(),
        "backbone": fingerprint(model.backbone.encoder.state_dict()),
    }


def tensors(model: HyperX) -> dict[str, torch.Tensor]:
    """Every parameter by name."""
    return {name: value.detach() for name, value in model.named_parameters()}


def test_it_learns_the_sentences_and_others_of_their_kind(model: HyperX) -> None:
    test = tagged(30, seed=1)
    options = FullOptions(full_epochs=40, full_rate=1e-2, full_weight=1e-3)
    learnt = full_fewshot(model, "xx", "pos", tagged(12), few_options(), options, test=test)
    assert learnt.target is not None and learnt.target.sentences == 30
    assert learnt.target.after > learnt.target.before + 0.4
    assert learnt.target.difference == learnt.target.after - learnt.target.before
    assert learnt.metric == "POS accuracy, syntactic words" and learnt.loss < 0.5 and learnt.seconds > 0
    assert (learnt.others, learnt.harm) == ({}, None)
    encoded = Encoder(model.tokenizer, max_length=24).words(test, None)
    found = label_ids(learnt.model, Pair("pos", "xx"), encoded, sentences=len(test))
    right = [POS.labels[i] == tag for ids, s in zip(found, test, strict=True)
             for i, tag in zip(ids, s.labels or (), strict=True)]  # fmt: skip
    assert learnt.target.after == pytest.approx(np.mean(right))


@pytest.mark.parametrize("task", ["pos", "coarse"])
def test_hypernetwork_head_and_task_vector_move_and_nothing_else(model: HyperX, task: str) -> None:
    before, bits = tensors(model), state(model)
    learnt = learn(model, task, full_weight=0.1)
    now = tensors(learnt.model)
    moved = {name for name, value in before.items() if not torch.equal(value, now[name])}
    own = {
        "pos": {"task_embeddings.pos", "heads.pos.weight", "heads.pos.bias"},
        "coarse": {f"added_tasks.coarse.{name}" for name in ("embedding", "head.weight", "head.bias")},
    }
    assert set(now) == set(before)
    assert moved == own[task] | {name for name in before if name.startswith("hypernetwork.")}
    assert state(model) == bits and learnt.proof.holds and learnt.proof.languages == 3
    assert learnt.model.languages() == model.languages() == ["en", "mt", "xx"]
    assert learnt.model.backbone is model.backbone and learnt.model.fingerprint() != model.fingerprint()
    assert all(p.requires_grad for p in learnt.model.parameters()) and learnt.model.training


def test_the_pairs_are_those_of_every_task_and_language_in_use_but_one(model: HyperX) -> None:
    pairs = other_pairs(model, Pair("pos", "xx"))
    assert len(pairs) == len(set(pairs)) == 4 * 3 - 1
    assert {pair.task for pair in pairs} == {"pos", "ner", "mlm", "coarse"}
    assert {pair.language for pair in pairs} == {"en", "mt", "xx"} and Pair("pos", "xx") not in pairs


def slow(now: HyperX, then: HyperX, pair: Pair) -> tuple[float, float]:
    """Squared distance and squared length of a pair's adapters, layer by layer in numpy float64."""
    vectors = []
    for model in (now, then):
        own = model.added[pair.language] if pair.language in model.added else model.base[pair.language]
        slot = own.pairs[pair.task] if pair.task in own.pairs else own.own
        known = model.added_tasks[pair.task].embedding if pair.task in model.added_tasks else None
        task = model.task_embeddings[pair.task] if known is None else known
        tensors = {n: v.detach().double().numpy() for n, v in model.hypernetwork.named_parameters()}
        layers = []
        for layer in tensors["layer_embeddings"]:
            source = np.concatenate([task.detach().numpy(), slot.embedding.detach().numpy(), layer])
            hidden = np.maximum(tensors["projector.0.weight"] @ source + tensors["projector.0.bias"], 0)
            narrow = tensors["projector.2.weight"] @ hidden + tensors["projector.2.bias"]
            layers.append(tensors["generator.weight"] @ narrow + tensors["generator.bias"])
        vectors.append(np.concatenate(layers))
    return float(((vectors[0] - vectors[1]) ** 2).sum()), float((vectors[1] ** 2).sum())


def test_the_regulariser_is_what_a_slow_computation_gives(model: HyperX) -> None:
    learnt = learn(model)
    pairs = other_pairs(model, Pair("pos", "xx"))
    found = squared_distances(learnt.model, model, pairs)
    wanted = [slow(learnt.model, model, pair) for pair in pairs]
    assert found.tolist() == pytest.approx([distance for distance, _ in wanted], rel=1e-4)
    assert min(found.tolist()) > 0
    shares = [(distance / length) ** 0.5 for distance, length in wanted]
    assert list(learnt.moved) == pairs and list(learnt.moved.values()) == pytest.approx(shares, rel=1e-4)
    assert squared_distances(model, model, pairs).tolist() == [0.0] * len(pairs)
    full = FullOptions(full_weight=0.5, full_pairs=99)
    regularised = recipe._Regularised(learnt.model.eval(), model, pairs, full, seed=1)
    drawn = batch(model, "pos", "xx")
    with torch.no_grad():
        loss, fit = regularised(drawn).loss, learnt.model(drawn).loss
    assert float(loss) == pytest.approx(float(fit) + 0.5 * np.mean([distance for distance, _ in wanted]), rel=1e-4)
    assert regularised.fit == float(fit)


def test_a_few_pairs_a_step_are_all_of_them_on_average(model: HyperX) -> None:
    learnt = learn(model)
    pairs, few = other_pairs(model, Pair("pos", "xx")), FullOptions(full_weight=1.0, full_pairs=3)
    every = squared_distances(learnt.model, model, pairs).mean().detach()
    regularised, drawn = recipe._Regularised(learnt.model.eval(), model, pairs, few, 1), batch(model, "pos", "xx")
    with torch.no_grad():
        told = [float(regularised(drawn).loss) - regularised.fit for _ in range(150)]
    assert np.mean(told) == pytest.approx(float(every), rel=0.15) and np.std(told) > 0


def test_weight_holds_the_adapters_of_others_and_without_it_they_move(model: HyperX) -> None:
    mean = {weight: np.mean([*learn(model, full_weight=weight, full_pairs=11).moved.values()]) for weight in (0.0, 1e4)}
    assert mean[0.0] > 0.02 and mean[1e4] < mean[0.0] / 4
    held, free = learn(model, full_weight=1.0), learn(model)
    assert np.mean([*held.moved.values()]) < np.mean([*free.moved.values()])


def test_with_the_regulariser_the_sentences_are_learnt_still(model: HyperX) -> None:
    first, last = learn(model, full_epochs=1, full_weight=0.01), learn(model, full_epochs=40, full_weight=0.01)
    assert last.loss < first.loss / 2


def test_others_are_scored_before_and_after(model: HyperX) -> None:
    others = {code: tagged(9, seed=k) for k, code in enumerate(("en", "mt"))}
    learnt = full_fewshot(model, "xx", "pos", tagged(8), few_options(), FullOptions(full_rate=1e-2), others=others)
    assert learnt.target is None and list(learnt.others) == ["en", "mt"]
    for code, change in learnt.others.items():
        encoded = Encoder(model.tokenizer, max_length=24).words(others[code], None)
        for scored, value in ((model, change.before), (learnt.model, change.after)):
            found = label_ids(scored, Pair("pos", code), encoded, sentences=9)
            right = [POS.labels[i] == tag for ids, s in zip(found, others[code], strict=True)
                     for i, tag in zip(ids, s.labels or (), strict=True)]  # fmt: skip
            assert value == pytest.approx(np.mean(right))
        assert change.sentences == 9
    assert learnt.harm == pytest.approx(np.mean([change.after - change.before for change in learnt.others.values()]))


def test_the_seed_decides_and_nothing_else_of_chance(model: HyperX) -> None:
    marks = []
    for ambient, seed in ((1, 1), (2, 1), (2, 2)):
        torch.manual_seed(ambient)
        full = FullOptions(full_epochs=3, full_pairs=2, full_weight=1.0, full_rate=1e-2)
        marks.append(full_fewshot(model, "xx", "pos", tagged(8), few_options(seed=seed), full).model.fingerprint())
    assert marks[0] == marks[1] != marks[2]


def test_steps_are_epochs_times_batches_and_all_are_told(model: HyperX) -> None:
    told: list[int] = []

    class Counting:
        def step(self, done: int, text: str) -> None:
            told.append(done)
            assert text.startswith("loss ")

        def say(self, text: str) -> None:
            raise AssertionError

    options = FullOptions(full_epochs=3)
    learnt = full_fewshot(model, "xx", "pos", tagged(20), few_options(), options, reporter=Counting())
    assert len(told) == learnt.steps > 3 and learnt.steps % 3 == 0 and (told[0], told[-1]) == (0, 3)
    assert learnt.digests == [sentence.digest for sentence in tagged(20)]


def test_the_rate_neither_rises_nor_falls(model: HyperX) -> None:
    learner = recipe._Learner(model, Pair("pos", "xx"), tagged(8), few_options(), FullOptions())
    assert {learner.schedule.factor(step) for step in range(learner.schedule.steps)} == {1.0}
    assert learner.schedule.steps == 50 * learner._draw.epoch


def test_after_an_interruption_all_is_as_before(model: HyperX) -> None:
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        full_fewshot(model, "xx", "pos", tagged(8), few_options(), FullOptions(), reporter=Interrupting(2))
    assert state(model) == before


def test_saved_it_runs_as_learnt_with_what_was_attached(model: HyperX, tiny_backbone: Path, tmp_path: Path) -> None:
    learnt = learn(model, "coarse")
    mark = learnt.model.save_pretrained(tmp_path / "new")
    loaded = HyperX.from_pretrained(tmp_path / "new", backbone=str(tiny_backbone))
    loaded.attach_task(learnt.model.record_task("coarse", {}))
    loaded.attach(learnt.model.record("xx", {}))
    loaded.forget("ug")
    assert loaded.fingerprint() == mark
    assert state(loaded.train())["logits"] == state(learnt.model)["logits"] != state(model)["logits"]


def test_a_model_of_a_single_pair_has_nothing_to_hold(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, tasks=[POS], languages=["en"])
    options = FullOptions(full_epochs=2, full_weight=5.0)
    learnt = full_fewshot(model, "en", "pos", tagged(8), few_options(), options)
    assert learnt.moved == {} and learnt.proof.holds


LABELLED = tagged(4)
WRONG = [Sentence(("kat",), ("NOUNS",))]


@pytest.mark.parametrize(
    ("code", "task", "given", "more", "error", "sentence"),
    [
        ("xx", "mlm", LABELLED, {}, UsageError, "mlm has no labels: use `hyperx-cl add-language`"),
        ("xx", "poss", LABELLED, {}, NotFoundError, "has no task 'poss' .did you mean 'pos'"),
        ("tr", "pos", LABELLED, {}, NotFoundError, "The model has no language 'tr'"),
        ("xx", "pos", [], {}, DataError, "There is no labelled sentence to learn from"),
        ("xx", "pos", WRONG, {}, DataError, "the labelled sentences, sentence 1: 'kat' is labelled 'NOUNS'"),
        ("xx", "pos", LABELLED, {"test": WRONG}, DataError, "the sentences of xx to measure on, sentence 1"),
        ("xx", "pos", LABELLED, {"others": {"en": WRONG}}, DataError, "the sentences of en to measure on, sentence 1"),
        ("xx", "pos", LABELLED, {"others": {"tr": LABELLED}}, NotFoundError, "The model has no language 'tr'"),
    ],
)
def test_refused(
    model: HyperX, code: str, task: str, given: Sequence[Sentence], more: dict[str, Any], error: type[Exception],
    sentence: str,
) -> None:  # fmt: skip
    before = state(model)
    with pytest.raises(error, match=sentence):
        full_fewshot(model, code, task, given, few_options(), FullOptions(), **more)
    assert state(model) == before


def test_rows_longer_than_the_backbone_reads_are_refused(model: HyperX) -> None:
    with pytest.raises(UsageError, match="reads at most"):
        full_fewshot(model, "xx", "pos", LABELLED, few_options(max_length=900, max_tokens=900), FullOptions())


def test_languages_of_the_base_are_learnt_too(model: HyperX) -> None:
    learnt = full_fewshot(model, LANGUAGES[0], "pos", tagged(8), few_options(), FullOptions(full_epochs=1))
    assert learnt.model.record("en", {}).tensors.keys() == model.record("en", {}).tensors.keys()
    assert "en" not in learnt.model.added and Pair("pos", "en") not in learnt.moved
