"""Scores on raw text: the gold file's text is split and tagged, and what comes out is aligned with the gold words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import map_label
from hyperx_cl.document import Document
from hyperx_cl.errors import UsageError
from hyperx_cl.evaluate.aligned import AlignedScores, Score, SurfaceToken, aligned_scores, surface_tokens
from hyperx_cl.evaluate.bootstrap import interval
from hyperx_cl.evaluate.metrics import ALIGNED_UPOS_F1, ALIGNED_WORDS_F1, Counts
from hyperx_cl.evaluate.report import PairScore
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.predict import tag
from hyperx_cl.segment import Segmenter


def evaluate_raw(
    model: HyperX,
    root: DataRoot,
    language: str,
    segmenter: Segmenter,
    *,
    split: str = "test",
    samples: int = 1000,
    seed: int = 0,
    versions: Mapping[str, int] | None = None,
) -> list[PairScore]:
    """Score POS on the raw text of a gold file, beside the accuracy on its gold words.

    Args:
        model: A model with the task `pos` and the language.
        root: The gold data.
        language: Its code.
        segmenter: What splits the text. One that leaves multiword tokens whole finds none of the words inside them.
        split: ``train``, ``dev`` or ``test``.
        samples: Resamples of the bootstrap interval. For the F1 they are drawn from stretches of text: sentences, or
            several where the segmenter's tokens run over their ends.
        seed: Of the resamples.
        versions: Version of each language's record, where it has one.

    Returns:
        F1 of aligned words, F1 of aligned words with the right UPOS (both as CoNLL 2018 counts), and POS accuracy on
        gold words. Of all three `sentences` and `words` count the gold file.

    Raises:
        NotFoundError: The model lacks task or language, or the root the file.
        DataError: The file is no CoNLL-U, or the segmenter refuses its text.
        UsageError: The model's `pos` labels are not those of the UPOS column.
    """
    task = model.task("pos")
    model.language(language)
    if task.column != "upos":
        raise UsageError(f"the model's pos reads the column {task.column!r}: raw text is scored on upos alone")
    root.load(task, language, split)  # checks the file and its labels
    path = root.labelled("pos", language, split)
    assert path is not None
    gold = Document.read(path, form="conllu")
    found = Document.from_text(gold.text, segmenter, name=f"the text of {path}")
    words = evaluate_pairs(
        model, root, [Pair("pos", language)], split=split, samples=samples, seed=seed, versions=versions
    )[0]
    tag(model, found, language, ["pos"])
    wanted = [
        replace(token, tags=tuple(t and map_label(t, task.label_map, spans=False) for t in token.tags))
        for token in surface_tokens(gold)
    ]
    lengths = [len(sentence.block.surface()) for sentence in gold.sentences]
    stretches = aligned_by_stretch(wanted, lengths, surface_tokens(found))
    scores = [
        _counts(ALIGNED_WORDS_F1, [stretch.words for stretch in stretches]),
        _counts(ALIGNED_UPOS_F1, [stretch.tags for stretch in stretches]),
    ]
    number = sum(len(sentence.words) for sentence in gold.sentences)
    return [*(_score(words, counts, number, samples, seed) for counts in scores), words]


def aligned_by_stretch(
    gold: Sequence[SurfaceToken], lengths: Sequence[int], system: Sequence[SurfaceToken]
) -> list[AlignedScores]:
    """Align the shortest stretches of text that end with a gold sentence and with a token of the system.

    No alignment reaches over such an end, so the stretches' counts add up to those of the whole text.

    Args:
        gold: The gold tokens of the whole text.
        lengths: Tokens of each gold sentence.
        system: The system's tokens.

    Raises:
        DataError: The two hold different characters.
    """
    aligned_scores(gold, system)  # names the character of the whole text where they differ
    gold_ends, system_ends = _ends(gold), _ends(system)
    index = {end: i for i, end in enumerate(system_ends, 1)}
    stretches, g, s = [], 0, 0
    for stop in accumulate(lengths):
        end = index.get(gold_ends[stop - 1])
        if end is not None:
            stretches.append(aligned_scores(gold[g:stop], system[s:end]))
            g, s = stop, end
    return stretches


def _ends(tokens: Sequence[SurfaceToken]) -> list[int]:
    """Where each token ends, in characters that are not white space."""
    return list(accumulate(len("".join(token.form.split())) for token in tokens))


def _counts(metric: str, scores: Sequence[Score]) -> Counts:
    """F1 as the ratio that the bootstrap resamples: twice the right ones over both sides' words."""
    right = np.array([2 * score.correct for score in scores], dtype=np.float64)
    both = np.array([score.system + score.gold for score in scores], dtype=np.float64)
    return Counts(metric, right, both)


def _score(words: PairScore, counts: Counts, number: int, samples: int, seed: int) -> PairScore:
    """The gold words' score with another metric in it."""
    bounds = interval(counts, samples=samples, seed=seed)
    return replace(words, metric=counts.metric, value=bounds.value, low=bounds.low, high=bounds.high, words=number)
