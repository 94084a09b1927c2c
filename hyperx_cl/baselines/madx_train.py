"""Learning MAD-X: a language's adapter by MLM on its text, then task adapters on top of several frozen languages.

Both are short courses of `train.loop.Loop` with looks at held-out data; the best look stays, and every look leaves a
checkpoint to go on from. The rates are above MAD-X's 1e-4, which was made for 250,000 steps.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch

from hyperx_cl.baselines.course import Course, Learning, Learnt
from hyperx_cl.baselines.madx import MadX
from hyperx_cl.baselines.madx_storage import (
    LANGUAGES,
    load,
    load_language,
    load_tasks,
    save,
    save_config,
    save_language,
    write_json,
)
from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import MLM, builtin
from hyperx_cl.errors import ConflictError, DataError, UsageError
from hyperx_cl.model.backbone import Backbone, fast_dtype
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.infer import masked_batches, masked_score
from hyperx_cl.train.checkpoint import remove_checkpoint
from hyperx_cl.train.corpora import Corpus, Validator, load_corpora
from hyperx_cl.train.loop import make_accelerator
from hyperx_cl.train.masked_draw import MaskedDraw
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import frozen

__all__ = ["Learnt", "learn_all", "learn_language", "learn_tasks", "load", "save"]

STOP_LINES = 200
"""Lines of each stop part that `learn_all` looks at."""

DEV_SENTENCES = 64
"""Sentences of each dev file that `learn_all` looks at, as in the joint run."""


def learn_language(
    model: MadX, code: str, train: Sequence[Encoded], stop: Sequence[Batch], *, steps: int, rate: float = 5e-4,
    warmup: int = 20, max_tokens: int = 800, mask_rate: float = 0.15, seed: int = 1, check_every: int = 100,
    patience: int = 0, checkpoint: Path | None = None, resume: bool = False, reporter: Reporter | None = None,
) -> Learnt:  # fmt: skip
    """Learn a language's adapter by MLM; nothing else moves. One that was there before gives way to it.

    Args:
        model: Gets the adapter.
        code: The language.
        train: Its text, of `Encoder.text`.
        stop: Of `masked_batches`, from other text of the language.
        steps: Most optimiser steps.
        rate: Peak learning rate; it falls to 0 at the last step.
        warmup: Steps of linear warm-up.
        max_tokens: Rows times longest row of a batch.
        mask_rate: Share of the pieces that MLM asks for.
        seed: Of the adapter, the order and the masks.
        check_every: Steps between two looks at `stop`.
        patience: Looks without gain before stopping (0: take all steps).
        checkpoint: Folder to keep a checkpoint in, or none.
        resume: Go on from that checkpoint, if there is one.
        reporter: Told how it goes.

    Raises:
        ConflictError: The checkpoint belongs to another language, text, backbone or set of options.
        DataError: There is nothing to learn on or to look at.
        UsageError: `stop` is of another language, or longer than the budget of a batch.
    """
    pair = Pair(MLM.name, code)
    if not stop:
        raise DataError(f"There is no text of '{code}' to look at while it is learnt; give more text.")
    if any(segment.pair != pair for batch in stop for segment in batch.segments):
        raise UsageError(f"The batches to look at are not all masked text of '{code}'; make them for that language.")
    draw = MaskedDraw(
        code, train, model.tokenizer, max_tokens=max_tokens, mask_rate=mask_rate, seed=seed, device=model.device
    )
    course = Course(steps, rate, warmup, check_every, patience, checkpoint, resume, reporter or Silent())
    told = {"max_tokens": max_tokens, "mask_rate": mask_rate, "seed": seed}
    configuration = _language_configuration(model, code, train, stop) | course.settings | told
    earlier = model.language_adapters[code] if code in model.language_adapters else None
    try:
        with frozen(cast(Any, model), seed=seed):
            moving = dict(model.new_language(code).named_parameters())
            learning = Learning(model, moving, draw, draw.sampler, course, configuration, f"{code}: stop loss")
            return learning.run(lambda: masked_score(cast(Any, model), stop).loss, first=True)
    except BaseException:
        if code in model.language_adapters:
            del model.language_adapters[code]
        if earlier is not None:
            model.language_adapters[code] = earlier
        raise


def learn_tasks(
    model: MadX, corpora: Mapping[Pair, Corpus], *, steps: int, rate: float = 5e-4, warmup: int = 100,
    max_tokens: int = 800, max_length: int = 128, temperature: float = 5.0, shares: Mapping[str, float] | None = None,
    seed: int = 1, check_every: int = 500, patience: int = 0, checkpoint: Path | None = None, resume: bool = False,
    reporter: Reporter | None = None,
) -> Learnt:  # fmt: skip
    """Learn the task adapters and heads of all pairs in turns, each batch under its language's frozen adapter.

    Args:
        model: With the tasks and the languages of all pairs.
        corpora: Of `load_corpora`, labelled pairs alone; their dev sentences choose the look that stays.
        steps: Most optimiser steps, of all tasks together.
        rate: Peak learning rate; it falls to 0 at the last step.
        warmup: Steps of linear warm-up.
        max_tokens: Rows times longest row of a batch.
        max_length: Pieces in a row of dev sentences.
        temperature: T of the sampling over pairs.
        shares: Share of the steps of some tasks.
        seed: Of the order.
        check_every: Steps between two looks at the dev sentences.
        patience: Looks without gain before stopping (0: take all steps).
        checkpoint: Folder to keep a checkpoint in, or none.
        resume: Go on from that checkpoint, if there is one.
        reporter: Told how it goes.

    Raises:
        ConflictError: The checkpoint belongs to other data, languages, tasks or options.
        NotFoundError: The model lacks a pair's task or language.
        UsageError: A pair is of MLM, or options are out of range.
    """
    for pair in corpora:
        model.language(pair.language)
        if model.task(pair.task).kind == "mlm":
            raise UsageError(f"{pair.task} has no task adapter to learn; give pairs of labelled tasks.")
    lengths = {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}
    sampler = PairSampler(lengths, max_tokens=max_tokens, seed=seed, temperature=temperature, shares=shares)
    pad_id = int(model.tokenizer.pad_token_id)

    def draw() -> Batch:
        pair, indices = next(sampler)
        return collate([corpora[pair].train[i] for i in indices], pair, pad_id=pad_id).to(model.device)

    course = Course(steps, rate, warmup, check_every, patience, checkpoint, resume, reporter or Silent())
    told = {"max_tokens": max_tokens, "max_length": max_length, "seed": seed}  # the sampler knows the rest
    configuration = _tasks_configuration(model, corpora) | course.settings | told
    mine = tuple(f"{table}.{pair.task}." for pair in corpora for table in ("task_adapters", "heads"))
    moving = {name: p for name, p in model.named_parameters() if name.startswith(mine)}
    validator = Validator(cast(Any, model), corpora, Encoder(model.tokenizer, max_length=max_length))

    def look() -> float:
        scores = validator.scores().values()
        return 1 - sum(scores) / max(len(scores), 1)  # without dev sentences all looks are alike: the last one stays

    with frozen(cast(Any, model), seed=seed):
        learnt = Learning(model, moving, draw, sampler, course, configuration, "tasks: dev error").run(look)
    return replace(learnt, scores=validator.scores())


def learn_all(
    backbone: Backbone, root: DataRoot, folder: Path, *, sources: Mapping[str, Sequence[str]], mlm: Sequence[str],
    steps_language: int, steps_tasks: int, seed: int = 1, rate: float = 5e-4, max_tokens: int = 800,
    max_length: int = 128, max_sentences: int = 0, check_every: int = 100, language_rank: int = 384,
    task_rank: int = 48, precision: str = "auto", cpu: bool = False, reporter: Reporter | None = None,
) -> MadX:  # fmt: skip
    """Learn every source language, then the tasks on top of them; what is done is kept, and what was stopped goes on.

    Args:
        backbone: The frozen transformer.
        root: Training data.
        folder: Gets the model, a JSON file of facts beside each of its weight files, and checkpoints while it runs.
        sources: For each built-in task the languages that it is learnt in.
        mlm: Languages that get an adapter, all sources among them.
        steps_language: Steps of each language.
        steps_tasks: Steps of all tasks together.
        seed: Of adapters, heads, order and masks.
        rate: Peak learning rate.
        max_tokens: Rows times longest row of a batch.
        max_length: Pieces in a row.
        max_sentences: Sentences or lines used of each training file (0: all).
        check_every: Steps between two looks and checkpoints.
        language_rank: Bottleneck width of language adapters.
        task_rank: Bottleneck width of task adapters.
        precision: ``auto``, ``bf16`` or ``fp32``.
        cpu: Stay on the CPU even where there is a GPU.
        reporter: Told how it goes.

    Raises:
        ConflictError: `folder` holds what was learnt from other data or with other options.
        DataError: A file is malformed or damaged.
        NotFoundError: A source has no training file, or a language no text.
        UsageError: A source is not among `mlm`, or options are out of range.
    """
    for task, codes in sources.items():
        for code in codes:
            if code not in mlm:
                raise UsageError(f"{task} is learnt in '{code}', which is not among the languages of mlm; add it.")
    backbone.expect_room(max_length)
    device = make_accelerator(cpu=cpu).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MadX(backbone, [builtin(task) for task in sources], language_rank=language_rank, task_rank=task_rank)
    model.place(device, fast_dtype(precision, device)).eval()
    library = _Library(model, folder, reporter or Silent())
    told = {"rate": rate, "max_tokens": max_tokens, "seed": seed, "check_every": check_every}
    encoder = Encoder(model.tokenizer, max_length=max_length)

    def corpora(languages: Mapping[str, Sequence[str]], held_out: int) -> dict[Pair, Corpus]:
        found, _ = load_corpora(
            root, {name: builtin(name) for name in languages}, languages, encoder, max_sentences=max_sentences,
            validation_sentences=held_out, seed=seed, cache=folder / "encoded",
        )  # fmt: skip
        return found

    for code in dict.fromkeys(mlm):
        ((pair, corpus),) = corpora({MLM.name: [code]}, STOP_LINES).items()
        lines = [line for line in corpus.dev if isinstance(line, str)]
        stop = masked_batches(cast(Any, model), code, encoder.text(lines), seed=seed)
        library.language(pair.language, corpus.train, stop, told | {"steps": steps_language})
    library.tasks(corpora(sources, DEV_SENTENCES), told | {"steps": steps_tasks, "max_length": max_length})
    return model


class _Library:
    """A model's folder while it is filled: what is whole in it is read instead of learnt."""

    def __init__(self, model: MadX, folder: Path, reporter: Reporter) -> None:
        self.model, self.folder, self.reporter = model, folder, reporter

    def language(self, code: str, train: Sequence[Encoded], stop: Sequence[Batch], options: Mapping[str, Any]) -> None:
        """Read a language, or learn and write it."""
        facts, checkpoint = self.folder / LANGUAGES / f"{code}.json", self.folder / "checkpoint" / code
        configuration = _language_configuration(self.model, code, train, stop) | {"options": dict(options)}
        if _is_kept(facts, configuration):
            return load_language(self.model, code, self.folder)
        learnt = learn_language(
            self.model, code, train, stop, **options, checkpoint=checkpoint, resume=True, reporter=self.reporter
        )
        save_language(self.model, code, self.folder)
        self._finish(facts, configuration, learnt, checkpoint)

    def tasks(self, corpora: Mapping[Pair, Corpus], options: Mapping[str, Any]) -> None:
        """Read the tasks, or learn them and write the whole model."""
        facts, checkpoint = self.folder / "tasks.json", self.folder / "checkpoint" / "tasks"
        configuration = _tasks_configuration(self.model, corpora) | {"options": dict(options)}
        if _is_kept(facts, configuration):
            load_tasks(self.model, self.folder)
            return save_config(self.model, self.folder)  # there may be more languages than there were
        learnt = learn_tasks(self.model, corpora, **options, checkpoint=checkpoint, resume=True, reporter=self.reporter)
        save(self.model, self.folder)
        self._finish(facts, configuration, learnt, checkpoint)

    def _finish(self, facts: Path, configuration: Mapping[str, Any], learnt: Learnt, checkpoint: Path) -> None:
        told = asdict(learnt) | {"scores": {":".join(pair): score for pair, score in learnt.scores.items()}}
        write_json(facts, {"configuration": configuration, "learnt": told})
        remove_checkpoint(checkpoint)


