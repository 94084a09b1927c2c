"""How a version came about: its steps through parents and copies, and the options of each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.fewshot_full import _carried
from hyperx_cl.cli.redo_lineage import Runs, Step, lineage, told_of
from hyperx_cl.config import AddOptions, FewshotOptions, as_dict
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.registry.store import Registry

OTHER = "ab" * 32


def stored(registry: Registry, seed: int, model: str, **told: Any) -> StoredLanguage:
    vector = np.random.default_rng(seed).standard_normal(64).astype(np.float32)
    return registry.add_language(LanguageRecord("mt", model, {"embedding": vector}, told), new_version=True)


@pytest.fixture
def registry(stocked: Path) -> Registry:
    """The models `tiny` and `other`."""
    opened = Registry.open()
    known = opened.model()
    opened.add_model("other", OTHER, known.path, known.backbone, known.config)
    return opened


def test_steps_are_followed_to_the_beginning_and_through_copies(registry: Registry) -> None:
    tiny = registry.model("tiny").fingerprint
    unused = stored(registry, 1, tiny, method="like", relatives=["tr"])
    first = stored(registry, 2, tiny, method="mlm", parent=unused.hash)  # learnt anew: nothing of its parent is in it
    second = stored(registry, 3, tiny, method="fewshot", task="pos", parent=first.hash)
    run = registry.start_run("fewshot", {}, 1, {}, {})
    registry.finish_run(run, "done", {"hash": second.hash})
    copy = stored(registry, 4, OTHER, **_carried(second))
    third = stored(registry, 5, OTHER, method="fewshot", task="ner", parent=copy.hash)
    steps, whole = lineage(registry, Runs(registry), third)
    assert whole and [step.method for step in steps] == ["mlm", "fewshot", "fewshot"]
    assert [step.stored.hash for step in steps] == [first.hash, copy.hash, third.hash]
    assert [step.run.id if step.run else None for step in steps] == [None, run, None]
    assert told_of(copy)[:2] == (tiny, second.hash) and told_of(third)[:2] == (OTHER, third.hash)
    again = stored(registry, 6, OTHER, **_carried(copy))
    assert told_of(again)[:2] == (tiny, second.hash)
    registry.remove_language("mt", first.version, "tiny")
    steps, whole = lineage(registry, Runs(registry), third)
    assert not whole and [step.stored.hash for step in steps] == [copy.hash, third.hash]


def step(registry: Registry, **told: Any) -> Step:
    return Step(stored(registry, 9, OTHER, **told), told, None)


def test_options_come_back_and_what_is_not_kept_is_named(registry: Registry) -> None:
    few = FewshotOptions(n=7, seed=3)
    assert step(registry, method="fewshot", options=as_dict(few)).options(FewshotOptions) == (few, [])
    kept = {key: value for key, value in as_dict(AddOptions(rank=3)).items() if key not in ("keep_part", "self_tasks")}
    found, lacking = step(registry, method="mlm", options=kept).options(AddOptions)
    assert (found, lacking) == (AddOptions(rank=3), ["keep_part", "self_tasks"])


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "neither record nor run of 'mt' tells by which options"),
        ({"options": {"rank": 2, "wings": 2}}, "'mt' was learnt with wings, which this version does not have any more"),
        ({"options": {"rank": 0}}, "are not taken any more .*rank is 0"),
        ({"options": {"rank": "two"}}, "are not taken any more"),
    ],
)
def test_options_that_cannot_be_taken_are_refused(registry: Registry, told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConflictError, match=sentence):
        step(registry, method="mlm", **told).options(AddOptions)


def test_options_may_be_those_of_the_run(registry: Registry) -> None:
    one = stored(registry, 9, OTHER, method="mlm")
    run = registry.start_run("add-language", {"add_language": as_dict(AddOptions(rank=5))}, 1, {}, {"text": "0" * 64})
    registry.finish_run(run, "done", {"hash": one.hash})
    (found,), _ = lineage(registry, Runs(registry), one)
    assert found.options(AddOptions) == (AddOptions(rank=5), []) and found.hashes == {"text": "0" * 64}
