"""What a record from elsewhere has to be before it is stored: its numbers within bounds, its shapes the model's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError, NotFoundError
from hyperx_cl.languages import canonical
from hyperx_cl.task_record import TaskRecord

LARGEST = 65504.0
"""Largest absolute number: what fp16 holds."""

LARGEST_RMS = 100.0
"""Largest root mean square of a tensor; vectors and weights that were learnt are near 1 or far below."""

_IDS = "shift.ids"
_PIECE = 2**20  # numbers that are looked at together


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
        bounds = Bounds(name, source)
        bounds.take(array)
        bounds.end()


class Bounds:
    """Looks at a tensor piece by piece, so that none has to be in memory whole.

    Args:
        name: Of the tensor.
        source: How messages call what it is of.
    """

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source, self._sum, self._count = name, source, 0.0, 0

    def take(self, numbers: NDArray[np.float32]) -> None:
        """Look at the next numbers.

        Raises:
            DataError: One is not finite, or too large.
        """
        flat = numbers.reshape(-1)
        for start in range(0, flat.size, _PIECE):
            piece = flat[start : start + _PIECE]
            largest = max(float(piece.max()), -float(piece.min()))
            if not np.isfinite(largest):  # one that is not a number makes these none
                raise DataError(
                    f"{self._source}: {self._name} holds numbers that are not finite; report it to whoever shared it"
                )
            if largest > LARGEST:
                raise self._beyond(f"a number of {largest:.3g}", LARGEST)
            self._sum += float(np.square(piece, dtype=np.float64).sum())
            self._count += piece.size

    def end(self) -> None:
        """Look at all of them together.

        Raises:
            DataError: Their root mean square is too large.
        """
        rms = (self._sum / max(self._count, 1)) ** 0.5
        if rms > LARGEST_RMS:
            raise self._beyond(f"a root mean square of {rms:.3g}", LARGEST_RMS)

    def _beyond(self, what: str, most: float) -> DataError:
        return DataError(
            f"{self._source}: {self._name} has {what}, where at most {most:g} is taken; report it to whoever shared it"
        )


def expect_fits(record: LanguageRecord, fits: Fits, source: str) -> None:
    """Refuse a language that cannot be one of the model.

    Raises:
        ConflictError: It has something of its own for a task that there is not.
        DataError: Its code is not the canonical one, or a tensor has not the model's size.
    """
    expect_code(record.language, source)
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


def expect_code(code: str, source: str) -> None:
    """Refuse a language under another code than its canonical one.

    Raises:
        DataError: It is another one, or none at all.
    """
    try:
        known = canonical(code)
    except NotFoundError as error:
        raise DataError(f"{source} is of {code[:80]!r}, which is no language's code: report it") from error
    if known != code:
        raise DataError(f"{source} is of {code!r}, whose canonical code is {known!r}: learn it under that one")


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
    width = shape[2] if name.endswith("down") else shape[1] if name.endswith("up") else fits.hidden
    return fits.hidden in (None, width) and (fits.layers is None or shape[0] <= fits.layers)
