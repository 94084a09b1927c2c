"""Self-training: a pair learns on from the labels that the model itself gives to the language's text, where it is sure.

MLM teaches how a language is written, not what a task asks of it. What the model believes of a word in its sentence is
weighed against what it believes of that form on average over the text: most forms have one label, and an average over
many sentences errs less than one sentence does. Of each label the most confident words are then taken as if they were
gold, the same share of each, so that the frequent labels do not drown the rare ones (class-balanced self-training, Zou
et al. 2018). What learns is a small part of the pair beside the language's; it starts as no change.
"""

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hyperx_cl.config import AddOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import IGNORED, Encoded, Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import word_probabilities
from hyperx_cl.model.language import Slot
from hyperx_cl.segment import segmenter_for
from hyperx_cl.train.labelled_draw import LabelledDraw
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.memory import Memory
from hyperx_cl.train.progress import Reporter
from hyperx_cl.train.starts import with_part

LEAST_CONFIDENCE = 0.4
"""No word counts as labelled below it, however sure of the others the model is."""

SHORTEST, LONGEST = 3, 60
"""Words of a sentence that is learnt from; a longer one is cut."""

WARMUP = 10

Beliefs = npt.NDArray[np.float32]
"""How probable each label is for each word, ``(words, labels)``."""


@dataclass(frozen=True)
class SelfTaught:
    """What a pair was taught.

    Args:
        sentences: How many were labelled.
        words: How many words they have.
        kept: Share of these whose label was learnt, 0 to 1.
        confidence: Mean probability of the label given, over all words, before anything was learnt, 0 to 1.
        steps: Optimiser steps.
        tokens: Real tokens read, for the labels and for the steps.
        seconds: How long it took.
    """

    sentences: int
    words: int
    kept: float
    confidence: float
    steps: int
    tokens: int
    seconds: float

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


def self_train(
    model: HyperX, pair: Pair, lines: Sequence[str], options: AddOptions, reporter: Reporter
) -> SelfTaught | None:
    """Learn a pair's part from the model's own labels.

    Args:
        model: With the language as it is after MLM, inside `frozen`; the language gets the pair's slot.
        pair: The language, and a task that labels words.
        lines: Its text.
        options: Lines, share of words, rank, steps, learning rate, seed.
        reporter: Told what was taken.

    Returns:
        What was taught; None where nothing could be: the text cannot be split into words, or no label is sure.
    """
    begin = time.perf_counter()
    sentences = split_lines(lines, pair.language, most=options.self_lines, seed=options.seed)
    if not sentences:
        reporter.say(f"{pair.task}: the text cannot be split into words, so it teaches nothing about them.")
        return None
    encoder = Encoder(model.tokenizer_for(pair.language), max_length=min(128, options.tokens))
    windows = encoder.words(sentences, None)
    beliefs = word_probabilities(model, pair, windows)
    labelled = own_labels(windows, by_form(sentences, windows, beliefs, options.self_forms), keep=options.self_keep)
    words, kept = sum(map(len, beliefs)), sum(int((w.labels != IGNORED).sum()) for w in labelled)
    if not kept:
        reporter.say(f"{pair.task}: no label of the text is sure, so it teaches nothing.")
        return None
    language = model.language(pair.language)
    slot = with_part(model, Slot(language.own.embedding), options.self_rank)
    slot.embedding.requires_grad_(False)
    language.pairs[pair.task] = slot
    draw = LabelledDraw(
        pair, labelled, pad_id=model.tokenizer.pad_token_id, max_tokens=options.tokens, seed=options.seed,
        device=model.device,
    )  # fmt: skip
    assert slot.part is not None
    schedule = Schedule(options.self_steps, min(WARMUP, options.self_steps - 1), options.final_rate)
    learnt = Group(list(slot.part.parameters()), options.self_rate)
    loop = Loop(model, [learnt], draw, schedule, clip=options.clip, memory=Memory.of(options, reporter))
    for step in loop:
        reporter.step(step.number, f"{pair.task}: loss on its own labels {step.loss:.3f}")
    confidence = float(np.concatenate(beliefs).max(1).mean())
    reporter.say(
        f"{pair.task}: learnt on from its own labels of {len(sentences):,} sentences, "
        f"{100 * kept / words:.0f} % of the words (mean confidence {100 * confidence:.0f} %)"
    )
    return SelfTaught(
        len(sentences), words, round(kept / words, 4), round(confidence, 4), loop.number,
        loop.tokens + sum(map(len, windows)), round(time.perf_counter() - begin, 1),
    )  # fmt: skip


