"""The shift: equal to writing the changed rows into the embedding matrix, for its own language alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hyperx_cl.artefact import from_bytes, to_bytes
from hyperx_cl.data.encode import Encoded
from hyperx_cl.errors import DataError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.shift import Shift, frequent_pieces
from tests.model.building import batch, build, mixed


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    return build(tiny_backbone)


def shift_for(model: HyperX, rank: int = 3) -> Shift:
    """A shift of half the pieces of a batch, its numbers drawn."""
    ids = batch(model, "pos", "mt").input_ids.unique()[::2]
    shift = Shift(ids, model.shape.hidden, rank)
    torch.nn.init.normal_(shift.factors)
    return shift


@pytest.mark.parametrize("task", ["pos", "mlm"])
def test_it_acts_as_if_its_rows_were_in_the_embedding_matrix(model: HyperX, task: str) -> None:
    shift, seen = shift_for(model), batch(model, task, "mt")
    plain = model(seen).logits[0]
    model.base["mt"].shift = shift
    shifted = model(seen).logits[0]
    model.base["mt"].shift = None
    with torch.no_grad():
        rows = model.backbone.word_embeddings
        for token, factors in zip(shift.ids.tolist(), shift.factors, strict=True):
            rows[token] += sum(f * b for f, b in zip(factors, shift.basis, strict=True))
    expected = model(seen).logits[0]
    assert torch.allclose(shifted, expected, atol=1e-5)
    assert not torch.allclose(shifted, plain, atol=1e-3)


def test_no_other_language_of_the_batch_reads_it(model: HyperX) -> None:
    pairs = (("pos", "en"), ("pos", "mt"), ("ner", "ug"))
    seen = mixed(model, *pairs)
    before = model(seen).logits
    model.base["mt"].shift = shift_for(model)
    after = model(seen).logits
    assert torch.equal(before[0], after[0]) and torch.equal(before[2], after[2])
    assert not torch.equal(before[1], after[1])


def test_it_starts_as_no_change_and_all_of_it_learns(model: HyperX) -> None:
    seen = batch(model, "mlm", "mt")
    before = model(seen).logits[0]
    shift = model.base["mt"].shift = Shift(seen.input_ids.unique(), model.shape.hidden, 3)
    output = model(seen)
    assert torch.equal(before, output.logits[0])
    assert output.loss is not None
    output.loss.backward()
    assert shift.factors.grad is not None and shift.factors.grad.any()
    assert model.backbone.word_embeddings.grad is None


def test_pieces_outside_are_not_changed() -> None:
    shift = Shift([3, 7, 9], 5, 2)
    torch.nn.init.ones_(shift.factors)
    change = shift.change(torch.tensor([[0, 3, 5], [9, 10, 7]]))
    row = shift.basis.sum(0)
    assert torch.allclose(change, torch.stack([torch.stack([0 * row, row, 0 * row]), torch.stack([row, 0 * row, row])]))


def test_the_frequent_pieces_are_found() -> None:
    windows = [
        Encoded(np.array(ids, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32), 0, 0)
        for ids in ([1, 5, 5, 8, 2], [1, 8, 5, 6, 9, 9, 2])
    ]
    assert frequent_pieces(windows, most=9, least=2, never=(1, 2)) == [5, 8, 9]
    assert frequent_pieces(windows, most=2, least=1, never=(1, 2)) == [5, 8]
    assert frequent_pieces(windows, most=9, least=4, never=(1, 2)) == []


def test_a_record_brings_it_back_bit_for_bit(model: HyperX) -> None:
    model.new_language("qaa", torch.ones(8)).shift = shift_for(model)
    seen = batch(model, "pos", "qaa")
    before, record = model(seen).logits[0], model.record("qaa", {})
    count = len(record.tensors["shift.ids"])
    assert record.numbers == 8 + count + 3 * count + 3 * 32
    model.forget("qaa")
    model.attach(from_bytes(to_bytes(record), provenance={}))
    assert torch.equal(model(seen).logits[0], before)
    assert model.record("qaa", {}).hash == record.hash


def test_a_piece_that_the_backbone_lacks_is_refused(model: HyperX) -> None:
    model.new_language("qaa", torch.ones(8)).shift = Shift([3, model.backbone.info.vocabulary], 32, 2)
    with pytest.raises(DataError, match="does not fit this model: shift.ids"):
        model.attach(model.record("qaa", {}))
