"""What a record from elsewhere has to be before it is stored: its numbers within bounds, its shapes the model's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.languages import canonical
from hyperx_cl.task_record import TaskRecord

LARGEST = 65504.0
"""Largest absolute number: what fp16 holds."""

LARGEST_RMS = 100.0
"""Largest root mean square of a tensor; vectors and weights that were learnt are near 1 or far below."""

_IDS = "shift.ids"


@dataclass(frozen=True)
class Fits:
    """The sizes that a model's records have; None where they are not known.

    Attributes:
        embedding: Numbers of a task or language embedding.
        layers: Layers of the backbone.
        hidden: Its hidden width.
        vocabulary: Rows of its word embeddings.
        tasks: Names of the tasks that the model, or what comes with the record, has.
    """

    embedding: int | None
    layers: int | None
    hidden: int | None
    vocabulary: int | None
    tasks: tuple[str, ...] | None

    @classmethod
    def of(cls, config: Mapping[str, Any], learnt: tuple[str, ...] = ()) -> Self:
        """Out of what the registry keeps of a model."""
        shape = config.get("model")
        embedding = shape.get("embedding", 64) if isinstance(shape, Mapping) else None
        tasks = (*(task["name"] for task in config["tasks"]), *learnt) if "tasks" in config else None
        return cls(embedding, config.get("layers"), config.get("hidden"), config.get("vocabulary"), tasks)


def expect_bounds(record: LanguageRecord | TaskRecord, source: str) -> None:
    """Refuse numbers that no learning leaves behind; that they are finite has been seen when they were read.

    Raises:
        DataError: A tensor is beyond the bounds.
    """
    for name, array in record.tensors.items():
        if name == _IDS:
            continue
        rms = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
        if rms > LARGEST_RMS or float(np.abs(array).max()) > LARGEST:
            raise DataError(
                f"{source}: {name} has a root mean square of {rms:.3g}, where at most {LARGEST_RMS:g} is taken; "
                "report it to whoever shared it"
            )


def expect_fits(record: LanguageRecord, fits: Fits, source: str) -> None:
    """Refuse a language that cannot be one of the model.

    Raises:
        ConflictError: It has something of its own for a task that there is not.
        DataError: Its code is not the canonical one, or a tensor has not the model's size.
    """
    if canonical(record.language) != record.language:
        raise DataError(f"{source} is of {record.language!r}, whose code has to be {canonical(record.language)!r}")
    for name, array in record.tensors.items():
        if not _fits(name, array.shape, fits) or (
            name == _IDS and fits.vocabulary is not None and array[-1] >= fits.vocabulary
        ):
            raise DataError(f"{source} does not fit its model: {name} has shape {array.shape}; get it again")
    missing = [task for task in record.tasks if fits.tasks is not None and task not in fits.tasks]
    if missing:
        raise ConflictError(
            f"{source} has something of its own for task {missing[0]!r}, which the model has not: pull the whole "
            "repository, or learn the task first"
        )


def expect_task_fits(record: TaskRecord, fits: Fits, source: str) -> None:
    """Refuse a task that cannot be one of the model.

    Raises:
        DataError: Vector or head have not the model's sizes.
    """
    shapes = record.tensors["embedding"].shape[0], record.tensors["head.weight"].shape[1]
    if any(wanted not in (None, found) for wanted, found in zip((fits.embedding, fits.hidden), shapes, strict=True)):
        raise DataError(f"{source} does not fit its model: vector and head have sizes {shapes}; get it again")


def _fits(name: str, shape: tuple[int, ...], fits: Fits) -> bool:
    if name.endswith("embedding"):
        return fits.embedding in (None, shape[0])
    if "part." not in name:  # patch and shift are as wide as the word embeddings, which the model checks at use
        return True
    wide = name.endswith("down_bias") or fits.hidden is None or fits.hidden in shape[1:]
    return wide and (fits.layers is None or shape[0] <= fits.layers)
