"""Batches of one language: every line once a round, masks anew each time, and all of it again from a kept place."""

from pathlib import Path

import torch

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.train.masked_draw import MaskedDraw
from tests.train.small_text import lines


def make(backbone: Path) -> tuple[MaskedDraw, int]:
    tokenizer = load_backbone(str(backbone)).tokenizer
    encoded = Encoder(tokenizer, max_length=24).text(lines(30))
    return MaskedDraw("yo", encoded, tokenizer, max_tokens=96, mask_rate=0.3, seed=4, device=torch.device("cpu")), sum(
        map(len, encoded)
    )


def asked(batch: Batch) -> list[int]:
    assert batch.targets is not None
    return [*batch.input_ids.flatten().tolist(), -1, *batch.targets.tolist()]


def test_a_round_has_every_line_once_and_the_next_other_masks(tiny_backbone: Path) -> None:
    draw, pieces = make(tiny_backbone)
    first: list[list[int]] = []
    second: list[list[int]] = []
    for seen in (first, second):
        read = 0
        while read < pieces:
            batch = draw()
            read += batch.tokens
            seen.append(asked(batch))
            assert [segment.pair for segment in batch.segments] == [Pair("mlm", "yo")]
            assert batch.input_ids.numel() <= 96 and 0 < int(batch.wanted.sum()) < batch.tokens
        assert read == pieces
    assert not any(batch in first for batch in second)


def test_it_goes_on_where_it_stood(tiny_backbone: Path) -> None:
    (draw, _), (other, _) = make(tiny_backbone), make(tiny_backbone)
    for _ in range(3):
        draw()
    other.sampler.load_state_dict(draw.sampler.state_dict())
    assert [asked(draw()) for _ in range(12)] == [asked(other()) for _ in range(12)]