def _language_configuration(model: MadX, code: str, train: Sequence[Encoded], stop: Sequence[Batch]) -> dict[str, Any]:
    looked = (
        tensor.cpu().numpy().tobytes()
        for b in stop
        for tensor in (b.input_ids, b.wanted, b.targets)
        if tensor is not None
    )
    return {
        "language": code, "train": _digest(e.ids.tobytes() for e in train), "stop": _digest(looked),
        "rank": model.language_rank, "backbone": model.backbone.info.fingerprint,
    }  # fmt: skip


def _tasks_configuration(model: MadX, corpora: Mapping[Pair, Corpus]) -> dict[str, Any]:
    codes = sorted({pair.language for pair in corpora})
    return {
        "data": {":".join(pair): [c.train_hash, content_hash(c.dev)] for pair, c in sorted(corpora.items())},
        "labels": {pair.task: list(model.task(pair.task).labels) for pair in sorted(corpora)},
        "languages": {code: fingerprint(model.language(code).state_dict()) for code in codes},
        "rank": model.task_rank, "backbone": model.backbone.info.fingerprint,
    }  # fmt: skip


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def _is_kept(facts: Path, configuration: Mapping[str, Any]) -> bool:
    """Whether this was learnt before."""
    if not facts.is_file():
        return False
    try:
        known = json.loads(facts.read_text(encoding="utf-8"))["configuration"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{facts} cannot be read; remove it to learn again what it tells of.") from error
    if known != json.loads(json.dumps(configuration)):
        raise ConflictError(
            f"{facts} tells of other data, adapters or options; learn with the same ones, or in another folder."
        )
    return True
