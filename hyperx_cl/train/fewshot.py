"""A few labelled sentences: only the pair's own embedding and part move, and only where k-fold says that it helps."""

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import FewshotOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import check_labels
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.evaluate.metrics import Counts, metric_name
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Language, Slot
from hyperx_cl.train.labelled_draw import LabelledDraw
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import Proof, Witness, frozen, put_back
from hyperx_cl.train.starts import with_part

ZERO_SHOT, EMBEDDING, WITH_PART = "zero-shot", "embedding", "embedding and part"
CANDIDATES = (ZERO_SHOT, EMBEDDING, WITH_PART)
KFOLD, TEST_FILE = "k-fold inside the n sentences, which also chose the candidate", "test file"
"""What before and after are measured on. By k-fold the best of several is picked and told: that flatters it."""


@dataclass(frozen=True)
class Learnt:
    """What a few sentences brought.

    Args:
        record: The language's new version, or ``None`` where the zero-shot vector stays.
        chosen: ``zero-shot``, ``embedding`` or ``embedding and part``.
        folds: Score of each candidate by k-fold inside the sentences, 0 to 1.
        before: Score before, 0 to 1.
        after: Score after, 0 to 1.
        metric: Its exact name.
        measured_on: What before and after were measured on: `TEST_FILE`, or `KFOLD` where there was none.
        digests: SHA-256 of each sentence.
        seconds: How long it took.
        proof: That nothing else has changed.
    """

    record: LanguageRecord | None
    chosen: str
    folds: dict[str, float]
    before: float
    after: float
    metric: str
    measured_on: str
    digests: list[str]
    seconds: float
    proof: Proof


def draw(sentences: Sequence[Sentence], n: int, seed: int) -> list[Sentence]:
    """Draw n sentences at random, whatever their labels (paper, appendix D).

    Raises:
        DataError: There are fewer than n.
    """
    if n > len(sentences):
        raise DataError(f"{n} sentences were asked for, but the data has {len(sentences)}; lower --n.")
    chosen = np.random.default_rng([seed, n]).choice(len(sentences), n, replace=False)
    return [sentences[i] for i in sorted(chosen)]


