"""The hypernetwork's starting values, and that one product writes what pair after pair would."""

import pytest
import torch

from hyperx_cl.config import ModelOptions
from hyperx_cl.model.hypernet import Hypernetwork
from hyperx_cl.model.shapes import Shape


def _built(**options: object) -> Hypernetwork:
    torch.manual_seed(0)
    built = Hypernetwork(Shape(4, 64, ModelOptions(**({"bottleneck": 16} | options))))  # type: ignore[arg-type]
    return built.requires_grad_(False)


def test_paper_initialisation() -> None:
    built = _built(initialisation="paper")
    named = dict(built.named_parameters())
    weights = [named[f"{name}.weight"] for name in ("generator", "projector.0", "projector.2")]
    assert [float(w.std()) for w in weights] == pytest.approx([0.02] * 3, rel=0.05)
    assert all(float(value.abs().max()) == 0 for name, value in named.items() if name.endswith("bias"))
    assert float(built.layer_embeddings.std()) == pytest.approx(1, rel=0.15)


def test_scaled_initialisation_starts_near_the_bare_backbone() -> None:
    built = _built()
    assert float(built.generator.weight.std()) == pytest.approx(0.002, rel=0.05)
    assert float(built.get_parameter("projector.0.weight").std()) == pytest.approx((2 / 192) ** 0.5, rel=0.05)
    down = built.shape.sizes["down"]
    assert float(built.generator.bias[:down].std()) == pytest.approx(0.02, rel=0.1)
    assert float(built.generator.bias[down:].abs().max()) == 0


@pytest.mark.parametrize("norm", [False, True])
def test_pairs_together_are_pairs_alone(norm: bool) -> None:
    built = _built(adapter_norm=norm)
    tasks, languages = torch.randn(3, 64), torch.randn(3, 64)
    together = built(tasks, languages)
    assert (len(together), len(together[0])) == (3, 4)
    for pair in range(3):
        (alone,) = built(tasks[pair : pair + 1], languages[pair : pair + 1])
        for one, other in zip(alone, together[pair], strict=True):
            assert (one.down.shape, one.up.shape, one.scale is None) == ((16, 64), (64, 16), not norm)
            for a, b in zip(one, other, strict=True):
                if a is not None:
                    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_task_language_and_layer_all_count() -> None:
    built = _built(initialisation="paper")
    task, language = torch.randn(1, 64), torch.randn(1, 64)
    (here,) = built(task, language)
    (there,) = built(language, task)
    assert not torch.equal(here[0].down, there[0].down)
    assert not torch.equal(here[0].down, here[1].down)
    assert built(task, language, dtype=torch.bfloat16)[0][0].up.dtype == torch.bfloat16
