"""Numbers that leave all bounds: the batch is named, the last good checkpoint stays, and lower rates go on from it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from hyperx_cl.data.text import Text
from hyperx_cl.errors import ConflictError
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.checkpoint import DIVERGED, TENSORS
from hyperx_cl.train.loop import DivergedError
from tests.model.building import build
from tests.train.small_root import run, write_root
from tests.train.small_text import add_options


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("root"))


@contextmanager
def poisoned_after(step: int) -> Iterator[None]:
    """Let every weight that learns be no number after so many optimiser steps."""
    seen = 0

    def hook(optimiser: torch.optim.Optimizer, *_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    parameter.data.fill_(float("nan"))

    handle = register_optimizer_step_post_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _finite(folder: Path) -> bool:
    return all(bool(torch.isfinite(t).all()) for t in load_file(folder / TENSORS).values() if t.is_floating_point())


@pytest.mark.parametrize(("poison", "found"), [(12, 13), (14, 14)], ids=["seen by a step", "seen by a checkpoint"])
def test_base_training_keeps_its_last_good_checkpoint(
    poison: int, found: int, tiny_backbone: Path, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    with poisoned_after(poison), pytest.raises(DivergedError) as error:
        run(tiny_backbone, root, tmp_path, steps=20)
    said = str(error.value)
    pair = error.value.pair
    assert said.startswith(f"The loss is not a number at step {found} ({pair.task} in {pair.language}; sentences ")
    assert said.endswith(
        ": lower --rate, or use --precision fp32; the checkpoint of step 7 stays, go on from it with --resume."
    )
    assert error.value.sentences and min(error.value.sentences) >= 1
    assert json.loads((folder / "state.json").read_text())["step"] == 7 and _finite(folder)
    assert json.loads((folder / DIVERGED).read_text())["sentences"] == error.value.sentences
    with pytest.raises(ConflictError, match=r"another \[train\]"):
        run(tiny_backbone, root, tmp_path, steps=20, resume=True, mask_rate=0.2)
    gone_on = run(tiny_backbone, root, tmp_path, steps=20, resume=True, rate=1e-4, rate_generator=1e-5, clip=0.5)
    assert gone_on.steps == 20 and not (folder / DIVERGED).exists()
    with pytest.raises(ConflictError, match=r"another \[train\]"):  # it has got over it
        run(tiny_backbone, root, tmp_path, steps=20, resume=True)


def test_the_same_again_ends_as_if_nothing_had_happened(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    whole = run(tiny_backbone, root, tmp_path / "whole", steps=16)
    with poisoned_after(9), pytest.raises(DivergedError):
        run(tiny_backbone, root, tmp_path / "cut", steps=16)
    assert run(tiny_backbone, root, tmp_path / "cut", steps=16, resume=True).fingerprint == whole.fingerprint


def test_an_absurd_rate_leaves_neither_checkpoint_nor_model(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    rates: dict[str, Any] = {"rate": 1e30, "rate_generator": 1e30, "rate_embedding": 1e30}
    with pytest.raises(DivergedError, match="lower --rate, or use --precision fp32.$"):
        run(tiny_backbone, root, tmp_path, checkpoint_every=1, **rates)
    assert not (tmp_path / "checkpoint").exists() and not (tmp_path / "model.safetensors").exists()


def test_a_language_keeps_its_last_good_checkpoint(tiny_backbone: Path, text: Text, tmp_path: Path) -> None:
    folder, options = tmp_path / "c", add_options(start="mean")
    with (
        poisoned_after(6),
        pytest.raises(DivergedError, match=r"step 7 \(mlm in qaa; sentences .*checkpoint of step 4"),
    ):
        add_language(build(tiny_backbone), "qaa", text, options, checkpoint=folder)
    assert _finite(folder)
    with pytest.raises(ConflictError, match="other options"):
        add_language(
            build(tiny_backbone), "qaa", text, add_options(start="mean", rank=2), checkpoint=folder, resume=True
        )
    lower = add_options(start="mean", rate=1e-3)
    assert add_language(build(tiny_backbone), "qaa", text, lower, checkpoint=folder, resume=True).steps == 12
