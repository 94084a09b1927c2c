"""The suite: a model's score on (task, language) pairs of a data root, each under its metric's exact name."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hyperx_cl import languages
from hyperx_cl.data.batches import Pair, evaluation_batches
from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.root import SPLITS, DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.data.text import read_text, split_text
from hyperx_cl.errors import DataError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.evaluate.bootstrap import interval
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.evaluate.metrics import Counts, loss_counts
from hyperx_cl.evaluate.pieces import PieceCounter, cut
from hyperx_cl.evaluate.report import PairScore
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views, masked_batches, masked_rows, window_length

_MASKED_TOKENS = 2048
_LEAST_LINES = 5  # what can be split into three parts


class Listener(Protocol):
    """Who is told how far it is."""

    def step(self, done: int, text: str) -> None:
        """So many pairs are scored; `text` names the last one."""


def evaluate_pairs(
    model: HyperX,
    root: DataRoot,
    pairs: Sequence[Pair],
    *,
    split: str = "test",
    compat: bool = False,
    samples: int = 1000,
    seed: int = 0,
    versions: Mapping[str, int] | None = None,
    reporter: Listener | None = None,
) -> list[PairScore]:
    """Score a model on gold data.

    Tasks of kind `words` get word accuracy, `spans` strict F1, on every gold word: long sentences are read in windows,
    so that none is lost. A word whose gold label is ``_`` is not scored. `mlm` gets the loss, under fixed masks, on the
    part of the language's text that belongs to the split: `report` for test, `stop` for dev, `train` for train.

    All files are read and checked before anything is scored.

    Args:
        model: A model that has the pairs' tasks and languages.
        root: The gold data.
        pairs: What to score; a pair named twice is scored once.
        split: ``train``, ``dev`` or ``test``.
        compat: Score POS as the paper's public code counts: multiword tokens (``3-4``) are words too, beside their
            parts, with the gold label ``_``; what lies past the first 256 pieces of a sentence is not read, and words
            that begin there are not scored. A model without a label ``_`` gets every such token wrong: `POS` has
            none, and what it scores here is less than the paper's 18 labels could. Other tasks stay as they are.
        samples: Resamples of the bootstrap interval over sentences (lines, for `mlm`).
        seed: Of the resamples and of the masks.
        versions: Version of each language's record, where it has one.
        reporter: Told after every pair.

    Returns:
        One score a pair, in their order. `unknown_rate` is the share of the scored files' words that have an unknown
        piece, read as the language is read; for `mlm` it and the pieces per word are None.

    Raises:
        NotFoundError: The model lacks a task or language, or the root a file.
        DataError: A file cannot be used.
        UsageError: The split is unknown.
    """
    tests = [_read(model, root, pair, split, compat) for pair in dict.fromkeys(Pair(*pair) for pair in pairs)]
    bench = _Bench(model, samples, seed, versions or {})
    scores = []
    for number, test in enumerate(tests, 1):
        scores.append(bench.labelled(test) if test.lines is None else bench.masked(test))
        if reporter is not None:
            reporter.step(number, f"{test.pair.task} {test.pair.language}")
    return scores


def seen(model: HyperX, language: str) -> bool | None:
    """Whether a language was in the pretraining of the model's backbone; None where that is not known."""
    info = model.backbone.info
    return languages.seen(languages.backbone_kind(info.model_type, info.vocabulary), language)


class _Test(NamedTuple):
    """What a pair is scored on: sentences, or lines of text."""

    pair: Pair
    sentences: list[Sentence]
    lines: tuple[str, ...] | None = None
    compat: bool = False


