"""The tiny backbone: an ordinary folder, the same every time, and it learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertForMaskedLM

from hyperx_cl.synthetic.backbone import SPECIAL, BackboneOptions, build_backbone
from hyperx_cl.synthetic.corpus import Sizes, raw_text, write_corpus
from hyperx_cl.synthetic.family import default_family

FAMILY = default_family()
OPTIONS = BackboneOptions(vocabulary=400, layers=2, hidden=32, heads=2, feed_forward=32, steps=60, batch=16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus of the family."""
    return write_corpus(FAMILY, tmp_path_factory.mktemp("corpus"), Sizes(train=2, dev=2, test=2, text=150))


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone trained for a moment."""
    return build_backbone(FAMILY, root, tmp_path_factory.mktemp("backbone"), OPTIONS)


def test_the_folder_is_an_ordinary_one(folder: Path) -> None:
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert isinstance(model, BertForMaskedLM) and model.config.vocab_size == len(tokenizer) == 400
    assert tokenizer.is_fast and tokenizer.model_max_length == OPTIONS.max_length
    ids = tokenizer("Sa fasri")["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert (tokenizer.pad_token_id, tokenizer.mask_token) == (0, "[MASK]")


def test_no_word_of_any_language_is_unknown(root: Path, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for code in FAMILY.codes:
        rows = tokenizer(raw_text(FAMILY, [code], root))["input_ids"]
        assert not any(tokenizer.unk_token_id in row for row in rows)


def test_an_unseen_language_is_cut_into_more_pieces(root: Path, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pieces = {}
    for code in ("qab", "qac"):
        lines = raw_text(FAMILY, [code], root)
        pieces[code] = sum(len(tokenizer.tokenize(line)) for line in lines) / sum(len(line.split()) for line in lines)
    assert pieces["qac"] > pieces["qab"]


def test_the_same_again_gives_the_same_tensors_and_leaves_chance_alone(
    root: Path, folder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    build_backbone(FAMILY, root, tmp_path, OPTIONS)
    assert torch.equal(torch.rand(1), expected) and torch.get_num_threads() == threads
    one, other = load_file(folder / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (folder / "tokenizer.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_it_learns(root: Path, folder: Path, tmp_path: Path) -> None:
    build_backbone(FAMILY, root, tmp_path, replace(OPTIONS, steps=0))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(raw_text(FAMILY, ["qaa"], root)[:50], padding=True, return_tensors="pt")
    hidden, labels = batch["input_ids"].clone(), batch["input_ids"].clone()
    hidden[:, 2::5] = tokenizer.mask_token_id
    labels[(hidden == batch["input_ids"]) | (labels < len(SPECIAL))] = -100
    with torch.no_grad():
        before, after = (
            AutoModelForMaskedLM.from_pretrained(place)(
                input_ids=hidden, attention_mask=batch["attention_mask"], labels=labels
            ).loss
            for place in (tmp_path, folder)
        )
    assert after < before - 0.3
