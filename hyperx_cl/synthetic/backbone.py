"""A tiny multilingual backbone for a family: a WordPiece vocabulary and a small BERT, pretrained in seconds.

What comes out is an ordinary folder of Hugging Face files (config.json, model.safetensors, tokenizer.json), which any
code that loads a BERT can load. It has seen the family's `seen` languages only, like mBERT, which knows some.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from hyperx_cl.model.transformers_errors import quiet_transformers
from hyperx_cl.synthetic.corpus import raw_text
from hyperx_cl.synthetic.family import Family
from hyperx_cl.synthetic.muon import Muon

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnoprstuvwxyzðöüčšž"
"""What the family writes with."""


@dataclass(frozen=True)
class BackboneOptions:
    """Size and pretraining of the tiny backbone."""

    vocabulary: int = 1200
    """Pieces, the special tokens and single letters among them."""
    layers: int = 3
    hidden: int = 96
    heads: int = 4
    feed_forward: int = 192
    max_length: int = 128
    """Longest sequence in pieces, special tokens included."""
    steps: int = 450
    """Pretraining steps."""
    batch: int = 64
    """Sentences a step."""
    rate: float = 6e-3
    """Highest learning rate; it rises over the first tenth of the steps and falls to 0."""
    masked: float = 0.25
    """Share of the pieces that are to be guessed."""
    seed: int = 0


def build_backbone(family: Family, data_root: Path, folder: Path, options: BackboneOptions | None = None) -> Path:
    """Train tokenizer and model on the raw text of the languages that the family calls seen, and save both.

    Runs on one CPU thread, so that the same family gives the same tensors on the same kind of machine.

    Args:
        family: Says which languages are seen.
        data_root: What `corpus.write_corpus` filled.
        folder: Where the files go; made if it is not there.
        options: Sizes and steps.

    Returns:
        `folder`.
    """
    options = options or BackboneOptions()
    lines = raw_text(family, family.seen, data_root)
    tokenizer = train_tokenizer(lines, options)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            model = pretrain(lines, tokenizer, options)
    finally:
        torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_transformers():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_tokenizer(lines: Sequence[str], options: BackboneOptions) -> PreTrainedTokenizerFast:
    """A cased WordPiece tokenizer of the text, BERT's special tokens included.

    Every letter is a piece, at the start of a word and inside it: no word of the family is unknown.
    """
    inside = [f"##{letter}" for letter in LETTERS]
    # Announced as special tokens, the letters keep these numbers; else the trainer numbers them by chance.
    trainer = trainers.WordPieceTrainer(
        vocab_size=options.vocabulary,
        special_tokens=[*SPECIAL, *LETTERS, *LETTERS.upper(), *",.?", *inside],
        show_progress=False,
    )
    learner = _bare_tokenizer({})
    learner.train_from_iterator(lines, trainer)
    tokenizer = _bare_tokenizer(learner.get_vocab())
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=options.max_length, **names)


def pretrain(lines: Sequence[str], tokenizer: PreTrainedTokenizerFast, options: BackboneOptions) -> BertForMaskedLM:
    """A BERT trained on the text by guessing masked pieces; torch's generator must be seeded."""
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=options.hidden,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            intermediate_size=options.feed_forward,
            max_position_embeddings=options.max_length,
            # Wider than BERT's 0.02, since the layers are narrow; and no dropout, since no sentence is seen often.
            initializer_range=0.06,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    model.train()
    optimisers = _optimisers(model, options.rate)
    warm_up = max(1, options.steps // 10)
    rng = np.random.default_rng(options.seed)
    ids = tokenizer(list(lines), truncation=True, max_length=options.max_length)["input_ids"]
    for step, rows in zip(range(options.steps), _batches(ids, options.batch, rng), strict=False):
        share = min((step + 1) / warm_up, (options.steps - step) / options.steps)
        _guess(model, rows, tokenizer, options.masked, rng).backward()
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = options.rate * share
            optimiser.step()
            optimiser.zero_grad()
    model.eval()
    return model


def _bare_tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _optimisers(model: BertForMaskedLM, rate: float) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Muon for the matrices of the layers, which leaves the first plateau in a third of AdamW's steps; AdamW else."""
    layers = [weight for weight in model.bert.encoder.parameters() if weight.ndim == 2]
    inside = {id(weight) for weight in layers}
    rest = [weight for weight in model.parameters() if id(weight) not in inside]
    return Muon(layers, lr=rate), torch.optim.AdamW(rest, lr=rate, weight_decay=0.0, fused=True)


def _guess(
    model: BertForMaskedLM,
    rows: list[list[int]],
    tokenizer: PreTrainedTokenizerFast,
    share: float,
    rng: np.random.Generator,
) -> Tensor:
    """The loss at freshly chosen pieces: 80 % shown as [MASK], 10 % as another piece, 10 % as they are."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), tokenizer.pad_token_id)
    for row, filled in zip(rows, ids, strict=True):
        filled[: len(row)] = row
    real = ids != tokenizer.pad_token_id
    chosen = (rng.random(ids.shape) < share) & (ids >= len(SPECIAL))
    chosen[0, 1] = True  # never an empty choice
    fate = rng.random(ids.shape)
    shown = np.where(chosen & (fate < 0.8), tokenizer.mask_token_id, ids)
    shown = np.where(chosen & (fate >= 0.9), rng.integers(len(SPECIAL), len(tokenizer), ids.shape), shown)
    hidden = model.bert(input_ids=torch.from_numpy(shown), attention_mask=torch.from_numpy(real).long())[0]
    logits = model.cls(hidden[torch.from_numpy(chosen)])
    return torch.nn.functional.cross_entropy(logits, torch.from_numpy(ids[chosen]))


def _batches(ids: list[list[int]], size: int, rng: np.random.Generator) -> Iterator[list[list[int]]]:
    """Batches of sentences of like length, endlessly, every sentence once a round."""
    by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    groups = [by_length[start : start + size] for start in range(0, len(ids), size)]
    while True:
        for g in rng.permutation(len(groups)):
            yield [ids[i] for i in groups[g]]
