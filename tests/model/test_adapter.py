"""Applying adapters: bottlenecks side by side are their sum, and a part that starts changes nothing."""

import torch
from torch.nn import functional

from hyperx_cl.model.adapter import Part, apply_adapter
from hyperx_cl.model.hypernet import AdapterWeights


def _generated(norm: bool) -> AdapterWeights:
    torch.manual_seed(1)
    sizes = [(6, 8), (8, 6), (6,), (8,), *([(8,), (8,)] if norm else [])]
    return AdapterWeights(*(torch.randn(size) for size in sizes))


def test_parts_side_by_side_are_the_sum_of_their_changes() -> None:
    for norm in (False, True):
        generated = _generated(norm)
        z = torch.randn(2, 5, 8)
        parts = [(torch.randn(r, 8), torch.randn(r), torch.randn(8, r)) for r in (2, 3)]
        expected = apply_adapter(z, generated)
        for down, bias, up in parts:
            expected = expected + functional.relu(z @ down.T + bias) @ up.T
        torch.testing.assert_close(apply_adapter(z, generated, parts), expected, rtol=1e-5, atol=1e-5)


def test_a_generated_scale_of_zero_leaves_only_the_shift() -> None:
    generated = _generated(True)._replace(scale=torch.zeros(8), shift=torch.full((8,), 0.5))
    z = torch.randn(2, 5, 8)
    torch.testing.assert_close(apply_adapter(z, generated), z + 0.5)


def test_a_new_part_is_no_change_but_can_learn() -> None:
    part = Part(3, 8, 2)
    assert float(part.up.detach().abs().max()) == 0 and float(part.down.detach().abs().max()) > 0
    assert sum(p.numel() for p in part.parameters()) == 3 * (2 * 2 * 8 + 2)
    z, nothing = torch.randn(1, 4, 8), AdapterWeights(*(torch.zeros(s) for s in ((6, 8), (8, 6), (6,), (8,))))
    out = apply_adapter(z, nothing, [(part.down[0], part.down_bias[0], part.up[0])])
    assert torch.equal(out, z)
    out.sum().backward()
    assert part.up.grad is not None and float(part.up.grad[0].abs().max()) > 0
