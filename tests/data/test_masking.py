"""MLM masks: what is chosen, what it becomes, and that no mask comes twice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from hyperx_cl.data.batches import Batch, Pair, Segment
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens

PAIR = Pair("mlm", "mt")
LINES = ["the Karin is in ሰ.", "a b c d e f g h i j k l m n o p", "x"] * 40


@pytest.fixture(scope="module", params=["tiny_backbone", "tiny_xlmr"])
def encoded(request: pytest.FixtureRequest) -> tuple[list[Encoded], Vocabulary]:
    folder: Path = request.getfixturevalue(request.param)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return Encoder(tokenizer, max_length=64).text(LINES), Vocabulary.of(tokenizer)


def _original(examples: list[Encoded], batch: Batch) -> torch.Tensor:
    ids = torch.zeros_like(batch.input_ids)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = torch.from_numpy(example.ids.astype(np.int64))
    return ids


def test_only_wanted_positions_change_and_targets_are_the_originals(
    encoded: tuple[list[Encoded], Vocabulary],
) -> None:
    examples, vocabulary = encoded
    batch = mask_tokens(examples, PAIR, vocabulary, mask_generator(1, 0))
    original = _original(examples, batch)
    real = batch.attention_mask.bool()
    assert torch.equal(batch.targets, original[batch.wanted])  # type: ignore[arg-type]
    assert torch.equal(batch.input_ids[real & ~batch.wanted], original[real & ~batch.wanted])
    assert (batch.input_ids[~real] == vocabulary.pad_id).all()
    assert not vocabulary.special[original[batch.wanted].numpy()].any()
    assert batch.segments == [Segment(PAIR, len(examples))]


def test_shares_are_those_of_bert_and_no_special_token_is_put_in(encoded: tuple[list[Encoded], Vocabulary]) -> None:
    examples, vocabulary = encoded
    kinds = np.zeros(3)
    chosen = candidates = 0
    for number in range(40):
        batch = mask_tokens(examples, PAIR, vocabulary, mask_generator(1, number))
        assert batch.targets is not None
        new, old = batch.input_ids[batch.wanted].numpy(), batch.targets.numpy()
        masked = new == vocabulary.mask_id
        assert not vocabulary.special[new[~masked]].any()
        kinds += [masked.sum(), (~masked & (new != old)).sum(), (new == old).sum()]
        original = _original(examples, batch).numpy()
        candidates += (~vocabulary.special[original] & (batch.attention_mask.numpy() == 1)).sum()
        chosen += len(old)
    assert chosen / candidates == pytest.approx(0.15, abs=0.01)
    assert kinds / chosen == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_specials_of_the_vocabulary(encoded: tuple[list[Encoded], Vocabulary]) -> None:
    _, vocabulary = encoded
    assert vocabulary.special.sum() == 5
    assert len(vocabulary.ordinary) + 5 == len(vocabulary.special)
    assert vocabulary.special[vocabulary.mask_id] and vocabulary.special[vocabulary.pad_id]


def test_a_short_batch_still_has_one_masked_position(encoded: tuple[list[Encoded], Vocabulary]) -> None:
    examples, vocabulary = encoded
    for number in range(30):
        batch = mask_tokens(examples[2:3], PAIR, vocabulary, mask_generator(5, number), rate=0.01)
        assert batch.wanted.sum() == 1


def test_nothing_to_mask_is_refused(encoded: tuple[list[Encoded], Vocabulary]) -> None:
    _, vocabulary = encoded
    specials = np.flatnonzero(vocabulary.special).astype(np.int32)
    empty = np.zeros(0, np.int32)
    with pytest.raises(ValueError, match="nothing to mask"):
        mask_tokens([Encoded(specials, empty, empty, 0, 0)], PAIR, vocabulary, mask_generator(0, 0))


def test_masks_are_never_replayed_but_the_same_after_a_resume(encoded: tuple[list[Encoded], Vocabulary]) -> None:
    examples, vocabulary = encoded

    def mask(seed: int, number: int) -> bytes:
        return mask_tokens(examples, PAIR, vocabulary, mask_generator(seed, number)).wanted.numpy().tobytes()

    masks = [mask(1, number) for number in range(50)]
    assert len({*masks, mask(2, 0)}) == 51
    assert mask(1, 7) == masks[7]
