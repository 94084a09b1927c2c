"""The few-shot bench: which sentences, how many, how often, and for which methods.

Draw k takes its sentences with seed k: the same ones for every method and every base run. They come from the train file
of a language, or its dev file where it has no train file; sentences that the test file has too are left out.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hyperx_cl.baselines.few import FULL_RATE, MADX_RATE
from hyperx_cl.bench.plan import DEFAULT, METHODS, Bench
from hyperx_cl.bench.plan import Cell as AddCell
from hyperx_cl.config import FewshotOptions
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import builtin
from hyperx_cl.errors import UsageError, did_you_mean

FULL = "full"
"""Full fine-tuning: all weights of the backbone, first on the sources, then on the sentences."""

FEW_METHODS = (DEFAULT, "mean", "madx", FULL)
"""What is compared unless other methods are named; any of `KNOWN` can be, those that leave a record or an adapter."""

KNOWN = (*(name for name, method in METHODS.items() if method.kind != "direct"), FULL)

Item = TypeVar("Item")


@dataclass(frozen=True)
class FewBench:
    """What all cells share.

    Args:
        bench: Where it runs, and its base runs and records.
        options: Of `fewshot`, for methods that are languages of the joint model; n and seed are each cell's own.
        epochs: Passes of MAD-X and of full fine-tuning over the sentences (paper, appendix D).
        madx_rate: Learning rate of MAD-X's task adapter and head on the sentences.
        full_rate: Learning rate of full fine-tuning on the sentences.
        max_tokens: Rows times longest row of a batch of these two: about the paper's 32 sentences.
        source_steps: Steps of full fine-tuning on the sources: as many as MAD-X's task adapters take.
        source_rate: Its peak learning rate there.
    """

    bench: Bench
    options: FewshotOptions = FewshotOptions()
    epochs: int = 50
    madx_rate: float = MADX_RATE
    full_rate: float = FULL_RATE
    max_tokens: int = 1600
    source_steps: int = 1000
    source_rate: float = 5e-5


@dataclass(frozen=True, order=True)
class FewCell:
    """One piece of work: a method learns on from one draw of n sentences, or is scored as it is.

    Args:
        seed: Of the base run.
        language: The new language.
        task: What is labelled.
        method: A name in `KNOWN`.
        n: Sentences; 0 for the zero-shot score.
        draw: Which draw, from 1; 0 where n is 0.
    """

    seed: int
    language: str
    task: str
    method: str
    n: int
    draw: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.seed}-{self.language}-{self.task}-{self.method}-{self.n}-{self.draw}"

    @property
    def title(self) -> str:
        """In words."""
        what = f"draw {self.draw} of {self.n} sentences" if self.n else "zero-shot"
        return f"{self.method} for {self.task} in {self.language}, seed {self.seed}, {what}"

    @property
    def added(self) -> AddCell | None:
        """The cell of the add-language bench that it goes on from; full fine-tuning knows nothing of languages."""
        return None if self.method == FULL else AddCell(self.seed, self.language, self.method)


def few_cells(
    few: FewBench, *, seeds: Iterable[int], languages: Iterable[str], tasks: Iterable[str], methods: Sequence[str],
    sizes: Iterable[int], curve: Iterable[int] = (), draws: int = 5,
) -> tuple[list[FewCell], list[str]]:  # fmt: skip
    """All cells, those of a seed together, and each zero-shot score before what is learnt on from it.

    Args:
        few: Gives data and fold.
        seeds: Of base runs.
        languages: New languages.
        tasks: Tasks of the fold's sources.
        methods: Names in `KNOWN`.
        sizes: n of all methods.
        curve: More n, of the default method alone.
        draws: How many draws of each n.

    Returns:
        The cells, and one sentence for each of language, task and n that there are too few sentences for.

    Raises:
        UsageError: An unknown method or task, a language that is none of the new ones, n below 2, or no draw.
        DataError: A file of labels is malformed.
    """
    languages, tasks, sizes = _once(languages), _once(tasks), _once(sizes)
    curve = _once(curve) if DEFAULT in methods else []
    _check(few.bench, languages, tasks, methods, [*sizes, *curve], draws)
    root, without = DataRoot(few.bench.data), []
    wanted: dict[tuple[str, str], dict[str, list[int]]] = {}
    for code in languages:
        for task in tasks:
            found = len(pool(root, task, code))
            if not found:
                without.append(f"{task} in {code}: it has no train or dev sentences besides its test file, or no test.")
                continue
            short = [n for n in sorted({*sizes, *curve}) if n > found]
            without += [f"{task} in {code} with n = {n}: only {found} sentences can be drawn." for n in short]
            wanted[code, task] = {
                method: [n for n in sorted({*sizes, *(curve if method == DEFAULT else ())}) if n not in short]
                for method in _once(methods)
            }
    cells = [
        FewCell(seed, code, task, method, n, draw)
        for seed in _once(seeds)
        for (code, task), of in wanted.items()
        for method, counts in of.items()
        if counts
        for n in (0, *counts)
        for draw in (range(1, draws + 1) if n else (0,))
    ]
    return cells, without


def pool(root: DataRoot, task: str, code: str) -> list[Sentence]:
    """The sentences that are drawn from, which the test file has not; none where there is no test file."""
    split = next((split for split in ("train", "dev") if root.labelled(task, code, split)), None)
    if split is None or root.labelled(task, code, "test") is None:
        return []
    tested = {_spelled(sentence) for sentence in root.load(builtin(task), code, "test")}
    return [s for s in root.load(builtin(task), code, split) if _spelled(s) not in tested]


def _check(
    bench: Bench, languages: Sequence[str], tasks: Sequence[str], methods: Sequence[str], sizes: Sequence[int],
    draws: int,
) -> None:  # fmt: skip
    known = {"method": (methods, KNOWN), "task": (tasks, (*bench.fold.sources,))}
    for what, (given, names) in known.items():
        for name in given:
            if name not in names:
                raise UsageError(f"unknown {what} '{name}'{did_you_mean(name, names)}: choose from {', '.join(names)}")
    for code in languages:
        if code not in bench.fold.new:
            raise UsageError(f"'{code}' is no new language of the bench: choose from {', '.join(bench.fold.new)}")
    if draws < 1 or not sizes or min(sizes) < 2:
        raise UsageError(f"{draws} draws of {sizes} sentences: give at least 1 draw, and sizes of at least 2")


def _once(items: Iterable[Item]) -> list[Item]:
    return list(dict.fromkeys(items))


def _spelled(sentence: Sentence) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", word) for word in sentence.words)
