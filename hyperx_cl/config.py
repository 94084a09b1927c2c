"""Every option, once: frozen dataclasses whose texts the command line shows and whose values a run keeps.

Values out of range and contradictions are refused by name, before anything is loaded.
"""

import dataclasses
import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_type_hints

from hyperx_cl.errors import UsageError, did_you_mean

AUTO_TOKENS = 1600
"""Padded pieces of a batch under ``--max-tokens auto``: as many as base runs of the benches have."""

Tokens = int | Literal["auto"]
"""Padded pieces of a batch; ``auto`` is `AUTO_TOKENS`, of which less goes through at once where memory runs out."""

Precision = Literal["auto", "bf16", "fp32"]
"""``auto``: bf16 where the machine multiplies it fast (most GPUs, CPUs with AMX or AVX512-BF16), else fp32."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The shape of a model (paper, section 3; reference sizes: Base has ``projected=192``, Small 32)."""

    embedding: Annotated[int, "numbers in a task, language or layer embedding"] = 64
    source_hidden: Annotated[int, "hidden width of the source projector"] = 192
    projected: Annotated[int, "width d_p that the projector hands to the weight generator"] = 32
    bottleneck: Annotated[int, "bottleneck width of the generated adapters"] = 256
    placement: Annotated[Literal["ffn", "layer"], "adapter at the FFN output, or after the layer's LayerNorm"] = "ffn"
    adapter_site: Annotated[str, "path of each layer's FFN output, with {i}, in backbones of an unknown type"] = ""
    adapter_norm: Annotated[bool, "LayerNorm inside the adapter, with generated scale and shift"] = False
    language_part: Annotated[int, "rank of the part every base language carries in base training (0: none)"] = 0
    initialisation: Annotated[Literal["scaled", "paper"], "scaled: for short budgets; paper: all N(0, 0.02²)"] = (
        "scaled"
    )
    dropout: Annotated[bool, "keep the backbone's own dropout on while training"] = False

    def __post_init__(self) -> None:
        for name in ("embedding", "source_hidden", "projected", "bottleneck"):
            _at_least(self, name, 1)
        _at_least(self, "language_part", 0)
        _one_of(self, "placement", ("ffn", "layer"))
        _one_of(self, "initialisation", ("scaled", "paper"))
        if self.adapter_site and "{i}" not in self.adapter_site:
            raise UsageError(
                f"adapter_site is '{self.adapter_site}'; it must hold {{i}} where the layer's number stands, as in "
                "encoder.layer.{i}.output.dense."
            )
        if self.adapter_site and self.placement != "ffn":
            raise UsageError("adapter_site and placement both say where the adapters sit; give one of them.")


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Base training: joint over tasks and languages."""

    steps: Annotated[int, "optimiser steps"] = 8000
    warmup: Annotated[int, "optimiser steps of linear warm-up"] = 100
    rate: Annotated[float, "learning rate of everything but the two below"] = 4e-4
    rate_generator: Annotated[float, "learning rate of the weight generator's matrix"] = 1e-4
    rate_embedding: Annotated[float, "learning rate of task, language and layer embeddings"] = 2e-3
    final_rate: Annotated[float, "share of the rates that is left at the last step (linear decay)"] = 0.02
    clip: Annotated[float, "largest global norm of the gradient"] = 1.0
    max_tokens: Annotated[Tokens, "padded pieces in a micro-batch (rows times longest row); auto: what fits"] = 800
    max_rows: Annotated[int, "rows in a micro-batch (0: as many as max_tokens holds)"] = 0
    accumulation: Annotated[int, "micro-batches per optimiser step and process"] = 1
    max_length: Annotated[int, "pieces in a row; longer sentences are read in windows"] = 128
    max_sentences: Annotated[int, "sentences used of each training file (0: all)"] = 0
    temperature: Annotated[float, "T of the sampling over (task, language) pairs, p ~ n^(1/T)"] = 5.0
    task_shares: Annotated[str, "fixed shares of the steps by task, such as mlm=0.5,pos=0.27,ner=0.23"] = ""
    mask_rate: Annotated[float, "share of the pieces that MLM asks for"] = 0.15
    train_hypernetwork: Annotated[bool, "let hypernetwork and embeddings learn; without, a control"] = True
    validate_every: Annotated[int, "steps between two validations"] = 1000
    validation_sentences: Annotated[int, "sentences of each pair in a validation"] = 64
    gradient_checkpointing: Annotated[bool, "compute layers anew in the backward pass: less memory, more time"] = False
    average_last: Annotated[int, "validated checkpoints at the end that are averaged (1: none)"] = 3
    checkpoint_every: Annotated[int, "steps between two checkpoints to resume from"] = 250
    seed: Annotated[int, "seed of initialisation, order and masks"] = 1
    precision: Annotated[Precision, "auto, bf16 or fp32"] = "auto"

    @property
    def tokens(self) -> int:
        """Padded pieces of a batch, also where memory has to make do with less at once."""
        return _tokens(self.max_tokens)

    def __post_init__(self) -> None:
        for name in ("steps", "accumulation", "validate_every", "average_last", "checkpoint_every"):
            _at_least(self, name, 1)
        _at_least(self, "max_length", 8)
        for name in ("warmup", "max_rows", "max_sentences", "validation_sentences", "seed"):
            _at_least(self, name, 0)
        for name in ("rate", "rate_generator", "rate_embedding", "clip"):
            _positive(self, name)
        _at_least(self, "temperature", 1)  # below, the large languages would be drawn more often than they are large
        _share(self, "mask_rate")
        _fraction(self, "final_rate")
        _one_of(self, "precision", get_args(Precision))
        if self.warmup >= self.steps:
            raise UsageError(f"warmup ({self.warmup}) must be smaller than steps ({self.steps}).")
        _check_budget(self)
        parse_shares(self.task_shares)


@dataclass(frozen=True, kw_only=True)
class AddOptions:
    """A new language from raw text: only its own vector, part and shift are learnt, then the parts of its pairs."""

    capacity: Annotated[
        Literal["part", "vector", "both"], "what is learnt: language part and shift, the vector, or both"
    ] = "part"
    rank: Annotated[int, "bottleneck width of the language part"] = 16
    depth: Annotated[float, "share of the layers, from the lowest, that the language part acts in"] = 0.5
    keep_part: Annotated[float, "share of the language part's output that is kept when it has learnt (1: all)"] = 0.5
    keep_shift: Annotated[float, "the same of the shift"] = 1.0
    start: Annotated[Literal["mean", "nearest", "mixture", "best", "random"], "where the vector starts, or stays"] = (
        "mean"
    )
    steps: Annotated[int, "most optimiser steps"] = 1000
    warmup: Annotated[int, "optimiser steps of linear warm-up"] = 20
    mixture_steps: Annotated[int, "optimiser steps for the mixture weights of the start"] = 40
    rate: Annotated[float, "learning rate of all that is learnt"] = 6e-3
    final_rate: Annotated[float, "share of the rate that is left at the last step (linear decay)"] = 0.05
    clip: Annotated[float, "largest global norm of the gradient"] = 1.0
    max_tokens: Annotated[Tokens, "padded pieces in a batch (rows times longest row); auto: what fits"] = 800
    max_length: Annotated[int, "pieces in a row; longer lines are cut into windows"] = 64
    max_lines: Annotated[int, "lines read from the text (0: all)"] = 0
    mask_rate: Annotated[float, "share of the pieces that MLM asks for"] = 0.15
    check_every: Annotated[int, "steps between two looks at the stop part"] = 60
    patience: Annotated[int, "looks at the stop part without gain before stopping"] = 4
    sample: Annotated[int, "lines of the stop and of the report part that are scored"] = 200
    shift_pieces: Annotated[int, "most pieces whose word embeddings are shifted, frequent ones first (0: none)"] = 3000
    shift_rank: Annotated[int, "numbers of the shift for each piece"] = 32
    shift_least: Annotated[int, "times that a shifted piece must occur in the text"] = 3
    self_tasks: Annotated[str, "tasks that learn on from their own labels: words, all, none or names"] = "words"
    self_lines: Annotated[int, "lines of the text that are labelled for it"] = 4000
    self_forms: Annotated[float, "weight of what a word's form is on average, against its own sentence"] = 0.5
    self_keep: Annotated[float, "share of each label's words, the surest first, that are learnt from"] = 0.5
    self_rank: Annotated[int, "bottleneck width of the part that each such pair gets"] = 2
    self_steps: Annotated[int, "optimiser steps of each such pair"] = 200
    self_rate: Annotated[float, "learning rate of these"] = 1e-3
    patch_pieces: Annotated[int, "most pieces of a token patch: characters the vocabulary lacks (0: no patch)"] = 40
    patch_least: Annotated[int, "words of the text that must need a piece of the token patch"] = 5
    seed: Annotated[int, "seed of order and masks"] = 1
    precision: Annotated[Precision, "auto, bf16 or fp32"] = "auto"

    @property
    def tokens(self) -> int:
        """Padded pieces of a batch, also where memory has to make do with less at once."""
        return _tokens(self.max_tokens)

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "check_every", "patience", "sample", "shift_rank", "shift_least", "patch_least",
                     "self_lines", "self_rank", "self_steps"):  # fmt: skip
            _at_least(self, name, 1)
        for name in ("warmup", "mixture_steps", "max_lines", "shift_pieces", "patch_pieces", "seed"):
            _at_least(self, name, 0)
        _at_least(self, "max_length", 8)
        for name in ("rate", "clip", "self_rate", "self_keep", "keep_part", "keep_shift"):
            _positive(self, name)
        for name in ("keep_part", "keep_shift", "self_keep", "self_forms"):
            _fraction(self, name)
        _share(self, "mask_rate")
        _fraction(self, "final_rate")
        _positive(self, "depth")
        _fraction(self, "depth")
        _one_of(self, "precision", get_args(Precision))
        _one_of(self, "capacity", ("part", "vector", "both"))
        _one_of(self, "start", ("mean", "nearest", "mixture", "best", "random"))
        _check_budget(self)


@dataclass(frozen=True, kw_only=True)
class AddTaskOptions:
    """A new task from labelled sentences: only its own vector and head are learnt."""

    start: Annotated[str, "where the vector starts: best of all, mean, or the name of a task"] = "best"
    vector: Annotated[bool, "learn the vector too, not the head alone"] = True
    screen_steps: Annotated[int, "steps of a head alone by which each start is tried"] = 30
    steps: Annotated[int, "most optimiser steps"] = 600
    warmup: Annotated[int, "optimiser steps of linear warm-up"] = 20
    rate: Annotated[float, "learning rate of the head"] = 2e-3
    rate_embedding: Annotated[float, "learning rate of the task's vector"] = 1e-2
    final_rate: Annotated[float, "share of the rates that is left at the last step (linear decay)"] = 0.05
    clip: Annotated[float, "largest global norm of the gradient"] = 1.0
    max_tokens: Annotated[Tokens, "padded pieces in a batch (rows times longest row); auto: what fits"] = 800
    max_length: Annotated[int, "pieces in a row; longer sentences are read in windows"] = 128
    max_sentences: Annotated[int, "sentences used of each training file (0: all)"] = 0
    temperature: Annotated[float, "T of the sampling over languages, p ~ n^(1/T)"] = 5.0
    check_every: Annotated[int, "steps between two looks at the dev sentences"] = 60
    patience: Annotated[int, "looks at the dev sentences without gain before stopping"] = 4
    validation_sentences: Annotated[int, "dev sentences of each language in a look (0: all)"] = 64
    seed: Annotated[int, "seed of the head's beginning, draws and order"] = 1
    precision: Annotated[Precision, "auto, bf16 or fp32"] = "auto"

    @property
    def tokens(self) -> int:
        """Padded pieces of a batch, also where memory has to make do with less at once."""
        return _tokens(self.max_tokens)

    def __post_init__(self) -> None:
        for name in ("screen_steps", "steps", "check_every", "patience"):
            _at_least(self, name, 1)
        for name in ("warmup", "max_sentences", "validation_sentences", "seed"):
            _at_least(self, name, 0)
        _at_least(self, "max_length", 8)
        for name in ("rate", "rate_embedding", "clip"):
            _positive(self, name)
        _at_least(self, "temperature", 1)
        _fraction(self, "final_rate")
        _one_of(self, "precision", get_args(Precision))
        if not self.start:
            raise UsageError("start is empty; name best, mean or a task.")
        _check_budget(self)


@dataclass(frozen=True, kw_only=True)
class FewshotOptions:
    """A few labelled sentences: only what belongs to the (task, language) pair moves."""

    n: Annotated[int, "labelled sentences drawn from the data"] = 20
    rank: Annotated[int, "bottleneck width of the pair part that k-fold may choose"] = 16
    folds: Annotated[int, "folds inside the n sentences"] = 5
    epochs: Annotated[int, "passes over the sentences"] = 20
    rate: Annotated[float, "learning rate of the pair's part"] = 2e-3
    rate_embedding: Annotated[float, "learning rate of the pair's embedding"] = 2e-2
    clip: Annotated[float, "largest global norm of the gradient"] = 1.0
    max_tokens: Annotated[int, "padded pieces in a batch (rows times longest row)"] = 400
    max_length: Annotated[int, "pieces in a row; longer sentences are read in windows"] = 128
    seed: Annotated[int, "seed of the draw and the folds"] = 1
    precision: Annotated[Precision, "auto, bf16 or fp32"] = "auto"

    def __post_init__(self) -> None:
        for name in ("rank", "epochs"):
            _at_least(self, name, 1)
        _at_least(self, "n", 2)
        _at_least(self, "folds", 2)
        _at_least(self, "seed", 0)
        _at_least(self, "max_length", 8)
        _one_of(self, "precision", get_args(Precision))
        for name in ("rate", "rate_embedding", "clip"):
            _positive(self, name)
        if self.max_length > self.max_tokens:
            raise UsageError(f"max_length ({self.max_length}) must not exceed max_tokens ({self.max_tokens}).")


@dataclass(frozen=True, kw_only=True)
class FullOptions:
    """Few-shot that moves the hypernetwork too (paper, appendix D: 50 epochs, no decay), under a regulariser."""

    full_epochs: Annotated[int, "passes over the sentences, without warm-up or decay"] = 50
    full_rate: Annotated[float, "learning rate of all that moves"] = 1e-4
    full_weight: Annotated[float, "beta of the regulariser that holds the other pairs' adapters (0: none)"] = 0.01
    full_pairs: Annotated[int, "other pairs drawn for the regulariser in each step"] = 4
    full_sentences: Annotated[int, "dev sentences of each other language that harm is measured on"] = 200

    def __post_init__(self) -> None:
        for name in ("full_epochs", "full_pairs", "full_sentences"):
            _at_least(self, name, 1)
        _positive(self, "full_rate")
        _at_least(self, "full_weight", 0)


def help_of(cls: type[Any], name: str) -> str:
    """The help text of an option, as written beside its default."""
    return str(get_args(get_type_hints(cls, include_extras=True)[name])[1])


def as_dict(options: Any) -> dict[str, Any]:
    """Plain values of an option object, for logs and the registry."""
    return dataclasses.asdict(options)


def shape_identity(options: ModelOptions) -> dict[str, Any]:
    """What of a model's shape belongs to its identity: all of it, a site only where one was given.

    Models of the time before there was such an option keep their fingerprints.
    """
    return {name: value for name, value in as_dict(options).items() if name != "adapter_site" or value}


def parse_shares(text: str, tasks: Collection[str] | None = None) -> dict[str, float]:
    """Read ``mlm=0.5,pos=0.3`` into shares; the tasks that are not named divide the rest.

    Args:
        text: As typed.
        tasks: The tasks that there are, where they are known.

    Raises:
        UsageError: Not of that form, a share outside 0 to 1, a sum above 1, a task that there is not, or a sum below 1
            where every task is named.
    """
    shares: dict[str, float] = {}
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        task, _, value = (piece.strip() for piece in item.partition("="))
        if task in shares:
            raise UsageError(f"task_shares: '{text}' names '{task}' twice; leave one out.")
        try:
            shares[task] = float(value)
        except ValueError:
            raise UsageError(f"task_shares: '{item}' is not of the form task=number; write it so.") from None
        if not task:
            raise UsageError(f"task_shares: '{item}' is not of the form task=number; write it so.")
        if not 0 <= shares[task] <= 1:
            raise UsageError(f"task_shares: the share of '{task}' must lie between 0 and 1.")
    if sum(shares.values()) > 1 + 1e-9:
        raise UsageError(f"task_shares: the shares add up to {sum(shares.values()):g}; make it at most 1.")
    if tasks is not None:
        _check_tasks(shares, tasks)
    return shares


def _check_tasks(shares: Mapping[str, float], tasks: Collection[str]) -> None:
    for task in shares:
        if task not in tasks:
            raise UsageError(
                f"task_shares names the task '{task}'{did_you_mean(task, tasks)}, which is not trained; "
                f"the tasks are {', '.join(tasks)}."
            )
    if set(shares) == set(tasks) and sum(shares.values()) < 1 - 1e-9:
        raise UsageError(f"task_shares names every task, but the shares add up to {sum(shares.values()):g}; make it 1.")


def _tokens(max_tokens: Tokens) -> int:
    return AUTO_TOKENS if max_tokens == "auto" else max_tokens


def _check_budget(options: TrainOptions | AddOptions | AddTaskOptions) -> None:
    """Refuse a budget of pieces for a batch that is none, or that a single row exceeds."""
    if options.max_tokens != "auto":
        if not isinstance(options.max_tokens, int):
            raise UsageError(f"max_tokens is '{options.max_tokens}'; it must be a whole number or auto.")
        _at_least(options, "max_tokens", 1)
    if options.max_length > options.tokens:
        raise UsageError(f"max_length ({options.max_length}) must not exceed max_tokens ({options.tokens}).")


def _at_least(options: Any, name: str, least: int) -> None:
    if getattr(options, name) < least:
        raise UsageError(f"{name} is {getattr(options, name)}; it must be at least {least}.")


def _positive(options: Any, name: str) -> None:
    if not getattr(options, name) > 0:
        raise UsageError(f"{name} is {getattr(options, name)}; it must be above 0.")


def _share(options: Any, name: str) -> None:
    if not 0 < getattr(options, name) < 1:
        raise UsageError(f"{name} is {getattr(options, name)}; it must lie between 0 and 1.")


def _fraction(options: Any, name: str) -> None:
    if not 0 <= getattr(options, name) <= 1:
        raise UsageError(f"{name} is {getattr(options, name)}; it must be at least 0 and at most 1.")


def _one_of(options: Any, name: str, allowed: tuple[str, ...]) -> None:
    value = getattr(options, name)
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        raise UsageError(f"{name} is '{value}'; it must be {' or '.join(allowed)}{did_you_mean(value, near)}.")
