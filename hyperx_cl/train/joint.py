"""Base training: all tasks and languages in one run (paper, section 3.3), resumable at any moment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hyperx_cl.config import ModelOptions, TrainOptions, parse_shares, shape_identity
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.model.backbone import Backbone, fast_dtype
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.checkpoint import (
    checkpoint_exists,
    load_checkpoint,
    options_to_compare,
    read_state,
    told_of,
)
from hyperx_cl.train.corpora import Corpus, Validator, load_corpora
from hyperx_cl.train.draw import Drawer
from hyperx_cl.train.loop import Group, Loop, Schedule, make_accelerator
from hyperx_cl.train.memory import Memory
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.sitting import Sitting, pair_name


@dataclass(frozen=True)
class Trained:
    """The end of base training.

    Args:
        model: The chosen model, in evaluation mode.
        fingerprint: Its fingerprint.
        scores: Validation score of each pair, 0 to 1.
        chosen: Which step or average was chosen.
        steps: Optimiser steps taken.
        tokens: Real tokens read.
        seconds: Seconds of training over all sittings.
        tokens_per_second: Real tokens a second over the last sitting that took steps.
        peak_share: Share of the machine's matrix peak, 0 to 1.
        data: Hash of each pair's training data.
    """

    model: HyperX
    fingerprint: str
    scores: dict[Pair, float]
    chosen: str
    steps: int
    tokens: int
    seconds: float
    tokens_per_second: float
    peak_share: float
    data: dict[str, str]


def train_joint(
    backbone: Backbone, root: DataRoot, tasks: Mapping[str, Task], languages: Mapping[str, Sequence[str]], *,
    model_options: ModelOptions, options: TrainOptions, out: Path, resume: bool = False,
    reporter: Reporter | None = None, cpu: bool = False,
) -> Trained:  # fmt: skip
    """Train a model and write it to a folder.

    Args:
        backbone: The frozen transformer.
        root: Training data.
        tasks: Tasks by name.
        languages: For each task, the languages it is trained in.
        model_options: The model's shape.
        options: The run.
        out: Gets the model, ``log.jsonl``, and while it runs ``checkpoint/`` and ``snapshots/``.
        resume: Go on from the checkpoint in `out`, if there is one.
        reporter: Told how it goes.
        cpu: Stay on the CPU even where there is a GPU.

    Raises:
        ConflictError: `out` holds a run and `resume` was not asked for, or the run had other options or data. Of a run
            whose loss was not a number any more, learning rates, clipping and precision may be others.
        DivergedError: The loss is not a number any more; the checkpoint before that stays.
        StorageError: `out` cannot be written; the last checkpoint stays.
        UsageError: ``max_tokens`` is ``auto`` for several processes.
    """
    accelerator, reporter = make_accelerator(cpu=cpu), reporter or Silent()
    folder = out / "checkpoint"
    going_on = checkpoint_exists(folder) and resume
    _refuse_other_run(out, going_on)
    backbone.expect_room(options.max_length)
    if options.max_tokens == "auto" and accelerator.num_processes > 1:
        raise UsageError("max_tokens auto needs a process that trains alone; give a number to several of them.")
    shares = parse_shares(options.task_shares, languages)
    torch.manual_seed(options.seed)
    encoder = Encoder(backbone.tokenizer, max_length=options.max_length)
    corpora, complete = load_corpora(
        root, tasks, languages, encoder, max_sentences=options.max_sentences, seed=options.seed,
        validation_sentences=options.validation_sentences, cache=out / "encoded",
        writes=accelerator.is_main_process,
    )  # fmt: skip
    model = HyperX(backbone, model_options, list(complete.values()), sorted({p.language for p in corpora}))
    dtype = fast_dtype(options.precision, accelerator.device)
    model.place(accelerator.device, dtype)
    model.gradient_checkpointing = options.gradient_checkpointing
    sampler = PairSampler(
        {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}, max_tokens=options.tokens,
        seed=options.seed, temperature=options.temperature, shares=shares, max_rows=options.max_rows or None,
    )  # fmt: skip
    draw = Drawer(model, corpora, sampler, options, accelerator)
    schedule = Schedule(options.steps, options.warmup, options.final_rate)
    loop = Loop(
        model, groups(model, options), draw, schedule, clip=options.clip, accumulation=options.accumulation,
        accelerator=accelerator, memory=Memory.of(options, reporter),
    )  # fmt: skip
    state: dict[str, Any] = {
        "configuration": _configuration(model_options, options, complete, corpora, backbone),
        "seconds": 0.0,
    }
    if going_on:
        _expect_as_many(folder, accelerator.num_processes)
        state["seconds"] = _restore(folder, loop, model, sampler, state["configuration"], reporter)
    sitting = Sitting(model, loop, sampler, Validator(model, corpora, encoder), options, out, state, reporter)
    facts = {"dtype": str(dtype), "threads": torch.get_num_threads(), "configuration": state["configuration"]}
    sitting.note("start", resumed_at=loop.number, **facts)
    speed = sitting.sit()
    ending = sitting.finish()
    return Trained(
        model, ending.fingerprint, ending.scores, ending.chosen, loop.number, loop.tokens, state["seconds"],
        speed.rate, speed.share, {pair_name(pair): corpus.train_hash for pair, corpus in corpora.items()},
    )  # fmt: skip


def groups(model: HyperX, options: TrainOptions) -> list[Group]:
    """The trainable set: generator, embeddings, and everything else of ours (LayerNorms, projector, heads, parts)."""
    named = dict(model.named_parameters())
    generator = ["hypernetwork.generator.weight"]
    vectors = [n for n in named if n.endswith((".embedding", ".layer_embeddings")) or n.startswith("task_embeddings.")]
    rest = [name for name in named if name not in {*generator, *vectors}]
    if not options.train_hypernetwork:
        still = {*generator, *vectors, *(name for name in rest if name.startswith("hypernetwork."))}
        for name in still:
            named[name].requires_grad_(False)
        return [Group([named[name] for name in rest if name not in still], options.rate)]
    kinds = ((rest, options.rate), (vectors, options.rate_embedding), (generator, options.rate_generator))
    return [Group([named[name] for name in names], rate) for names, rate in kinds]


def _configuration(
    model_options: ModelOptions, options: TrainOptions, tasks: Mapping[str, Task], corpora: Mapping[Pair, Corpus],
    backbone: Backbone,
) -> dict[str, Any]:  # fmt: skip
    return {
        "model": shape_identity(model_options),
        "train": _settings(options),
        "tasks": [asdict(task) | {"label_map": dict(task.label_map)} for task in tasks.values()],
        "data": {pair_name(pair): corpus.train_hash for pair, corpus in sorted(corpora.items())},
        # Validation chooses the model, so its data is part of what a run is.
        "validation": {pair_name(pair): content_hash(corpus.dev) for pair, corpus in sorted(corpora.items())},
        "backbone": backbone.info.fingerprint,
    }


def _settings(options: TrainOptions) -> dict[str, Any]:
    """What a run must keep when it is resumed: memory may be saved from then on, or no more."""
    return {name: value for name, value in asdict(options).items() if name != "gradient_checkpointing"}


def _expect_as_many(folder: Path, processes: int) -> None:
    before = read_state(folder).get("processes", processes)  # the first version did not say
    if before != processes:
        raise ConflictError(
            f"The checkpoint in {folder} was made by {before} processes, and each brings its own part of a step; "
            f"resume with as many, or choose another --output-dir."
        )


def _restore(
    folder: Path, loop: Loop, model: HyperX, sampler: PairSampler, configuration: dict[str, Any], reporter: Reporter
) -> float:
    kept = read_state(folder)
    for section, values in json.loads(json.dumps(configuration)).items():
        before = kept["configuration"].get(section, values)  # the first version kept no [validation]
        if section == "train":
            before = _settings(TrainOptions()) | before  # an option that came later had its default
            before, values = (options_to_compare(folder, options) for options in (before, values))
        if _unordered(before) != _unordered(values):
            raise ConflictError(
                f"The checkpoint in {folder} was made with another [{section}]; resume with the settings it was "
                f"started with{_others(before, values)}, or choose another --output-dir."
            )
    tensors, _ = load_checkpoint(folder, loop)
    model.load_state_dict(tensors)
    sampler.load_state_dict(kept["sampler"])
    reporter.say(told_of(kept))
    return float(kept["seconds"])


def _others(before: Any, now: Any) -> str:
    """Name what differs, where it has names: options, or the pairs whose data is gone, new or changed."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return ""
    return f" ({', '.join(sorted(k for k in {*before, *now} if before.get(k) != now.get(k)))} differs)"


def _unordered(values: Any) -> Any:
    # The order in which tasks were named changes nothing.
    return sorted(values, key=lambda task: str(task["name"])) if isinstance(values, list) else values


def _refuse_other_run(out: Path, going_on: bool) -> None:
    if going_on:
        return
    if checkpoint_exists(out / "checkpoint"):
        raise ConflictError(f"{out} already holds a run; go on with --resume or choose another --output-dir.")
    if (out / "model.safetensors").exists():
        raise ConflictError(f"{out} already holds a model and nothing to go on from; choose another --output-dir.")
