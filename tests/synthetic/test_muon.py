"""Muon in fp32, beside an exact decomposition and PyTorch's own in bf16."""

import pytest
import torch

from hyperx_cl.synthetic.muon import Muon, orthogonal

SHAPES = [(6, 6), (8, 20), (20, 8)]


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonal(matrix) @ right.T
    assert found.dtype == torch.float32
    assert 0.6 < found.diagonal().min() and found.diagonal().max() < 1.3
    torch.testing.assert_close(found, torch.diag(found.diagonal()), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_its_steps_are_those_of_pytorch_to_the_precision_of_bf16(shape: tuple[int, int]) -> None:
    chance = torch.Generator().manual_seed(2)
    ours, theirs = (torch.zeros(*shape, requires_grad=True) for _ in range(2))
    one = Muon([ours], lr=0.1)
    other = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        ours.grad = torch.randn(*shape, generator=chance)
        theirs.grad = ours.grad.clone()
        one.step()
        other.step()
    assert ours.norm() > 0.1
    assert torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.999
    torch.testing.assert_close(ours.norm(), theirs.norm(), rtol=0.02, atol=0)


def test_no_gradient_no_step() -> None:
    weight = torch.ones(3, 3, requires_grad=True)
    weight.grad = torch.zeros(3, 3)
    Muon([weight], lr=0.1).step()
    assert torch.equal(weight, torch.ones(3, 3))
