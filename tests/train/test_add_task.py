"""A new task: it is learnt, nothing else moves, and an interrupted run goes on with the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.config import AddTaskOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views
from hyperx_cl.train.add_task import add_task
from hyperx_cl.train.checkpoint import checkpoint_exists, remove_checkpoint
from hyperx_cl.train.proof import Witness
from hyperx_cl.train.task_data import Labelled
from tests.model.building import build
from tests.train.small_text import Interrupting, state, tagged

from hyperx_cl.data.encode import Encoder  # isort: skip

KIND = Task("kind", "words", column="xpos")
RUN: dict[str, Any] = {
    "steps": 24, "warmup": 2, "screen_steps": 6, "rate": 3e-2, "rate_embedding": 3e-2, "max_tokens": 128,
    "max_length": 24, "check_every": 8, "validation_sentences": 0, "precision": "fp32",
}  # fmt: skip


def options(**changes: Any) -> AddTaskOptions:
    return AddTaskOptions(**(RUN | changes))


def relabelled(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Another labelling of the same words: things, deeds and the rest; the last word has none."""
    kinds = {"NOUN": "thing", "VERB": "deed"}
    return [
        Sentence(s.words, tuple(kinds.get(tag, "rest") if tag != "PUNCT" else "_" for tag in s.labels or ()))
        for s in sentences
    ]


