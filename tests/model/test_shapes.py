"""How many numbers a model has: the paper's counts, and that a built model has exactly what the formulas say."""

from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.config import ModelOptions
from hyperx_cl.model.hypernet import Hypernetwork
from hyperx_cl.model.shapes import Shape
from tests.model.building import LANGUAGES, TASKS, build

MBERT_NORMS = 25 * 2 * 768


def _counted(projected: int, **options: Any) -> int:
    """Trainable numbers outside the heads at mBERT's size, 16 languages and 3 tasks."""
    shape = Shape(12, 768, ModelOptions(projected=projected, **options))
    return sum(shape.hypernetwork_numbers().values()) + (16 + 3) * 64 + MBERT_NORMS


def test_the_paper_s_counts() -> None:
    assert _counted(192) == 76_202_816
    assert _counted(32) == 13_093_536


def test_what_the_adapter_s_layer_norm_adds() -> None:
    assert _counted(192, adapter_norm=True) - _counted(192) == 296_448
    assert _counted(32, adapter_norm=True) - _counted(32) == 50_688


def test_a_part_at_mbert_s_size() -> None:
    assert Shape(12, 768, ModelOptions()).part_numbers(16) == 295_104


@pytest.mark.parametrize("projected", [32, 192])
def test_a_hypernetwork_of_that_size_really_has_them(projected: int) -> None:
    import torch

    with torch.device("meta"):  # shapes without memory
        built = Hypernetwork(Shape(12, 768, ModelOptions(projected=projected)))
    expected = built.shape.hypernetwork_numbers()
    assert sum(p.numel() for p in built.parameters()) == sum(expected.values())
    assert sum(p.numel() for p in built.generator.parameters()) == expected["generators"]
    assert sum(p.numel() for p in built.projector.parameters()) == expected["projector"]
    assert built.layer_embeddings.numel() == expected["layer embeddings"]


@pytest.mark.parametrize("options", [{}, {"adapter_norm": True}, {"language_part": 4}, {"placement": "layer"}])
def test_a_built_model_has_what_the_formulas_say(tiny_backbone: Path, options: dict[str, Any]) -> None:
    model = build(tiny_backbone, **options)
    part = model.shape.part_numbers(4) if "language_part" in options else 0
    hidden, vocabulary = model.shape.hidden, model.backbone.info.vocabulary
    heads = sum((hidden + 1) * len(task.labels) for task in TASKS if task.labels)
    masked = hidden * (hidden + 1) + 2 * hidden + vocabulary
    norms = (1 + 2 * model.shape.layers) * 2 * hidden
    expected = (
        sum(model.shape.hypernetwork_numbers().values())
        + len(TASKS) * 8
        + len(LANGUAGES) * (8 + part)
        + heads
        + masked
        + norms
    )
    assert sum(p.numel() for p in model.parameters()) == expected
    assert sum(t.numel() for t in model.saved_tensors().values()) == expected
    assert len(model.backbone.norms) == 1 + 2 * model.shape.layers
