"""What is compared: languages, seeds, methods. Choices are made on development languages, headlines on final ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hyperx_cl.config import AddOptions, ModelOptions, TrainOptions
from hyperx_cl.errors import UsageError, did_you_mean

Kind = Literal["control", "own", "learnt", "direct", "other", "madx"]
Run = Literal["base", "untrained", "joint", "madx"]
"""What a method stands on: the base run; one whose hypernetwork never learnt; one that read the new languages' texts
too; MAD-X's adapters of the base run's languages."""


@dataclass(frozen=True)
class Fold:
    """Which languages are new, and which teach the tasks.

    Args:
        development: New languages that every choice is made on; their test sets are never a headline.
        final: New languages that are scored with what was chosen.
        sources: By task, the languages that it is learnt in.
        left_out: Other languages that no base run reads.
    """

    development: tuple[str, ...]
    final: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...] = ()

    @property
    def new(self) -> tuple[str, ...]:
        """All new languages."""
        return (*self.development, *self.final)

    def after(self, code: str) -> str:
        """The new language that comes after a new language, the first after the last."""
        return self.new[(self.new.index(code) + 1) % len(self.new)]

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """New languages by what they are for; groups without any left out."""
        return {name: codes for name, codes in (("development", self.development), ("final", self.final)) if codes}


FOLDS = {
    "main": Fold(
        ("hsb", "yo", "ta"), ("mt", "ug", "fo"),
        {"pos": ("en", "ar", "zh", "tr", "kk"), "ner": ("en", "ar", "is", "kk", "tr", "zh")}, ("am",),
    ),
    "second": Fold(
        (), ("br", "sa", "yue"),
        {"pos": ("en", "ar", "zh", "tr", "kk"), "ner": ("en", "ar", "is", "kk", "tr", "zh")}, ("am",),
    ),
    "third": Fold(
        (), ("is", "kk", "gn"), {"pos": ("en", "ar", "zh", "tr"), "ner": ("en", "ar", "tr", "zh")}, ("am",)
    ),
}  # fmt: skip
"""Headlines come from ``main``; the others ask whether they hold for more languages."""

WATCHED, WATCHED_LOOKS = ("hsb", "yo", "mt"), 3
"""Languages whose POS is scored while the default method learns, at the first look and every third after it: does a
lower loss mean better tags? At every look this took a quarter of a cell's time."""

BASE = TrainOptions(
    steps=2000, max_tokens=1600, validate_every=500, checkpoint_every=100, task_shares="mlm=0.5,pos=0.27,ner=0.23"
)
"""The base runs: about 3 million tokens each."""


@dataclass(frozen=True)
class Method:
    """One way to get a language.

    Args:
        name: Short, as in the table.
        about: A line for the table's legend.
        kind: ``control``: nothing is learnt; ``own``: the vector that the joint run has learnt; ``learnt``:
            `add_language` with some options changed; ``other``: the same on the text of the fold's next new language;
            ``direct``: the generated adapters themselves; ``madx``: MAD-X.
        options: What differs from the default options of `add_language`.
        over: What it stands on.
        as_written: Whether no transliteration is used where one is known and needed.
    """

    name: str
    about: str
    kind: Kind
    options: Mapping[str, Any] = field(default_factory=dict)
    over: Run = "base"
    as_written: bool = False

    @property
    def control(self) -> str:
        """The vector that a control has, by its name in `hyperx_cl.train.starts.controls`."""
        return self.name.removesuffix(_AS_WRITTEN)


_AS_WRITTEN = "-as-written"

DEFAULT = "default"
"""The method whose macro POS is the headline."""

CONTROLS = ("mean", "nearest")
"""The primary comparison: the default against the better of these two, macro POS."""

