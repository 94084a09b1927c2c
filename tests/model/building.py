"""Tiny models and batches for the tests: every tensor random, so that nothing hides behind a zero or a one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hyperx_cl.config import ModelOptions
from hyperx_cl.data.batches import Batch, Pair, collate, join
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.data.tasks import MLM, NER, POS, Task
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.hyperx import HyperX

SMALL: dict[str, Any] = {"embedding": 8, "source_hidden": 12, "projected": 5, "bottleneck": 6}
LANGUAGES = ("en", "mt", "ug")
TASKS = (POS, NER, MLM)

TAGGED = {
    "pos": [
        Sentence(("the", "Cat", "eats", "ħobż", "."), ("DET", "NOUN", "VERB", "NOUN", "PUNCT")),
        Sentence(("kif", "int", "?"), ("ADV", "_", "PUNCT")),
    ],
    "ner": [
        Sentence(("Malta", "is", "in", "the", "sea"), ("B-LOC", "O", "O", "O", "O")),
        Sentence(("Dun", "Karm"), ("B-PER", "I-PER")),
    ],
}
LINES = ["the cat eats bread and", "il-qattus", "kiel il-ħobż tal-bieraħ"]


def build(
    backbone: Path | Backbone, *, tasks: Sequence[Task] = TASKS, languages: Sequence[str] = LANGUAGES, seed: int = 0,
    stirred: bool = True, **options: Any,
) -> HyperX:  # fmt: skip
    """A model over a tiny backbone; `stirred` moves all its tensors off their starting values."""
    site = str(options.get("adapter_site", ""))
    loaded = backbone if isinstance(backbone, Backbone) else load_backbone(str(backbone), adapter_site=site)
    torch.manual_seed(seed)
    model = HyperX(loaded, ModelOptions(**(SMALL | options)), tasks, languages)
    if stirred:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def batch(model: HyperX, task: str, language: str, *, seed: int = 0, rows: int = 2) -> Batch:
    """A batch of one pair, with targets and padding."""
    pair, encoder = Pair(task, language), Encoder(model.tokenizer, max_length=32)
    if task == "mlm":
        vocabulary = Vocabulary.of(model.tokenizer)
        return mask_tokens(encoder.text(LINES[:rows]), pair, vocabulary, mask_generator(seed, 0), rate=0.3)
    encoded = encoder.words(TAGGED[task][:rows], model.tasks[task].label_ids)
    return collate(encoded, pair, pad_id=model.tokenizer.pad_token_id)


def mixed(model: HyperX, *pairs: tuple[str, str]) -> Batch:
    """One batch of several pairs."""
    return join([batch(model, *pair) for pair in pairs], model.tokenizer.pad_token_id)