class _Bench:
    """Runs tests on one model, whose tokenizers are made ready once."""

    def __init__(self, model: HyperX, samples: int, seed: int, versions: Mapping[str, int]) -> None:
        self._model, self._samples, self._seed, self._versions = model, samples, seed, versions
        self._length = window_length(model)
        self._encoders = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=self._length))
        self._counters = Views(model, PieceCounter)

    def labelled(self, test: _Test) -> PairScore:
        """Score labels."""
        counter = self._counters[test.pair.language]
        if test.compat:
            encoded = [cut(window, self._length) for window in counter.whole(test.sentences)]
        else:
            encoded = self._encoders[test.pair.language].words(test.sentences, None)
        counts = labelled_counts(self._model, test.pair, test.sentences, encoded, compat=test.compat)
        spans = self._model.task(test.pair.task).kind == "spans"
        words = sum(map(len, test.sentences)) if spans else int(counts.denominator.sum())
        pieces = counter.count(test.sentences)
        return self._score(test.pair, counts, words, pieces.unknown_rate, pieces.per_word)

    def masked(self, test: _Test) -> PairScore:
        """Score guesses at masked pieces, line by line."""
        encoded = self._encoders[test.pair.language].text(test.lines or ())
        if not encoded:
            raise DataError(f"the text of {test.pair.language!r} has no known piece: use a backbone that covers it")
        batches = masked_batches(
            self._model, test.pair.language, encoded, seed=self._seed, max_tokens=_MASKED_TOKENS
        )  # rows in the order of evaluation_batches
        nats, pieces = masked_rows(self._model, batches)
        order = [i for indices in evaluation_batches(encoded, _MASKED_TOKENS) for i in indices]
        lines, row_line = np.unique([encoded[i].sentence for i in order], return_inverse=True)
        counts = loss_counts(
            np.bincount(row_line, nats, minlength=len(lines)).tolist(),
            np.bincount(row_line, pieces, minlength=len(lines)).astype(int).tolist(),
        )
        return self._score(test.pair, counts, int(pieces.sum()))

    def _score(
        self, pair: Pair, counts: Counts, words: int, unknown: float | None = None, per_word: float | None = None
    ) -> PairScore:
        bounds = interval(counts, samples=self._samples, seed=self._seed)
        return PairScore(
            task=pair.task,
            language=pair.language,
            metric=counts.metric,
            value=bounds.value,
            low=bounds.low,
            high=bounds.high,
            sentences=len(counts),
            words=words,
            seen=seen(self._model, pair.language),
            version=self._versions.get(pair.language),
            unknown_rate=unknown,
            pieces_per_word=per_word,
        )


def _read(model: HyperX, root: DataRoot, pair: Pair, split: str, compat: bool) -> _Test:
    """Check a pair and read what it is scored on."""
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r}{did_you_mean(split, SPLITS)}: use train, dev or test")
    task = model.task(pair.task)
    model.language(pair.language)
    if task.kind == "mlm":
        return _Test(pair, [], _text_part(root, pair.language, split))
    gold, ranges = root.load(task, pair.language, split), compat and task.name == "pos"
    if ranges:
        gold = _with_ranges(root, task, pair.language, split)
    return _Test(pair, gold, compat=ranges)


def _with_ranges(root: DataRoot, task: Task, language: str, split: str) -> list[Sentence]:
    path = root.labelled(task.name, language, split)
    assert path is not None  # it was read just now
    if path.suffix != ".conllu":
        raise DataError(f"{path} is no CoNLL-U and names no multiword tokens: score it without compatibility mode")
    return read_conllu(path, column=task.column, label_map=task.label_map, ranges=True)


def _text_part(root: DataRoot, language: str, split: str) -> tuple[str, ...]:
    path = root.text(language)
    if path is None:
        have = root.languages("mlm")
        raise NotFoundError(
            f"{root.path} has no text of {language!r}{did_you_mean(language, have)}: "
            f"it has text of {' '.join(have) or 'no language'}"
        )
    lines = read_text(path).lines
    if len(lines) < _LEAST_LINES:
        raise DataError(f"{path} has {len(lines)} different lines of text: give at least {_LEAST_LINES}")
    parts = split_text(lines)
    return {"train": parts.train, "dev": parts.stop, "test": parts.report}[split]
