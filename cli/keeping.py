"""After base training: the model and one record for each of its languages go into the registry."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.cli.loading import JOINT
from hyperx_cl.config import ModelOptions, TrainOptions, as_dict
from hyperx_cl.errors import UsageError
from hyperx_cl.registry.store import Registry

if TYPE_CHECKING:
    from hyperx_cl.train.joint import Trained

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def expect_name(name: str) -> None:
    """Refuse before training a name that the registry would refuse after it.

    Raises:
        UsageError: It cannot name a model.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model: use letters, digits, '.', '_' and '-', at most 64 of them")


def keep_model(
    registry: Registry, trained: "Trained", name: str, folder: Path, *, backbone: str, shape: ModelOptions,
    options: TrainOptions,
) -> None:  # fmt: skip
    """Store a model and the records of its base languages.

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
    registry.add_model(name, trained.fingerprint, folder, identity, config)
    for code in sorted(model.base):
        scores = {pair.task: score for pair, score in trained.scores.items() if pair.language == code}
        facts = {"tokens": trained.tokens, "seconds": trained.seconds, "scores": scores}
        record = model.record(code, facts)
        registry.add_language(record, method=JOINT, seed=options.seed, steps=trained.steps, new_version=True)
