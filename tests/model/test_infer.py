"""Running without training: labels in order, loss on masked text by batch, row and piece."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hyperx_cl.config import ModelOptions
from hyperx_cl.data.batches import Pair, evaluation_batches
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.tasks import POS
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference, label_ids, masked_batches, masked_rows, masked_score, window_length
from tests.taggers import WORDS, tagger

LINES = [" ".join(WORDS[: 1 + i % 4]) + " ." * (i % 7) for i in range(40)]


@pytest.fixture(scope="module")
def model(tiny_backbone: Path) -> HyperX:
    return tagger(tiny_backbone)


def test_windows_are_no_longer_than_the_backbone_has_positions(tiny_backbone: Path, tiny_xlmr: Path) -> None:
    for folder in (tiny_backbone, tiny_xlmr):
        backbone = load_backbone(str(folder))
        model = HyperX(backbone, ModelOptions(projected=4, bottleneck=4), [POS], ["en"])
        assert window_length(model) == 128
        ids = torch.full((1, 128), 7)
        backbone.encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
        with pytest.raises((IndexError, RuntimeError)):
            backbone.encoder(input_ids=ids.repeat(1, 2), attention_mask=torch.ones(1, 256))


def test_loss_of_rows_adds_up_to_the_loss_of_the_text(model: HyperX) -> None:
    encoded = Encoder(model.tokenizer, max_length=32).text(LINES)
    batches = masked_batches(model, "mt", encoded, seed=3, max_tokens=100)
    score = masked_score(model, batches)
    nats, pieces = masked_rows(model, batches)
    assert len(batches) > 3
    assert len(nats) == len(pieces) == len(encoded)
    assert pieces.sum() == score.pieces
    assert nats.sum() / pieces.sum() == pytest.approx(score.loss, rel=1e-5)

    order = [i for indices in evaluation_batches(encoded, 100) for i in indices]
    assert [len(encoded[i]) for i in order] == sorted((len(e) for e in encoded), reverse=True)
    ids = np.concatenate([batch.attention_mask.sum(1).numpy() for batch in batches])
    assert ids.tolist() == [len(encoded[i]) for i in order]


def test_masked_loss_is_cross_entropy_at_the_masked_positions(model: HyperX) -> None:
    encoded = Encoder(model.tokenizer, max_length=32).text(LINES[:6])
    batches = masked_batches(model, "en", encoded, seed=1)
    expected, right, count = 0.0, 0, 0
    with torch.no_grad():
        for batch in batches:
            assert batch.targets is not None
            logits = model(batch).logits[0].double()
            chosen = logits.gather(1, batch.targets[:, None])[:, 0]
            expected += float((logits.logsumexp(-1) - chosen).sum())
            right += int((logits.argmax(-1) == batch.targets).sum())
            count += len(chosen)
    score = masked_score(model, batches)
    assert score.loss == pytest.approx(expected / count, rel=1e-4)
    assert score.accuracy == pytest.approx(right / count)
    assert score.pieces == count


def test_the_same_seed_masks_the_same_pieces(model: HyperX) -> None:
    encoded = Encoder(model.tokenizer, max_length=32).text(LINES)
    first, again, other = (masked_batches(model, "en", encoded, seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first.input_ids, again.input_ids)
    assert not torch.equal(first.wanted, other.wanted)


def test_inference_needs_no_gradient_and_gives_the_training_mode_back(model: HyperX) -> None:
    model.train()
    with inference(model):
        assert not model.training
        assert not torch.is_grad_enabled()
    assert model.training
    model.eval()


def test_sentences_without_windows_get_no_labels(model: HyperX) -> None:
    assert [ids.tolist() for ids in label_ids(model, Pair("pos", "en"), [], sentences=2)] == [[], []]
