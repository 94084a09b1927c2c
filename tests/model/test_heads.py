"""Heads: their starting values, and an MLM decoder that is the word embeddings themselves."""

import pytest
import torch
from torch.nn import functional

from hyperx_cl.model.heads import MaskedHead, WordHead


def _masked(start: dict[str, torch.Tensor]) -> MaskedHead:
    return MaskedHead(start, hidden=8, vocabulary=20, eps=1e-12, activation=functional.gelu)


def test_a_word_head_starts_as_the_paper_s() -> None:
    torch.manual_seed(0)
    head = WordHead(768, 17)
    assert float(head.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert float(head.bias.detach().abs().max()) == 0


def test_the_decoder_is_the_word_embeddings_and_no_tensor_of_ours() -> None:
    head, words, states = _masked({}), torch.randn(20, 8), torch.randn(3, 8)
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        "bias": (20,), "dense.weight": (8, 8), "dense.bias": (8,), "norm.weight": (8,), "norm.bias": (8,),
    }  # fmt: skip
    doubled = head(states, 2 * words) - head(states, words)
    torch.testing.assert_close(doubled, head(states, words) - head.bias)
    assert head(states.bfloat16(), words.bfloat16()).dtype == torch.float32


def test_it_starts_from_the_backbone_s_own_copy() -> None:
    start = {name: torch.randn_like(p) for name, p in _masked({}).named_parameters()}
    head = _masked(start)
    assert all(torch.equal(p, start[name]) for name, p in head.named_parameters())
    with torch.no_grad():
        head.bias.add_(1)
    assert not torch.equal(head.bias, start["bias"])