@pytest.fixture
def data() -> dict[str, Labelled]:
    return {
        "en": Labelled(relabelled(tagged(24)), relabelled(tagged(10, seed=1))),
        "xx": Labelled(relabelled(tagged(12, seed=2)), []),
    }


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages, and xx, which was added; its vectors matter."""
    model = build(tiny_backbone, language_part=2)
    with torch.no_grad():
        model.hypernetwork.generator.weight.mul_(10)
    model.new_language("xx", torch.randn(8, generator=torch.Generator().manual_seed(2)), rank=2)
    return model.train()


def test_it_is_learnt_and_nothing_else_moves(model: HyperX, data: dict[str, Labelled]) -> None:
    before, mark = state(model), model.fingerprint()
    added = add_task(model, KIND, data, options(steps=60), provenance={"by": "me"})
    assert model.tasks["kind"].labels == ("deed", "rest", "thing")
    assert added.scores["en"] > 0.8 and set(added.scores) == {"en"}
    assert added.proof.holds and added.proof.languages == 4
    assert (model.fingerprint(), added.record.model) == (mark, mark)
    assert added.metric == "KIND accuracy, syntactic words"
    facts = added.record.provenance
    assert (facts["method"], facts["by"], facts["learnt"]) == ("task", "me", ["vector", "head"])
    assert facts["languages"]["xx"]["train"] == content_hash(data["xx"].train)
    assert added.tokens > added.steps > 0 and added.steps <= 60
    model.forget_task("kind")
    assert state(model) == before


def test_the_best_look_stays(model: HyperX, data: dict[str, Labelled]) -> None:
    added = add_task(model, KIND, data, options(rate=0.3, check_every=2, patience=3))
    looks = added.record.provenance["dev_scores"]
    assert added.scores["en"] == pytest.approx(max(score for _, score in looks), abs=1e-6)
    encoded = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=24))["en"].words(data["en"].dev, None)
    assert labelled_counts(model, Pair("kind", "en"), data["en"].dev, encoded).value == added.scores["en"]


def test_starts_are_screened_and_the_best_begins(model: HyperX, data: dict[str, Labelled]) -> None:
    added = add_task(model, KIND, data, options(steps=2))
    assert list(added.screened) == ["mean", "mlm", "ner", "pos"]
    assert added.screened[added.start] == max(added.screened.values())
    model.forget_task("kind")
    named = add_task(model, KIND, data, options(steps=2, start=added.start))
    assert named.screened == {} and named.start == added.start
    assert named.record.hash == added.record.hash  # screening leaves no trace but the choice
    assert named.tokens < added.tokens


@pytest.mark.parametrize("start", ["pos", "mean"])
def test_the_head_alone_leaves_the_vector_where_it_starts(model: HyperX, data: dict[str, Labelled], start: str) -> None:
    added = add_task(model, KIND, data, options(start=start, vector=False, steps=4))
    every = torch.stack([model.task_embeddings[name] for name in ("mlm", "ner", "pos")])
    wanted = every.mean(0) if start == "mean" else model.task_embeddings["pos"]
    assert torch.equal(torch.tensor(added.record.tensors["embedding"]), wanted.detach())
    assert added.record.provenance["learnt"] == ["head"]
    assert all(parameter.requires_grad for parameter in model.added_tasks["kind"].parameters())


def test_a_learnt_task_is_a_start_for_the_next_and_stays(model: HyperX, data: dict[str, Labelled]) -> None:
    first = add_task(model, KIND, data, options(steps=4, start="pos"))
    second = add_task(model, Task("two", "words", column="xpos"), data, options(steps=4))
    assert list(second.screened) == ["mean", "mlm", "ner", "pos", "kind"] and second.proof.holds
    assert model.record_task("kind", {}).hash == first.record.hash


def test_the_proof_sees_another_task_move(model: HyperX, data: dict[str, Labelled]) -> None:
    add_task(model, KIND, data, options(steps=2, start="pos"))
    witness = Witness(model, None)
    with torch.no_grad():
        model.added_tasks["kind"].head.bias.add_(1)
    proof = witness.compare()
    assert proof.before != proof.after and not proof.probe


def test_the_seed_decides_and_nothing_else_of_chance(model: HyperX, data: dict[str, Labelled]) -> None:
    hashes = []
    for ambient, seed in ((1, 1), (2, 1), (2, 2)):
        torch.manual_seed(ambient)
        hashes.append(add_task(model, KIND, data, options(steps=3, seed=seed, start="mean")).record.hash)
        model.forget_task("kind")
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_interrupted_run_goes_on_with_the_same_numbers(
    model: HyperX, data: dict[str, Labelled], tmp_path: Path
) -> None:
    whole = add_task(model, KIND, data, options())
    model.forget_task("kind")
    folder, before = tmp_path / "checkpoint", state(model)
    with pytest.raises(KeyboardInterrupt):
        add_task(model, KIND, data, options(), checkpoint=folder, reporter=Interrupting(2))
    assert checkpoint_exists(folder) and state(model) == before and "kind" not in model.tasks
    with pytest.raises(ConflictError, match="An interrupted run of task 'kind' has left a checkpoint; .* --resume"):
        add_task(model, KIND, data, options(), checkpoint=folder)
    with pytest.raises(ConflictError, match="made with another task, data, model or other options"):
        add_task(model, KIND, data, options(rate=1.0), checkpoint=folder, resume=True)
    assert state(model) == before
    resumed = add_task(model, KIND, data, options(), checkpoint=folder, resume=True)
    assert resumed.record.hash == whole.record.hash
    assert (resumed.steps, resumed.tokens, resumed.scores) == (whole.steps, whole.tokens, whole.scores)
    assert resumed.screened == whole.screened
    remove_checkpoint(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"task": Task("pos", "words", column="xpos")}, ConflictError, "has a task 'pos' already; choose another name"),
        ({"task": Task("a.b", "words", column="xpos")}, UsageError, "'a.b' cannot name a task"),
        ({"data": {}}, UsageError, "Give labelled sentences of at least one language"),
        ({"codes": {"en": "uk"}}, NotFoundError, "no language 'uk'"),
        ({"options": {"start": "poss"}}, UsageError, "start 'poss' is neither best, mean nor a task .*'pos'"),
        ({"options": {"max_length": 129, "max_tokens": 256}}, UsageError, "reads at most 128 pieces"),
        ({"codes": {"xx": "xx"}}, DataError, "There are no dev sentences to choose by"),
        ({"data": {"en": Labelled([Sentence(("a",), ("_",))], [])}}, DataError, "no word of the 1 training sentences"),
    ],
)
def test_refused(
    model: HyperX, data: dict[str, Labelled], changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    before = state(model)
    given = changes.get(
        "data", {changes["codes"][c]: data[c] for c in changes["codes"]} if "codes" in changes else data
    )
    with pytest.raises(error, match=said):
        add_task(model, changes.get("task", KIND), given, options(**changes.get("options", {})))
    assert state(model) == before and list(model.tasks) == ["mlm", "ner", "pos"]
