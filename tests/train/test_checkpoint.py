"""Checkpoints: the same numbers again, whole or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from hyperx_cl.config import TrainOptions
from hyperx_cl.errors import DataError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.checkpoint import (
    STATE,
    TENSORS,
    checkpoint_exists,
    load_checkpoint,
    read_state,
    remove_checkpoint,
    save_checkpoint,
)
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from tests.model.building import batch, build


def _loop(folder: Path, **options: Any) -> tuple[HyperX, Loop]:
    model = build(folder, **options)
    given = [batch(model, task, "mt") for task in ("pos", "mlm", "ner")]
    stream = iter(given * 10)
    accelerator = make_accelerator(cpu=True)
    return model, Loop(model, groups(model, TrainOptions()), lambda: next(stream), Schedule(6), accelerator=accelerator)


def _take(loop: Loop, steps: int) -> None:
    for _, _ in zip(range(steps), loop, strict=False):
        pass


def test_going_on_gives_the_numbers_of_never_having_stopped(tiny_backbone: Path, tmp_path: Path) -> None:
    straight, loop = _loop(tiny_backbone)
    _take(loop, 6)
    first, loop = _loop(tiny_backbone)
    _take(loop, 3)
    save_checkpoint(tmp_path / "c", loop, first.saved_tensors(), {"note": [1, "two"]})
    second, other = _loop(tiny_backbone, seed=5)
    tensors, state = load_checkpoint(tmp_path / "c", other)
    second.load_state_dict(tensors)
    assert (other.number, other.tokens, state["note"]) == (3, loop.tokens, [1, "two"])
    _take(other, 3)  # the stream of three batches starts again at the first, as it would have gone on
    assert second.fingerprint() == straight.fingerprint()


def test_the_random_generator_goes_on_too(tiny_backbone: Path, tmp_path: Path) -> None:
    model, loop = _loop(tiny_backbone)
    _take(loop, 1)
    save_checkpoint(tmp_path / "c", loop, model.saved_tensors(), {})
    expected = torch.randn(3)
    torch.manual_seed(0)
    load_checkpoint(tmp_path / "c", _loop(tiny_backbone)[1])
    assert torch.equal(torch.randn(3), expected)


def test_on_a_cpu_the_random_state_of_a_gpu_is_neither_kept_nor_read(tiny_backbone: Path, tmp_path: Path) -> None:
    model, loop = _loop(tiny_backbone)
    save_checkpoint(tmp_path, loop, model.saved_tensors(), {})
    kept = load_file(tmp_path / TENSORS)
    assert {name for name in kept if name.startswith("random/")} == {"random/torch"}
    save_file(kept | {"random/cuda": torch.zeros(16, dtype=torch.uint8)}, tmp_path / TENSORS)  # one made on a GPU
    tensors, _ = load_checkpoint(tmp_path, loop)
    assert set(tensors) == set(model.saved_tensors())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_random_generator_of_a_gpu_goes_on_too(tiny_backbone: Path, tmp_path: Path) -> None:
    model, loop = _loop(tiny_backbone)
    model.place("cuda", torch.float32)
    torch.cuda.manual_seed(3)
    torch.rand(5, device="cuda")
    save_checkpoint(tmp_path, loop, model.saved_tensors(), {})
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(0)
    load_checkpoint(tmp_path, loop)
    assert torch.equal(torch.rand(3, device="cuda"), expected)
    kept = load_file(tmp_path / TENSORS)
    del kept["random/cuda"]  # one of the first version
    save_file(kept, tmp_path / TENSORS)
    load_checkpoint(tmp_path, loop)


def test_a_checkpoint_replaces_the_one_before_and_leaves_nothing(tiny_backbone: Path, tmp_path: Path) -> None:
    model, loop = _loop(tiny_backbone)
    for number in range(2):
        save_checkpoint(tmp_path / "c", loop, model.saved_tensors(), {"number": number})
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [STATE, TENSORS]
    assert read_state(tmp_path / "c")["number"] == 1


def test_one_cut_off_while_being_replaced_is_put_back(tiny_backbone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert not checkpoint_exists(folder)
    model, loop = _loop(tiny_backbone)
    save_checkpoint(folder, loop, model.saved_tensors(), {"number": 0})
    shutil.copytree(folder, tmp_path / "c.new")
    (tmp_path / "c.new" / STATE).write_text("{")  # the next one was half written
    assert checkpoint_exists(folder) and read_state(folder)["number"] == 0
    folder.rename(tmp_path / "c.old")  # or was about to take its place
    assert checkpoint_exists(folder) and read_state(folder)["number"] == 0
    save_checkpoint(folder, loop, model.saved_tensors(), {"number": 1})
    assert read_state(folder)["number"] == 1


def test_what_is_removed_does_not_come_back(tiny_backbone: Path, tmp_path: Path) -> None:
    model, loop = _loop(tiny_backbone)
    save_checkpoint(tmp_path / "c", loop, model.saved_tensors(), {})
    for leftover in ("c.old", "c.new"):  # of a process that was killed while it replaced one
        shutil.copytree(tmp_path / "c", tmp_path / leftover)
    remove_checkpoint(tmp_path / "c")
    assert not checkpoint_exists(tmp_path / "c") and not list(tmp_path.iterdir())
    remove_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (STATE, b"{", "cannot be read: .*; remove it to start again"),
        (STATE, b"[]", "another format than hyperx-cl/checkpoint@1; remove it"),
        (STATE, json.dumps({"format": "hyperx-cl/checkpoint@2"}).encode(), "another format"),
        (TENSORS, b"not tensors", "cannot be read"),
    ],
)
def test_damage_is_one_sentence(tiny_backbone: Path, tmp_path: Path, file: str, content: bytes, message: str) -> None:
    model, loop = _loop(tiny_backbone)
    save_checkpoint(tmp_path, loop, model.saved_tensors(), {})
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_checkpoint(tmp_path, loop)
