"""The tiny backbones: real tokenizers, the right shapes, the same bytes every time they are made."""

import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer


@pytest.mark.parametrize("fixture", ["tiny_backbone", "tiny_xlmr"])
def test_folder_loads_as_any_other(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    encoded = tokenizer(["The cat sat.", "Ħobż"], padding=True, return_tensors="pt")
    logits = model(**encoded).logits
    assert tokenizer.is_fast and len(tokenizer) == model.config.vocab_size
    assert logits.shape == (*encoded["input_ids"].shape, len(tokenizer))
    assert torch.isfinite(logits).all() and logits.std() > 0.1
    assert tokenizer.unk_token_id not in encoded["input_ids"]
    assert tokenizer("☃", add_special_tokens=False)["input_ids"][-1] == tokenizer.unk_token_id
    assert tokenizer.mask_token_id is not None and tokenizer.model_max_length == 128
    longest = torch.full((1, 128), 7)
    assert model(input_ids=longest).logits.shape[1] == 128


def test_unigram_gives_a_lone_mark_before_a_word_without_one(tiny_xlmr: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_xlmr)
    assert tokenizer.tokenize("中国 the") == ["▁", "中", "国", "▁the"]


def test_word_pieces_continue(tiny_backbone: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    assert tokenizer.tokenize("Ħobż cat") == ["Ħ", "##o", "##b", "##ż", "c", "##a", "##t"]


def test_home_is_temporary(home: Path) -> None:
    assert Path(os.environ["HYPERX_HOME"]) == home and not any(home.iterdir())
    assert "HYPERX_REGISTRY" not in os.environ