METHODS = {
    method.name: method
    for method in (
        Method("random", "a vector from N(0, 1)", "control"),
        Method("zero", "the zero vector", "control"),
        Method("mean", "the mean of the base languages' vectors", "control"),
        Method("nearest", "the stored vector that fits the text best", "control"),
        Method(
            DEFAULT, "what add-language does: part in the lower layers and shift under the mean vector, self-training",
            "learnt",
        ),
        Method("no-self", "the default without self-training", "learnt", {"self_tasks": "none"}),
        Method(
            "self-half", "the default, self-training on half as many lines, in half as many steps at twice the rate",
            "learnt", {"self_lines": 2000, "self_steps": 100, "self_rate": 2e-3},
        ),
        Method(
            "self-alone", "self-training under the mean vector, after a single step of MLM", "learnt",
            {"steps": 1, "warmup": 0, "shift_pieces": 0, "patch_pieces": 0, "rank": 1},
        ),
        Method(
            "vector", "the vector alone, from the best start", "learnt",
            {"capacity": "vector", "start": "best", "self_tasks": "none"},
        ),
        Method("other-text", "the default, learnt on the text of another new language", "other"),
        Method("no-shift", "the default's numbers without a shift", "learnt", {"shift_pieces": 0, "rank": 32}),
        Method("all-layers", "a part in all layers, no shift", "learnt", {"shift_pieces": 0, "depth": 1.0}),
        Method(
            "vector-all-layers", "vector and part in all layers from the start of least loss, no shift", "learnt",
            {"shift_pieces": 0, "depth": 1.0, "capacity": "both", "start": "best"},
        ),
        Method("both", "the default, and the vector learns too", "learnt", {"capacity": "both"}),
        Method("under-mixture", "the default under the learnt mixture of vectors", "learnt", {"start": "mixture"}),
        Method("under-nearest", "the default under the nearest vector", "learnt", {"start": "nearest"}),
        Method(f"mean{_AS_WRITTEN}", "the mean vector, the letters not transliterated", "control", as_written=True),
        Method(f"{DEFAULT}{_AS_WRITTEN}", "the default, the letters not transliterated", "learnt", as_written=True),
        Method("all-kept", "the default, the whole of what the part has learnt kept", "learnt", {"keep_part": 1.0}),
        Method("no-patch", "the default without a token patch", "learnt", {"patch_pieces": 0}),
        Method(
            "part-384", "a part of MAD-X's size in all layers, no shift", "learnt",
            {"shift_pieces": 0, "rank": 384, "depth": 1.0},
        ),
        *(
            Method(
                f"descent-{rate}", f"plain descent of the vector from N(0, 1), learning rate {rate}", "learnt",
                {"capacity": "vector", "start": "random", "rate": rate, "self_tasks": "none"},
            )
            for rate in (0.002, 0.01, 0.05)
        ),
        Method(
            "from-random", "the default's numbers and the vector, which starts at random", "learnt",
            {"capacity": "both", "start": "random"},
        ),
        Method("direct", "the mean's generated adapters, all of their weights learnt", "direct", {"rate": 5e-4}),
        Method("untrained", "the default, over a hypernetwork that never learnt", "learnt", over="untrained"),
        Method("joint", "the vector learnt in a joint run that read the text too", "own", over="joint"),
        Method("madx", "a MAD-X language adapter and task adapters, the same tokens", "madx", over="madx"),
        Method(
            "madx-long", "the same, the language's adapter learnt until its loss falls no more", "madx",
            {"steps": 3000}, over="madx",
        ),
    )
}  # fmt: skip
"""All methods by name."""


@dataclass(frozen=True)
class Bench:
    """Where a bench runs, and what all its cells share.

    Args:
        backbone: Folder or Hub id.
        data: A data root.
        folder: Keeps base runs, checkpoints and what cells have learnt: large, and of the machine they were made on.
        keep: Keeps the cells' results, which are small and all that a table is made of; by default ``folder``.
        train: Options of the base runs; the seed is each run's own.
        shape: Shape of their models.
        add: Options of `add_language` that a method's own go before; MAD-X takes steps, batches and looks from them.
        madx_rate: Peak learning rate of MAD-X's adapters.
        madx_task_steps: Steps of its task adapters: with these as many labelled tokens as the base run reads.
        fold: Which languages are new.
    """

    backbone: str
    data: Path
    folder: Path
    train: TrainOptions = BASE
    shape: ModelOptions = ModelOptions()
    add: AddOptions = AddOptions()
    madx_rate: float = 5e-4
    madx_task_steps: int = 3300
    fold: Fold = FOLDS["main"]
    keep: Path | None = None

    @property
    def kept(self) -> Path:
        """Where the cells' results of every bench lie, in a folder each."""
        return self.keep or self.folder

    @property
    def cells(self) -> Path:
        """Where those of the add-language bench lie."""
        return self.kept / "cells"


@dataclass(frozen=True, order=True)
class Cell:
    """One piece of work: a method on a language, over the base run of a seed, learnt with the same seed.

    Args:
        seed: Of the base run and of the learning.
        language: The new language.
        method: A name in `METHODS`.
    """

    seed: int
    language: str
    method: str

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.seed}-{self.language}-{self.method}"

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.method} for {self.language}, seed {self.seed}"


def cells(fold: Fold, seeds: Iterable[int], languages: Iterable[str], methods: Iterable[str]) -> list[Cell]:
    """All cells, the first seed's first: a stopped bench has whole rows of some seeds.

    Raises:
        UsageError: An unknown method, or a language that is none of the new ones.
    """
    languages, methods = list(dict.fromkeys(languages)), list(dict.fromkeys(methods))
    for name in methods:
        if name not in METHODS:
            raise UsageError(f"unknown method '{name}'{did_you_mean(name, METHODS)}: choose from {', '.join(METHODS)}")
    for code in languages:
        if code not in fold.new:
            raise UsageError(f"'{code}' is no new language of the bench: choose from {', '.join(fold.new)}")
    return [Cell(seed, code, name) for seed in dict.fromkeys(seeds) for code in languages for name in methods]