def labelling_tasks(model: HyperX, wanted: str) -> list[str]:
    """The tasks that ``self_tasks`` names: ``words``: all with a label a word; ``all``: those of spans too; ``none``.

    Or names with commas between them.

    Raises:
        NotFoundError: The model lacks one.
        UsageError: One labels no words.
    """
    kinds = {"words": ("words",), "all": ("words", "spans"), "none": ()}
    if wanted in kinds:
        return [name for name, task in model.tasks.items() if task.kind in kinds[wanted]]
    names = [*dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip())]
    for name in names:
        if model.task(name).kind == "mlm":
            raise UsageError(f"{name} labels no words, so nothing can be learnt from its labels; name other tasks.")
    return names


def split_lines(lines: Sequence[str], code: str, *, most: int, seed: int) -> list[Sentence]:
    """Draw some lines of a text and split them into words as `tag` does; none where its script has no spaces."""
    segment = segmenter_for(code)
    order = np.random.default_rng([seed, len(lines)]).permutation(len(lines))[:most]
    found = []
    for i in sorted(order):
        try:
            words = [token.form for sentence in segment(lines[i]) for token in sentence]
        except DataError:
            continue
        if len(words) >= SHORTEST:
            found.append(Sentence(tuple(words[:LONGEST])))
    return found


def by_form(
    sentences: Sequence[Sentence], windows: Sequence[Encoded], beliefs: Sequence[Beliefs], weight: float
) -> list[Beliefs]:
    """Weigh each word's beliefs against the mean of all words of its form, upper and lower case alike.

    Args:
        sentences: What was encoded.
        windows: Of `Encoder.words`.
        beliefs: Of `word_probabilities`.
        weight: Of the form's mean in the geometric mean of both, 0 (the word alone) to 1 (its form alone).

    Returns:
        Like `beliefs`; rows sum to 1.
    """
    forms: dict[str, int] = {}
    every = np.array([
        forms.setdefault(unicodedata.normalize("NFC", word).lower(), len(forms))
        for window, belief in zip(windows, beliefs, strict=True)
        for word in sentences[window.sentence].words[window.start : window.start + len(belief)]
    ])  # fmt: skip
    flat = np.concatenate(beliefs)
    sums = np.zeros((len(forms), flat.shape[1]), np.float32)
    np.add.at(sums, every, flat)
    means = sums / np.bincount(every, minlength=len(forms))[:, None]
    weighed = flat ** (1 - weight) * means[every] ** weight
    weighed /= weighed.sum(1, keepdims=True)
    return np.split(weighed.astype(np.float32), np.cumsum([len(belief) for belief in beliefs])[:-1])


def own_labels(windows: Sequence[Encoded], beliefs: Sequence[Beliefs], *, keep: float) -> list[Encoded]:
    """Label the words that the model is surest of, of each label the same share.

    Args:
        windows: Of `Encoder.words`.
        beliefs: Probability of each label for each word of each window.
        keep: Share of the words of each label, 0 to 1.

    Returns:
        The windows that have a labelled word, with label ids; words that are not sure are ignored.
    """
    every = np.concatenate(beliefs)
    best, sure = every.argmax(1), every.max(1)
    least = np.full(every.shape[1], np.inf)
    for label in np.unique(best):
        least[label] = max(np.quantile(sure[best == label], 1 - keep), LEAST_CONFIDENCE)
    found = []
    for window, belief in zip(windows, beliefs, strict=True):
        labels = belief.argmax(1).astype(np.int32)
        labels[belief.max(1) < least[labels]] = IGNORED
        if (labels != IGNORED).any():
            found.append(replace(window, labels=labels))
    return found
