"""Learnt tasks in the registry: stored once, bound to their model, guarded against loss, checked."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.registry.store import Registry
from hyperx_cl.task_record import TaskRecord
from tests.registry.conftest import BACKBONE, FIRST, SECOND


def make_task(name: str = "number", *, model: str = FIRST, seed: int = 0, **provenance: Any) -> TaskRecord:
    """A task of two labels whose numbers depend on the seed alone."""
    rng = np.random.default_rng(seed)
    shapes = {"embedding": (8,), "head.weight": (2, 4), "head.bias": (2,)}
    tensors = {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}
    facts = {"method": "task", **provenance}
    return TaskRecord(name, model, "words", ("Plur", "none"), "feats.Number", tensors, facts, {"_": "none"})


def test_a_task_comes_back_as_it_was_stored(registry: Registry) -> None:
    record = make_task(seed=3, scores={"en": 0.5})
    stored = registry.add_task(record)
    loaded = registry.task("number")
    assert loaded.record.hash == record.hash == stored.hash and loaded.stored == stored
    assert loaded.record.definition == record.definition == stored.definition
    assert all((loaded.record.tensors[name] == values).all() for name, values in record.tensors.items())
    assert (stored.task, stored.model, stored.method, stored.numbers) == ("number", "first", "task", 18)
    assert stored.provenance["scores"] == {"en": 0.5} and stored.provenance["created"] == stored.created
    assert registry.check() == []


def test_a_model_tells_its_learnt_tasks(registry: Registry) -> None:
    assert registry.model().tasks == () and registry.tasks() == []
    registry.add_task(make_task("number"))
    registry.add_task(make_task("gender", seed=1))
    registry.add_task(make_task("number", model=SECOND))
    assert [task["name"] for task in registry.model().tasks] == ["gender", "number"]
    assert [stored.task for stored in registry.tasks()] == ["gender", "number"]
    assert [task["name"] for model in registry.list_models() for task in model.tasks] == ["gender", "number", "number"]


def test_the_same_task_again_changes_nothing(registry: Registry) -> None:
    assert registry.add_task(make_task(seed=1)) == registry.add_task(make_task(seed=1))


def test_a_name_is_given_once(registry: Registry) -> None:
    registry.add_task(make_task())
    with pytest.raises(ConflictError, match="'number' is already stored for model 'first': .*tasks remove number"):
        registry.expect_task_addable("number")
    with pytest.raises(ConflictError, match="'number' is already stored"):
        registry.add_task(make_task(seed=5))
    registry.expect_task_addable("number", "second")


def test_a_task_of_base_training_keeps_its_name(registry: Registry) -> None:
    registry.add_model("third", "a3" * 32, "/models/third", BACKBONE, {"tasks": [{"name": "pos"}]})
    with pytest.raises(ConflictError, match="model 'third' was trained for a task 'pos' already"):
        registry.expect_task_addable("pos", "third")


def test_a_task_of_an_unknown_model_or_without_method_is_refused(registry: Registry) -> None:
    with pytest.raises(ConflictError, match="learnt for model b0b0b0b0b0b0…, which is not in the registry"):
        registry.add_task(make_task(model="b0" * 32))
    with pytest.raises(UsageError, match="without the method that made it"):
        registry.add_task(make_task(method=None))
    assert registry.tasks() == []


def test_removed_it_is_gone_with_its_blob(registry: Registry, database: Path) -> None:
    registry.add_task(make_task())
    assert registry.remove_task("number").task == "number"
    with pytest.raises(NotFoundError, match="no task 'number' was added to model 'first'"):
        registry.task("number")
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (0,)
    registry.add_task(make_task(seed=7))


def test_a_near_name_is_told(registry: Registry) -> None:
    registry.add_task(make_task())
    with pytest.raises(NotFoundError, match=r"did you mean 'number'\?.*learn it with `hyperx-cl add-task numbr`"):
        registry.remove_task("numbr")


def test_what_a_language_holds_on_to_is_not_removed(registry: Registry) -> None:
    registry.add_task(make_task())
    tensors = {name: np.ones(8, np.float32) for name in ("embedding", "pair.number.embedding")}
    registry.add_language(LanguageRecord("mt", FIRST, tensors, {"method": "fewshot"}))
    with pytest.raises(ConflictError, match="mt of model 'first' hold something of their own for task 'number'"):
        registry.remove_task("number")
    assert registry.task("number").stored.task == "number"


def test_a_model_with_learnt_tasks_is_removed_only_with_them(registry: Registry) -> None:
    registry.add_task(make_task())
    with pytest.raises(ConflictError, match=r"still has learnt tasks \(number\): .*--cascade"):
        registry.remove_model("first")
    registry.remove_model("first", cascade=True)
    assert registry.check() == [] and registry.tasks() == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE tasks SET numbers = 3", "count of numbers"),
        ("UPDATE tasks SET method = 'x'", "method or time differ"),
        ("UPDATE tasks SET name = 'other'", "name or count"),
        ("UPDATE tasks SET definition = '{}'", "numbers of another record"),
        ("UPDATE blobs SET data = zeroblob(9)", "is damaged"),
    ],
)
def test_damage_is_found(
    registry: Registry, database: Path, statement: str, what: str, make_record: Callable[..., LanguageRecord]
) -> None:
    registry.add_task(make_task())
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount == 1
    assert any(problem.where.startswith("task ") and what in problem.what for problem in registry.check())


def test_damaged_numbers_are_not_handed_out(registry: Registry, database: Path) -> None:
    registry.add_task(make_task())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE blobs SET data = zeroblob(9)")
    with pytest.raises(DataError, match="task 'number' in the registry is damaged"):
        registry.task("number")
