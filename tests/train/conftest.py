"""A new language's text and a model to learn it with; a test file that needs others has fixtures of these names."""

from pathlib import Path

import pytest
import torch

from hyperx_cl.data.text import Text
from hyperx_cl.model.hyperx import HyperX
from tests.model.building import build
from tests.train.small_text import as_text, lines


@pytest.fixture
def text(tmp_path: Path) -> Text:
    (tmp_path / "text").mkdir()
    return as_text(lines(90), tmp_path / "text")


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages, and tr added; in training mode, one embedding not to be trained."""
    model = build(tiny_backbone)
    model.new_language("tr", torch.randn(8, generator=torch.Generator().manual_seed(1)), rank=2)
    model.language("mt").own.embedding.requires_grad_(False)
    return model.train()
