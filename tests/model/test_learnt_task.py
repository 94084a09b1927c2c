"""Tasks that come after base training: beside the model, never in it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hyperx_cl.data.tasks import POS, Task
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference
from hyperx_cl.model.learnt_task import LearntTask, task_of_record
from hyperx_cl.task_record import TaskRecord, load_task, save_task
from tests.model.building import batch, build

NUMBER = Task("number", "words", ("Plur", "Sing", "none"), "feats.Number", {"_": "none"})


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    return build(tiny_backbone)


def learnt(model: HyperX, task: Task = NUMBER) -> LearntTask:
    return model.new_task(task, torch.randn(8, generator=torch.Generator().manual_seed(1)))


def logits(model: HyperX, task: str) -> bytes:
    given = batch(model, "pos", "en")
    for segment in given.segments:
        object.__setattr__(segment, "pair", segment.pair._replace(task=task))
    object.__setattr__(given, "targets", None)
    with inference(model):
        return bytes(model(given).logits[0].numpy().tobytes())


def test_a_task_leaves_fingerprint_files_and_other_tasks_alone(model: HyperX, tmp_path: Path) -> None:
    mark, bits, saved = model.fingerprint(), logits(model, "pos"), set(model.saved_tensors())
    learnt(model)
    assert (model.fingerprint(), logits(model, "pos"), set(model.saved_tensors())) == (mark, bits, saved)
    assert list(model.tasks) == ["mlm", "ner", "pos", "number"] and model.task("number") == NUMBER
    assert model.save_pretrained(tmp_path) == mark
    assert list(HyperX.from_pretrained(tmp_path, backbone=model.backbone).tasks) == ["mlm", "ner", "pos"]


def test_stored_and_attached_it_gives_the_same_logits(model: HyperX, tiny_backbone: Path, tmp_path: Path) -> None:
    learnt(model)
    record = model.record_task("number", {"method": "task"})
    again = build(tiny_backbone)
    again.attach_task(load_task(save_task(record, tmp_path)))
    assert logits(again, "number") == logits(model, "number")
    assert again.task("number") == NUMBER == task_of_record(record)
    assert again.record_task("number", {}).hash == record.hash
    again.attach_task(record)  # a second time changes nothing
    assert again.added_tasks["number"].head.weight.shape == (3, 32)


def test_its_vector_goes_through_the_hypernetwork(model: HyperX) -> None:
    task = learnt(model)
    before = logits(model, "number")
    assert model.task_embedding("number") is task.embedding
    assert model.task_embedding("pos") is model.task_embeddings["pos"]
    with torch.no_grad():
        task.embedding.add_(1)
    assert logits(model, "number") != before


def test_forgotten_it_is_gone(model: HyperX) -> None:
    learnt(model)
    model.forget_task("number")
    assert "number" not in model.tasks and "number" not in model.added_tasks
    for act in (model.task, model.forget_task, model.task_embedding):
        with pytest.raises(NotFoundError, match="number"):
            act("number")
    with pytest.raises(NotFoundError):
        model.forget_task("pos")


def test_what_does_not_belong_is_refused(model: HyperX) -> None:
    with pytest.raises(ConflictError, match="trained for a task 'pos' already"):
        learnt(model, POS)
    with pytest.raises(UsageError, match="cannot be the name of a task"):
        learnt(model, Task("a.b", "words", ("x", "y")))
    assert "a.b" not in model.tasks
    tensors = learnt(model).tensors()
    model.forget_task("number")
    mark = model.fingerprint()
    about = ("words", ("Plur", "Sing", "none"), "feats.Number")
    with pytest.raises(ConflictError, match="task 'number' belongs to model b2b2b2b2b2b2, this is .*add-task"):
        model.attach_task(TaskRecord("number", "b2" * 32, *about, tensors, {}))
    for name, shape in (("embedding", (9,)), ("head.weight", (3, 31))):
        wrong = tensors | {name: np.ones(shape, np.float32)}
        with pytest.raises(DataError, match="'number' does not fit this model"):
            model.attach_task(TaskRecord("number", mark, *about, wrong, {}))
    with pytest.raises(ConflictError, match="trained for a task 'pos' already"):
        model.attach_task(TaskRecord("pos", mark, *about, tensors, {}))
    assert model.fingerprint() == mark and list(model.tasks) == ["mlm", "ner", "pos"]
