"""A model's place: looked for before base training, filled with the model and its languages after it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.loading import JOINT
from hyperx_cl.config import ModelOptions, TrainOptions, as_dict
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.models import expect_name, fingerprint_in
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.share.layout import WEIGHTS

if TYPE_CHECKING:
    from hyperx_cl.train.joint import Trained

_RUN = ("checkpoint", "checkpoint.old")


def expect_free(registry: Registry, name: str, folder: Path, *, resume: bool) -> ModelRecord | None:
    """Refuse before training, and without loading anything, what would be refused after hours of it.

    A name stands for one model: it is free, or its run is finished. What may be gone on with has no name yet.

    Args:
        registry: Where the name and the models are.
        name: What the new model is to be called.
        folder: Where it is to lie.
        resume: Whether a run in that folder is to be gone on with.

    Returns:
        The model, where the run to go on with is finished and kept already; None where there is something to train.

    Raises:
        UsageError: It cannot name a model.
        ConflictError: Name or folder belong to another model or run.
    """
    expect_name(name)
    mark = fingerprint_in(folder)
    known = {model.name: model for model in registry.list_models()}
    if name in known:
        return _finished(known[name], folder, mark, resume=resume)
    for model in known.values():
        if _same(model.path, folder) or model.fingerprint == mark:
            raise ConflictError(
                f"{folder} is the folder of a model that the registry knows as {model.name!r}: choose another "
                f"--output-dir, or forget that one with `hyperx-cl models remove {model.name} --cascade`"
            )
    run, weights = any((folder / part).exists() for part in _RUN), (folder / WEIGHTS).exists()
    if run and not resume:
        raise ConflictError(f"{folder} already holds a run: go on with --resume, or choose another --output-dir")
    if weights and not run:
        raise ConflictError(
            f"{folder} already holds a model and no checkpoint to go on from: choose another --output-dir"
        )
    return None


def keep_model(
    registry: Registry, trained: "Trained", name: str, folder: Path, *, backbone: str, shape: ModelOptions,
    options: TrainOptions,
) -> None:  # fmt: skip
    """Store a model and the records of its base languages, all or nothing.

    Args:
        registry: Gets them.
        trained: The end of base training.
        name: The model's.
        folder: Where it lies.
        backbone: Folder or Hub id to load its backbone from.
        shape: What it was trained with.
        options: The same.
    """
    model, info = trained.model, trained.model.backbone.info
    identity = {
        "id": info.id, "revision": info.revision or "", "fingerprint": info.fingerprint, "model_type": info.model_type,
    }  # fmt: skip
    config = {
        "backbone": backbone, "model": as_dict(shape), "train": as_dict(options),
        "tasks": [asdict(task) | {"label_map": dict(task.label_map)} for task in model.tasks.values()],
        "languages": sorted(model.base), "layers": info.layers, "hidden": info.hidden, "vocabulary": info.vocabulary,
    }  # fmt: skip
    registry.add_trained(
        name, trained.fingerprint, folder, identity, config, [_record(trained, code) for code in sorted(model.base)],
        method=JOINT, seed=options.seed, steps=trained.steps,
    )  # fmt: skip


def _record(trained: "Trained", code: str) -> LanguageRecord:
    scores = {pair.task: score for pair, score in trained.scores.items() if pair.language == code}
    return trained.model.record(code, {"tokens": trained.tokens, "seconds": trained.seconds, "scores": scores})


def _finished(model: ModelRecord, folder: Path, mark: str | None, *, resume: bool) -> ModelRecord:
    """A model whose name is asked for again: well where its own run is to be gone on with, which is finished."""
    forget = f"choose another with --name, or forget that one with `hyperx-cl models remove {model.name} --cascade`"
    if not _same(model.path, folder):
        raise ConflictError(f"the name {model.name!r} belongs to the model in {model.path}: {forget}")
    if mark != model.fingerprint:
        raise ConflictError(f"the name {model.name!r} belongs to a model that is not in {folder} any more: {forget}")
    if not resume:
        raise ConflictError(f"the name {model.name!r} belongs to the finished model in {folder}: {forget}")
    return model


def _same(one: str | Path, other: Path) -> bool:
    return Path(one).resolve() == other.resolve()
