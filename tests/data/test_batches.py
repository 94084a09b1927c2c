"""Batches of tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.batches import Pair, Segment, collate, evaluation_batches, join
from hyperx_cl.data.encode import Encoded

POS_MT, NER_FO = Pair("pos", "mt"), Pair("ner", "fo")


def _example(ids: list[int], first: list[int], labels: list[int]) -> Encoded:
    return Encoded(np.array(ids, np.int32), np.array(first, np.int32), np.array(labels, np.int32), 0, 0)


def test_collate_pads_and_wants_the_labelled_positions_row_by_row() -> None:
    batch = collate([_example([1, 5, 6, 7, 2], [1, 3], [4, -100]), _example([1, 8, 2], [1], [0])], POS_MT, pad_id=9)
    assert batch.input_ids.tolist() == [[1, 5, 6, 7, 2], [1, 8, 2, 9, 9]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch.input_ids[batch.wanted].tolist() == [5, 7, 8]
    assert batch.targets is not None
    assert batch.targets.tolist() == [4, -100, 0]
    assert batch.targets.dtype == batch.input_ids.dtype == batch.attention_mask.dtype == torch.int64
    assert batch.wanted.dtype == torch.bool
    assert batch.segments == [Segment(POS_MT, 2)]
    assert (batch.rows, batch.tokens) == (2, 8)


def test_collate_without_labels_has_no_targets() -> None:
    batch = collate([_example([1, 5, 2], [1], [])], POS_MT, pad_id=0)
    assert batch.targets is None
    assert batch.wanted.sum() == 1


def test_half_labelled_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="some have not"):
        collate([_example([1, 5, 2], [1], []), _example([1, 5, 2], [1], [3])], POS_MT, pad_id=0)


def test_join_widens_and_keeps_the_order() -> None:
    narrow = collate([_example([1, 5, 2], [1], [3])], POS_MT, pad_id=0)
    wide = collate([_example([1, 6, 7, 2], [1, 2], [4, 5]), _example([1, 8, 2], [1], [6])], NER_FO, pad_id=0)
    joined = join([narrow, wide], pad_id=0)
    assert joined.input_ids.tolist() == [[1, 5, 2, 0], [1, 6, 7, 2], [1, 8, 2, 0]]
    assert joined.input_ids[joined.wanted].tolist() == [5, 6, 7, 8]
    assert joined.targets is not None
    assert joined.targets.tolist() == [3, 4, 5, 6]
    assert joined.segments == [Segment(POS_MT, 1), Segment(NER_FO, 2)]
    assert joined.tokens == narrow.tokens + wide.tokens


def test_join_ignores_what_has_no_labels() -> None:
    labelled = collate([_example([1, 5, 2], [1], [3])], POS_MT, pad_id=0)
    plain = collate([_example([1, 6, 7, 2], [1, 2], [])], NER_FO, pad_id=0)
    joined = join([plain, labelled], pad_id=0)
    assert joined.targets is not None
    assert joined.targets.tolist() == [-100, -100, 3]
    assert join([plain, plain], pad_id=0).targets is None


def test_to_moves_every_tensor() -> None:
    batch = collate([_example([1, 5, 2], [1], [3])], POS_MT, pad_id=0).to("meta")
    assert batch.targets is not None
    tensors = (batch.input_ids, batch.attention_mask, batch.wanted, batch.targets)
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@given(st.lists(st.integers(2, 30), max_size=40), st.integers(2, 90))
def test_evaluation_takes_everything_once_longest_first(lengths: list[int], max_tokens: int) -> None:
    examples = [_example([0] * length, [], []) for length in lengths]
    batches = list(evaluation_batches(examples, max_tokens))
    flat = [index for batch in batches for index in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert [lengths[index] for index in flat] == sorted(lengths, reverse=True)
    assert all(len(b) == 1 or len(b) * lengths[b[0]] <= max_tokens for b in batches)
