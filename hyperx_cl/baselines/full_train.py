"""Fine-tuning the whole backbone on the sources of the tasks: a fixed number of steps, resumable, kept in a folder.

The paper fine-tunes mBERT for 20 epochs at 1e-5, which is days on two cores. Here all tasks are learnt together, for as
many steps and batches of as many pieces as MAD-X's task adapters get, at the peak rate that BERT's authors name for
short fine-tuning (5e-5; Devlin et al. 2019, appendix A.3). Of the looks at the sources' dev sentences the best stays.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch

from hyperx_cl.baselines.course import Course, Learning, Learnt
from hyperx_cl.baselines.full import Full, load_full, save_full
from hyperx_cl.baselines.madx_storage import write_json
from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import builtin
from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.model.backbone import Backbone, fast_dtype
from hyperx_cl.train.checkpoint import remove_checkpoint
from hyperx_cl.train.corpora import Corpus, Validator, load_corpora
from hyperx_cl.train.loop import make_accelerator
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import frozen

DEV_SENTENCES = 64
"""Sentences of each dev file that are looked at, as in the joint run."""

FACTS = "learnt.json"


def learn_full(
    backbone: Backbone, root: DataRoot, folder: Path, *, sources: Mapping[str, Sequence[str]], steps: int = 1000,
    rate: float = 5e-5, warmup: int = 100, max_tokens: int = 800, max_length: int = 128, max_sentences: int = 0,
    temperature: float = 5.0, seed: int = 1, check_every: int = 250, precision: str = "auto", cpu: bool = False,
    reporter: Reporter | None = None,
) -> Full:  # fmt: skip
    """Fine-tune a copy of the backbone on the sources, or go on where that was stopped, or read what is done.

    Args:
        backbone: What it begins as; stays as it is.
        root: Training data.
        folder: Gets the model, how it went, and a checkpoint while it runs (about 16 bytes a number).
        sources: For each built-in task the languages that it is learnt in.
        steps: Optimiser steps, of all tasks together.
        rate: Peak learning rate; it falls to 0 at the last step.
        warmup: Steps of linear warm-up.
        max_tokens: Rows times longest row of a batch.
        max_length: Pieces in a row.
        max_sentences: Sentences used of each training file (0: all).
        temperature: T of the sampling over pairs.
        seed: Of heads, dropout and order.
        check_every: Steps between two looks at the dev sentences, with a checkpoint each.
        precision: ``auto``, ``bf16`` or ``fp32``; in bf16 products alone are rounded.
        cpu: Stay on the CPU even where there is a GPU.
        reporter: Told how it goes.

    Raises:
        ConflictError: `folder` holds what was learnt with other options, data or backbone.
        DataError: A file is malformed or damaged.
        NotFoundError: A source has no training file.
        UsageError: Options are out of range.
    """
    course = Course(steps, rate, warmup, check_every, 0, folder / "checkpoint", True, reporter or Silent())
    told = {
        "sources": {task: list(codes) for task, codes in sources.items()}, "max_sentences": max_sentences,
        "max_tokens": max_tokens, "max_length": max_length, "temperature": temperature, "seed": seed, **course.settings,
    }  # fmt: skip
    if _is_learnt(folder, told):
        return load_full(folder, backbone)
    backbone.expect_room(max_length)
    device = make_accelerator(cpu=cpu).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Full(backbone, [builtin(task) for task in sources])
    model.place(device, fast_dtype(precision, device)).eval()
    encoder = Encoder(model.tokenizer, max_length=max_length)
    corpora, _ = load_corpora(
        root, {name: builtin(name) for name in sources}, sources, encoder, max_sentences=max_sentences,
        validation_sentences=DEV_SENTENCES, seed=seed, cache=folder / "encoded",
    )  # fmt: skip
    lengths = {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}
    sampler = PairSampler(lengths, max_tokens=max_tokens, seed=seed, temperature=temperature)
    learnt = _learn(model, corpora, sampler, course, encoder, told)
    mark = save_full(model, folder)
    scores = {":".join(pair): score for pair, score in learnt.scores.items()}
    write_json(
        folder / FACTS, {"configuration": told, "fingerprint": mark, "learnt": asdict(learnt) | {"scores": scores}}
    )
    remove_checkpoint(folder / "checkpoint")
    return model


def is_learnt(folder: Path) -> bool:
    """Whether there is a model of `learn_full` in a folder, whole."""
    return (folder / FACTS).is_file()


def _learn(
    model: Full, corpora: Mapping[Pair, Corpus], sampler: PairSampler, course: Course, encoder: Encoder,
    told: Mapping[str, Any],
) -> Learnt:  # fmt: skip
    like: Any = model  # it runs as a HyperX does, and has the same tasks
    validator, pad_id = Validator(like, corpora, encoder), int(model.tokenizer.pad_token_id)

    def draw() -> Batch:
        pair, indices = next(sampler)
        return collate([corpora[pair].train[i] for i in indices], pair, pad_id=pad_id).to(model.device)

    def look() -> float:
        scores = validator.scores().values()
        return 1 - sum(scores) / max(len(scores), 1)  # without dev sentences all looks are alike: the last one stays

    saved = model.saved_tensors()
    moving = {name: parameter for name, parameter in model.named_parameters() if name in saved}
    data = {":".join(pair): [c.train_hash, content_hash(c.dev)] for pair, c in sorted(corpora.items())}
    configuration = {"data": data, "backbone": model.backbone.info.fingerprint, **told}
    with frozen(cast(Any, model), seed=int(told["seed"])):
        learnt = Learning(model, moving, draw, sampler, course, configuration, "full: dev error").run(look)
    return replace(learnt, scores=validator.scores())


def _is_learnt(folder: Path, told: Mapping[str, Any]) -> bool:
    file = folder / FACTS
    if not is_learnt(folder):
        return False
    try:
        known = json.loads(file.read_text(encoding="utf-8"))["configuration"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} cannot be read; remove it to learn again what it tells of.") from error
    if known != json.loads(json.dumps(told)):
        raise ConflictError(f"{file} tells of other options; learn with the same ones, or in another folder.")
    return True
