"""Learning MAD-X: only what is learnt moves, it gets better, and a stopped run ends as if it had never stopped."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from hyperx_cl.baselines.madx import MadX
from hyperx_cl.baselines.madx_train import Learnt, learn_all, learn_language, learn_tasks, load
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.infer import masked_score
from hyperx_cl.train.corpora import Corpus
from tests.baselines.building import RANKS, build, copied, text
from tests.train.small_root import write_root
from tests.train.small_text import tagged

LANGUAGE: dict[str, Any] = {"steps": 24, "rate": 2e-2, "warmup": 2, "max_tokens": 256, "check_every": 8}
TASKS: dict[str, Any] = {"steps": 60, "rate": 2e-2, "warmup": 2, "max_tokens": 256, "max_length": 24, "check_every": 20}
ALL: dict[str, Any] = {
    "sources": {"pos": ["en", "mt"], "ner": ["en"]}, "mlm": ["en", "mt"], "steps_language": 4, "steps_tasks": 6,
    "rate": 1e-2, "max_tokens": 96, "max_length": 24, "check_every": 2, "precision": "fp32", "cpu": True, **RANKS,
}  # fmt: skip


class Stop(Exception):
    """Raised by a reporter, as Ctrl-C would be."""


class Stopping:
    """A reporter that keeps what is said, and may stop a run at a word of it."""

    def __init__(self, word: str = "\n") -> None:
        self.word, self.said = word, ""

    def step(self, done: int, text: str) -> None:
        """Go on."""

    def say(self, text: str) -> None:
        """Stop at the word."""
        self.said += text
        if self.word in text:
            raise Stop


def test_a_language_gets_better_and_nothing_else_moves(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    before, (train, stop) = copied(model), text(model, "yo")
    learnt = learn_language(model, "yo", train, stop, **LANGUAGE)
    (_, start), *_, (last, end) = learnt.looks
    assert ([step for step, _ in learnt.looks], learnt.steps, last) == ([0, 8, 16, 24], 24, 24)
    assert end < 0.9 * start and learnt.tokens > 1000 and learnt.scores == {}
    after = copied(model)
    assert [n for n in before if not torch.equal(before[n], after[n])] == []
    new = after.keys() - before.keys()
    assert new == {f"language_adapters.yo.{name}" for name in ("down", "down_bias", "up", "up_bias")}
    assert all(p.requires_grad for n, p in model.named_parameters() if not n.startswith("heads.mlm"))
    assert not model.training and all(p.grad is None for n, p in model.named_parameters() if ".yo." not in n)


def test_learning_again_replaces_and_draws_from_its_own_seed(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    train, stop = text(model, "mt")
    mine: list[torch.Tensor] = []
    for seed in (1, 2, 1):
        torch.manual_seed(len(mine))
        learn_language(model, "mt", train, stop, **LANGUAGE | {"steps": 2}, seed=seed)
        mine.append(model.language("mt").up.detach().clone())
    assert torch.equal(mine[0], mine[2]) and not torch.equal(mine[0], mine[1])


def test_the_best_look_stays_and_patience_ends(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    train, stop = text(model, "yo")
    learnt = learn_language(model, "yo", train, stop, **LANGUAGE | {"rate": 3.0, "check_every": 1}, patience=2)
    losses = [loss for _, loss in learnt.looks]
    assert losses.index(min(losses)) == learnt.chosen == learnt.steps - 2 < 22, learnt.looks
    assert masked_score(cast(Any, model), stop).loss == min(losses)


@pytest.mark.parametrize("word", ["at step 8", "at step 16"])
def test_a_language_stopped_and_resumed_is_as_never_stopped(word: str, tiny_backbone: Path, tmp_path: Path) -> None:
    whole, model = build(tiny_backbone), build(tiny_backbone)
    train, stop = text(model, "mt")
    learnt = learn_language(whole, "mt", train, stop, **LANGUAGE)
    given: dict[str, Any] = LANGUAGE | {"checkpoint": tmp_path / "c", "resume": True}
    earlier = copied(model)
    with pytest.raises(Stop):
        learn_language(model, "mt", train, stop, **given, reporter=Stopping(word))
    assert all(torch.equal(value, earlier[name]) for name, value in copied(model).items()), "put back"
    other = build(tiny_backbone, seed=9)
    again = learn_language(other, "mt", train, stop, **given)
    _same_adapter(other, whole)
    assert (again.looks, again.tokens, again.chosen) == (learnt.looks, learnt.tokens, learnt.chosen)
    done = learn_language(model, "mt", train, stop, **given)
    _same_adapter(model, whole)
    assert done.steps == 24 and done.looks == learnt.looks
    with pytest.raises(ConflictError, match="was made with other data, adapters or options; go on with the same"):
        learn_language(model, "mt", train[1:], stop, **given)


def test_what_cannot_be_learnt_is_refused(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    train, stop = text(model, "yo")
    for arguments, error, message in (
        (("yo", [], stop), DataError, "has no examples"),
        (("yo", train, []), DataError, "no text of 'yo' to look at"),
        (("ug", train, stop), UsageError, "not all masked text of 'ug'"),
        (("yo", train, stop), UsageError, "steps 0, check_every"),
    ):
        with pytest.raises(error, match=message):
            learn_language(model, *arguments, steps=4 if error is not UsageError or arguments[0] == "ug" else 0)
    assert model.languages() == ["en", "mt", "ug"]


def test_tasks_are_learnt_over_frozen_languages(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, stirred=False)
    before = copied(model)
    learnt = _learn_pos(model)
    assert learnt.scores.keys() == {Pair("pos", "en"), Pair("pos", "mt")}
    assert min(learnt.scores.values()) > 0.9, learnt
    assert 1 - learnt.looks[-1][1] == pytest.approx(sum(learnt.scores.values()) / 2) or learnt.chosen < 60
    after = copied(model)
    moved = {n.rpartition(".")[0] for n in before if not torch.equal(before[n], after[n])}
    assert moved == {"task_adapters.pos", "heads.pos"}


def test_tasks_stopped_and_resumed_are_as_never_stopped(tiny_backbone: Path, tmp_path: Path) -> None:
    whole, model = build(tiny_backbone), build(tiny_backbone)
    learnt = _learn_pos(whole, steps=20, check_every=5)
    given: dict[str, Any] = {"steps": 20, "check_every": 5, "checkpoint": tmp_path / "c", "resume": True}
    with pytest.raises(Stop):
        _learn_pos(model, **given, reporter=Stopping("at step 10"))
    fresh = build(tiny_backbone)
    again = _learn_pos(fresh, **given)
    assert (again.looks, again.scores, again.tokens) == (learnt.looks, learnt.scores, learnt.tokens)
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name
    with torch.no_grad():
        fresh.language("mt").up.add_(1)
    with pytest.raises(ConflictError, match="other data, adapters or options"):
        _learn_pos(fresh, **given)


def test_tasks_need_their_languages_and_labels(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, languages=("en",))
    with pytest.raises(NotFoundError, match="no language 'mt'"):
        _learn_pos(model)
    with pytest.raises(UsageError, match="mlm has no task adapter to learn"):
        learn_tasks(model, {Pair("mlm", "en"): Corpus([], "", [])}, steps=1)


def test_all_is_learnt_kept_and_gone_on_with(tiny_backbone: Path, tmp_path: Path) -> None:
    root = DataRoot(write_root(tmp_path / "root"))
    whole = learn_all(load_backbone(str(tiny_backbone)), root, tmp_path / "whole", **ALL)
    assert (whole.languages(), list(whole.tasks)) == (["en", "mt"], ["mlm", "ner", "pos"])

    folder = tmp_path / "stopped"
    for word, files in (
        ("mt: stop loss", {"en.json", "en.safetensors"}),
        ("tasks: dev error", {"en.json", "en.safetensors", "mt.json", "mt.safetensors"}),
    ):
        with pytest.raises(Stop):
            learn_all(load_backbone(str(tiny_backbone)), root, folder, **ALL, reporter=Stopping(word))
        assert {p.name for p in (folder / "languages").iterdir()} == files
        assert not (folder / "config.json").exists()
    backbone, told = load_backbone(str(tiny_backbone)), Stopping()
    resumed = learn_all(backbone, root, folder, **ALL, reporter=told)
    assert "stop loss" not in told.said and "at step 2" not in told.said and "at step 6" in told.said
    again = learn_all(backbone, root, folder, **ALL, reporter=(silent := Stopping()))
    assert silent.said == "" and not list((folder / "checkpoint").iterdir())
    for model in (resumed, again, load(folder, backbone)):
        for name, value in model.state_dict().items():
            assert torch.equal(value, whole.state_dict()[name]), name

    facts = json.loads((folder / "tasks.json").read_text())["learnt"]
    assert facts["steps"] == 6 and facts["scores"].keys() == {"ner:en", "pos:en", "pos:mt"}
    with pytest.raises(ConflictError, match=r"en\.json tells of other data, adapters or options"):
        learn_all(backbone, root, folder, **ALL | {"seed": 2})


def test_a_language_more_leaves_the_tasks_as_they_are(tiny_backbone: Path, tmp_path: Path) -> None:
    root, backbone = DataRoot(write_root(tmp_path / "root")), load_backbone(str(tiny_backbone))
    given = ALL | {"sources": {"pos": ["en"]}, "mlm": ["en"]}
    before = learn_all(backbone, root, tmp_path / "out", **given)
    learn_all(backbone, root, tmp_path / "out", **given | {"mlm": ["en", "mt"]})
    loaded = load(tmp_path / "out", backbone)
    assert loaded.languages() == ["en", "mt"]
    for name, value in before.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_source_without_an_adapter_is_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    root = DataRoot(write_root(tmp_path / "root"))
    with pytest.raises(UsageError, match="pos is learnt in 'mt', which is not among the languages of mlm"):
        learn_all(load_backbone(str(tiny_backbone)), root, tmp_path / "out", **ALL | {"mlm": ["en"]})
    assert not (tmp_path / "out").exists()


def _learn_pos(model: MadX, **changes: Any) -> Learnt:
    encoder = Encoder(model.tokenizer, max_length=24)
    corpora = {}
    for seed, code in enumerate(("en", "mt")):
        sentences = tagged(48, seed=seed)
        train = sentences[:40]
        encoded = encoder.words(train, POS.label_ids)
        corpora[Pair("pos", code)] = Corpus(encoded, content_hash(train), sentences[40:])
    return learn_tasks(model, corpora, **TASKS | changes)


def _same_adapter(found: MadX, expected: MadX) -> None:
    for name, value in found.language("mt").state_dict().items():
        assert torch.equal(value, expected.language("mt").state_dict()[name]), name
