"""A tiny tagger that was taught a few sentences by heart, so that tests know what it will say.

The same words mean something else in each language: a tagger that mixes languages up cannot be right.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import cycle
from pathlib import Path

import torch

from hyperx_cl.config import ModelOptions
from hyperx_cl.data.batches import Batch, Pair, collate, join
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import MLM, NER, POS
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.loop import Group, Loop, Schedule, make_accelerator

WORDS = ("taan", "ren", "onla", "kein")
LABELS: dict[Pair, tuple[str, ...]] = {
    Pair("pos", "en"): ("DET", "NOUN", "VERB", "ADV"),
    Pair("pos", "mt"): ("NOUN", "VERB", "ADV", "DET"),
    Pair("pos", "tr"): ("VERB", "ADV", "DET", "NOUN"),
    Pair("ner", "en"): ("B-PER", "I-PER", "O", "B-LOC"),
    Pair("ner", "mt"): ("O", "B-LOC", "I-LOC", "O"),
}


def label(word: str, pair: Pair) -> str:
    """The label that the tagger was taught for a word."""
    return LABELS[pair][WORDS.index(word)]


def conllu(*sentences: str, tags: Callable[[str], str] = lambda word: "_") -> str:
    """CoNLL-U of sentences whose words are separated by blanks."""
    blocks = []
    for sentence in sentences:
        rows = [f"{i}\t{w}\t_\t{tags(w)}\t_\t_\t0\t_\t_\t_\n" for i, w in enumerate(sentence.split(), 1)]
        blocks.append(f"# text = {sentence}\n{''.join(rows)}\n")
    return "".join(blocks)


@cache
def tagger(folder: Path) -> HyperX:
    """Teach `LABELS` to a model on the tiny backbone; the same every time, and not to be changed by a test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        backbone = load_backbone(str(folder))
        model = HyperX(backbone, ModelOptions(projected=16, bottleneck=16), [MLM, POS, NER], ["en", "mt", "tr"])
        teach(model, LABELS)
    model.eval()
    return model


def teach(model: HyperX, labels: Mapping[Pair, tuple[str, ...]], *, most: int = 300) -> None:
    """Train on all pairs at once until they are known by heart, in at most so many steps."""
    encoder = Encoder(model.tokenizer, max_length=32)
    lessons: list[Batch] = []
    for pair, own in labels.items():
        # In several orders, so that words are learnt more than places; a span stays whole.
        orders = [(0, 1, 2, 3), (3, 0, 1, 2)] if pair.task == "ner" else [(0, 1, 2, 3), (3, 2, 0, 1), (2, 3, 1, 0)]
        sentences = [Sentence(tuple(WORDS[i] for i in o), tuple(own[i] for i in o)) for o in orders]
        encoded = encoder.words(sentences, model.task(pair.task).label_ids)
        lessons.append(collate(encoded, pair, pad_id=model.tokenizer.pad_token_id))
    draws = cycle([join(lessons, model.tokenizer.pad_token_id)])
    loop = Loop(
        model,
        [Group(list(model.parameters()), 1e-2)],
        lambda: next(draws),
        Schedule(most, warmup=5),
        accelerator=make_accelerator(cpu=True),
    )
    assert any(step.loss < 0.003 for step in loop), "the tagger did not learn its lessons"
