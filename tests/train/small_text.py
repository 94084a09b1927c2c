"""Invented text and labelled sentences for what learns a language: enough to learn from in a few steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hyperx_cl.config import AddOptions, FewshotOptions
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.text import Text, read_text
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX

SYLLABLES = ("ka", "ti", "ra", "ni", "la", "ta", "on", "us")
TAGS = {"NOUN": "kat", "VERB": "lon", "DET": "ni", "ADJ": "ras"}
ORDERS = ("DET NOUN VERB PUNCT", "VERB DET ADJ NOUN PUNCT", "NOUN VERB DET NOUN PUNCT")

ADD: dict[str, Any] = {
    "capacity": "both", "depth": 1.0, "start": "best", "steps": 12, "warmup": 2, "mixture_steps": 3, "rate": 3e-2,
    "rank": 3, "check_every": 4, "max_tokens": 128, "max_length": 24, "precision": "fp32", "shift_pieces": 0,
    "shift_rank": 4, "patch_pieces": 200, "self_tasks": "none", "keep_part": 1.0,
}  # fmt: skip
FEW: dict[str, Any] = {
    "n": 8, "rank": 4, "folds": 2, "epochs": 15, "rate": 1e-1, "rate_embedding": 1e-1, "max_tokens": 128,
    "max_length": 24, "precision": "fp32",
}  # fmt: skip


def add_options(**changes: Any) -> AddOptions:
    """Options of a run of a second, with some changed."""
    return AddOptions(**(ADD | changes))


def few_options(**changes: Any) -> FewshotOptions:
    """Options of a few-shot run of a second, with some changed."""
    return FewshotOptions(**(FEW | changes))


def lines(count: int, *, seed: int = 0) -> list[str]:
    """So many different lines of one invented language."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        words = ["".join(rng.choice(SYLLABLES, rng.integers(1, 4))) for _ in range(rng.integers(3, 7))]
        found[" ".join(words)] = None
    return list(found)


def as_text(given: Sequence[str], folder: Path) -> Text:
    """Lines as they come from a file."""
    file = folder / f"{len(list(folder.iterdir()))}.txt"
    file.write_text("".join(f"{line}\n" for line in given), encoding="utf-8")
    return read_text(file)


def tagged(count: int, *, seed: int = 0) -> list[Sentence]:
    """So many different sentences whose tags follow from the beginnings of their words."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, ...], Sentence] = {}
    while len(found) < count:
        tags = tuple(str(rng.choice(ORDERS)).split())
        words = tuple("." if tag == "PUNCT" else TAGS[tag] + str(rng.choice(SYLLABLES)) for tag in tags)
        found[words] = Sentence(words, tags)
    return list(found.values())


class Interrupting:
    """A reporter that is interrupted at some look, as by Ctrl-C."""

    def __init__(self, at: int) -> None:
        self.left, self.said = at, [""]

    def step(self, done: int, text: str) -> None:
        """Count down."""
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Keep."""
        self.said.append(text)


def state(model: HyperX) -> dict[str, Any]:
    """All that must be as before: tensors, languages, flags, mode, and what torch draws next."""
    return {
        "saved": fingerprint(model.saved_tensors()),
        "records": {code: model.record(code, {}).hash for code in model.languages()},
        "flags": {n: p.requires_grad for n, p in model.named_parameters() if not n.startswith("added.qaa.")},
        "training": model.training,
        "chance": torch.get_rng_state().tolist(),
    }
