"""Task records: checked when made, whole on disk, verified when read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.sealed import METADATA
from hyperx_cl.task_record import (
    TaskRecord,
    expect_task_name,
    load_task,
    save_task,
    task_from_bytes,
    task_to_bytes,
)

MODEL = "a1" * 32


def tensors(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"embedding": (8,), "head.weight": (3, 4), "head.bias": (3,)}
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {name: value for name, value in (made | changes).items() if value is not None}


def record(**changes: Any) -> TaskRecord:
    values: dict[str, Any] = {
        "name": "number", "model": MODEL, "kind": "words", "labels": ("Plur", "Sing", "none"),
        "column": "feats.Number", "tensors": tensors(), "provenance": {"method": "task"}, "label_map": {"_": "none"},
    }  # fmt: skip
    return TaskRecord(**(values | changes))


def test_written_and_read_it_is_the_same(tmp_path: Path) -> None:
    made = record()
    path = save_task(made, tmp_path / "new")
    for file in (path, path.with_suffix(".json")):
        back = load_task(file)
        assert (back.hash, back.definition, back.provenance) == (made.hash, made.definition, made.provenance)
        assert all((back.tensors[name] == values).all() for name, values in made.tensors.items())
    assert path.stem == made.hash and made.numbers == 23
    assert task_to_bytes(made) == task_to_bytes(record())


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "gender"}, {"model": "b2" * 32}, {"labels": ("Plur", "Sing", "no")}, {"column": "xpos"},
        {"label_map": {}}, {"kind": "spans"}, {"tensors": tensors(embedding=np.ones(8, np.float32))},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_everything_but_the_provenance_counts_for_the_hash(changes: dict[str, Any]) -> None:
    assert record(**changes).hash != record().hash == record(provenance={"method": "other"}).hash


def test_the_numbers_cannot_be_changed() -> None:
    given = tensors()
    made = record(tensors=given)
    given["embedding"][0] = 9
    assert made.tensors["embedding"][0] != 9
    with pytest.raises(ValueError, match="read-only"):
        made.tensors["embedding"][0] = 9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a.b"}, "'a.b' cannot name the task"),
        ({"model": "abc"}, "is not a model fingerprint"),
        ({"kind": "mlm"}, "of kind 'mlm'"),
        ({"labels": ("Sing", "Sing", "none")}, "at least 2 labels, each once"),
        ({"labels": ("Sing",), "tensors": tensors()}, "at least 2 labels"),
        ({"labels": ("Sing", "")}, "texts that are not empty"),
        ({"labels": ("Sing", "Plur")}, r"do not fit together: .* for 2 labels"),
        ({"tensors": tensors(**{"head.bias": None})}, "has the tensors embedding, head.bias, head.weight, not"),
        ({"tensors": tensors(embedding=np.ones(8))}, "has to be float32, not float64"),
        ({"tensors": tensors(embedding=np.full(8, np.nan, np.float32))}, "not finite"),
        ({"tensors": tensors(embedding=np.ones((2, 4), np.float32))}, "do not fit together"),
        ({"provenance": {"x": {1}}}, "the provenance of a task record has to fit into JSON"),
    ],
)
def test_what_cannot_be_right_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        record(**changes)


def test_damage_is_found(tmp_path: Path) -> None:
    data = bytearray(task_to_bytes(record()))
    data[-1] ^= 1
    with pytest.raises(DataError, match="is damaged: it hashes to"):
        task_from_bytes(bytes(data), provenance={})
    with pytest.raises(DataError, match=r"is damaged \("):
        task_from_bytes(bytes(data[:-4]), provenance={})
    with pytest.raises(DataError, match="is not a task record"):
        task_from_bytes(b"rubbish", provenance={})
    path = save_task(record(), tmp_path)
    note = path.with_suffix(".json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"name": "other"}))
    with pytest.raises(DataError, match="describes another record"):
        load_task(path)
    note.write_text("[]")
    with pytest.raises(DataError, match="is not the description of a task record"):
        load_task(path)
    note.unlink()
    with pytest.raises(NotFoundError, match="a task record is a .safetensors and a .json file"):
        load_task(path)


def test_a_newer_format_is_refused() -> None:
    data = task_to_bytes(record()).replace(b"hyperx-cl/task@1", b"hyperx-cl/task@9")
    with pytest.raises(DataError, match="has format 'hyperx-cl/task@9', this version reads .*: update"):
        task_from_bytes(data, provenance={})
    assert METADATA.encode() in data


@pytest.mark.parametrize("name", ["", "a b", "a.b", "-a", "../x", "a" * 65, "é"])
def test_a_name_that_is_no_slug_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a task"):
        expect_task_name(name)
    expect_task_name("UD_number-2")
