"""Tables take any language code, those that torch's own dictionaries refuse among them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from hyperx_cl.data.tasks import MLM, Task
from hyperx_cl.errors import UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.table import Table, Vectors
from tests.model.building import batch, build


@pytest.mark.parametrize("code", ["to", "pop", "cpu", "keys", "type"])
def test_any_code_is_a_language(tiny_backbone: Path, tmp_path: Path, code: str) -> None:
    task = Task(code, "words", ("A", "B"))
    model = build(tiny_backbone, tasks=[MLM, task], languages=["en", code])
    model.save_pretrained(tmp_path)
    loaded = HyperX.from_pretrained(tmp_path, backbone=model.backbone)
    given = batch(model, "mlm", code)
    assert torch.equal(model(given).logits[0], loaded(given).logits[0])
    model.new_language(code, torch.zeros(8), rank=2)
    assert any(name.startswith(f"added.{code}.own.part") for name, _ in model.named_parameters())
    assert model.to("cpu").languages() == ["en", code] if code > "en" else [code, "en"]


def test_a_dot_would_cut_a_name_in_two() -> None:
    with pytest.raises(UsageError, match=r"'a\.b' cannot be the name of a task or language"):
        Table({"a.b": nn.Linear(1, 1)})


def test_vectors_are_parameters() -> None:
    vectors = Vectors(["pop", "ner"], 4)
    assert [name for name, _ in vectors.named_parameters()] == ["pop", "ner"]
    assert vectors["pop"].requires_grad and vectors["pop"].shape == (4,)