def fewshot(
    model: HyperX, code: str, task: str, sentences: Sequence[Sentence], options: FewshotOptions, *,
    test: Sequence[Sentence] | None = None, provenance: Mapping[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> Learnt:  # fmt: skip
    """Learn what belongs to one pair from a few labelled sentences.

    Candidates are the pair as it is, a pair embedding, and a pair embedding with a pair part beside the language's. The
    best by k-fold inside the sentences is learnt on all of them; of equals the smaller one. Each starts from the pair
    as it is: a part that an earlier call has brought stays, and moves with the third candidate alone.

    Args:
        model: With the language attached.
        code: The language.
        task: A task of kind words or spans.
        sentences: The drawn ones.
        options: How.
        test: Sentences to measure before and after on; never learnt or chosen on.
        provenance: Facts to keep in the record.
        reporter: Told how it goes.

    Raises:
        NotFoundError: The model lacks the language or the task.
        UsageError: The task has no labels, or the rows are longer than the backbone reads.
        DataError: Too few sentences, or a label outside the task's set.
    """
    if model.task(task).kind == "mlm":
        raise UsageError("mlm has no labels: use `hyperx-cl add-language` to learn from raw text.")
    model.backbone.expect_room(options.max_length)
    check_labels(sentences, model.task(task), "the labelled sentences")
    if test:
        check_labels(test, model.task(task), "the test sentences")
    if len({sentence.words for sentence in sentences}) < 2:
        raise DataError("One labelled sentence is too few to learn from and to check; give at least 2 different ones.")
    begin, reporter = time.perf_counter(), reporter or Silent()
    original, shadowed = model.language(code), model.added[code] if code in model.added else None
    witness, digests = Witness(model, code, task=task), [sentence.digest for sentence in sentences]
    test = test or ()
    try:
        with frozen(model, seed=options.seed):
            trial = _Trial(model, Pair(task, code), options, original)
            folds = trial.folds(sentences, reporter)
            chosen = max(folds, key=lambda name: folds[name])  # the first of equals: the smaller one
            trial.learn(ZERO_SHOT, sentences, options.seed)  # back to where it began
            measured = [trial.score(test)] if test else [folds[ZERO_SHOT]]
            trial.learn(chosen, sentences, options.seed)
            measured.append(trial.score(test) if test else folds[chosen])
        proof, seconds = witness.compare(), round(time.perf_counter() - begin, 1)
        record = None
        if chosen != ZERO_SHOT:
            facts = {
                "method": "fewshot", "task": task, "n": len(sentences), "chosen": chosen, "folds": folds,
                "seed": options.seed, "steps": trial.steps, "sentences": digests, "options": asdict(options),
                "seconds": seconds, "before": measured[0], "after": measured[1],
                "measured_on": TEST_FILE if test else KFOLD,
            }  # fmt: skip
            record = model.record(code, facts | dict(provenance or {}))
    except BaseException:
        put_back(model, code, shadowed)
        raise
    if record is None:
        put_back(model, code, shadowed)
    return Learnt(
        record, chosen, folds, measured[0], measured[1], metric_name(task, model.task(task).kind),
        TEST_FILE if test else KFOLD, digests, seconds, proof,
    )  # fmt: skip


class _Trial:
    """Learns and scores candidates for one pair, always from the same start."""

    def __init__(self, model: HyperX, pair: Pair, options: FewshotOptions, original: Language) -> None:
        self.model, self.pair, self.options, self.original = model, pair, options, original
        self.encoder = Encoder(model.tokenizer_for(pair.language), max_length=options.max_length)
        self.steps = 0

    def folds(self, sentences: Sequence[Sentence], reporter: Reporter) -> dict[str, float]:
        """Score of each candidate with every sentence labelled by a candidate that has not seen it, nor its like."""
        parts = _folds(sentences, self.options.folds, self.options.seed)
        scores = {}
        for name in CANDIDATES:
            right = counted = 0.0
            for number, held in enumerate(parts):
                rest = [sentence for part in parts if part is not held for sentence in part]
                self.learn(name, rest, self.options.seed + number)
                counts = self._counts(held)
                right, counted = right + counts.numerator.sum(), counted + counts.denominator.sum()
                reporter.step(number + 1, name)
            scores[name] = round(float(right / counted), 6) if counted else 0.0
            reporter.say(f"k-fold, {name}: {100 * scores[name]:.2f}")
        return scores

    def score(self, sentences: Sequence[Sentence]) -> float:
        """Score of the pair as it is now."""
        return self._counts(sentences).value

    def _counts(self, sentences: Sequence[Sentence]) -> Counts:
        return labelled_counts(self.model, self.pair, sentences, self.encoder.words(sentences, None))

    def learn(self, candidate: str, sentences: Sequence[Sentence], seed: int) -> None:
        """Start anew from the language as it was and learn one candidate."""
        language, task = copy.deepcopy(self.original).requires_grad_(False), self.pair.task
        self.model.added[self.pair.language] = language.to(self.model.device)
        self.steps = 0
        if candidate != ZERO_SHOT:
            torch.manual_seed(seed)  # of a new part
            language.pairs[task] = slot = self._slot(language, candidate)
            self.steps = sum(1 for _ in self._loop(slot, candidate, sentences, seed))
        language.requires_grad_(True)

    def _slot(self, language: Language, candidate: str) -> Slot:
        task = self.pair.task
        known = language.pairs[task] if task in language.pairs else Slot(language.embedding(task))
        assert isinstance(known, Slot)
        if known.part is not None:  # of whatever shape, it is learnt on
            return with_part(self.model, known, known.part.down.shape[1], known.part.down.shape[0])
        return with_part(self.model, known, self.options.rank if candidate == WITH_PART else 0)

    def _loop(self, slot: Slot, candidate: str, sentences: Sequence[Sentence], seed: int) -> Iterator[object]:
        o, ids = self.options, self.model.task(self.pair.task).label_ids
        encoded = self.encoder.words(sentences, ids)
        draw_batch = LabelledDraw(
            self.pair, encoded, pad_id=self.model.tokenizer.pad_token_id, max_tokens=o.max_tokens, seed=seed,
            device=self.model.device,
        )  # fmt: skip
        groups = [Group([slot.embedding], o.rate_embedding)]
        if slot.part is not None and candidate == WITH_PART:
            groups.append(Group(list(slot.part.parameters()), o.rate))
        steps = o.epochs * draw_batch.epoch
        schedule = Schedule(steps, steps // 10, 0.05)
        return iter(Loop(self.model, groups, draw_batch, schedule, clip=o.clip))


def _folds(sentences: Sequence[Sentence], most: int, seed: int) -> list[list[Sentence]]:
    alike: dict[tuple[str, ...], list[Sentence]] = {}
    for sentence in sentences:
        alike.setdefault(sentence.words, []).append(sentence)
    groups, count = list(alike.values()), min(most, len(alike))
    order = np.random.default_rng([seed, count]).permutation(len(groups))
    return [[sentence for i in held for sentence in groups[i]] for held in np.array_split(order, count)]
