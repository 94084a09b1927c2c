"""A learnt task on disk: its vector and head in safetensors, where they came from in JSON; no torch.

Format ``hyperx-cl/task@1``: ``<hash>.safetensors`` holds the tensors and, in its metadata, the task's definition, the
model and the hash; ``<hash>.json`` beside it holds the same and the provenance.

Dimensions: d = task embedding, h = hidden size, n = labels.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.foreign import UNSAFE
from hyperx_cl.sealed import (
    METADATA,
    expect_same,
    feed,
    feed_tensors,
    frozen,
    load_pair,
    plain,
    read_metadata,
    save_pair,
)

FORMAT = "hyperx-cl/task@1"
TENSORS = ("embedding", "head.bias", "head.weight")
KINDS = ("words", "spans")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_LABELS = 2
_IDENTITY = ("format", "name", "model", "definition", "hash")


def expect_task_name(name: str) -> None:
    """Refuse a name that no task can be stored under.

    Raises:
        UsageError: It is no slug.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a task: use up to 64 of the letters A-Z a-z, digits, '-' and '_', the first a "
            "letter or a digit"
        )


@dataclass(frozen=True, eq=False)
class TaskRecord:
    """A task that was learnt for one model after its base training: definition and numbers.

    The tensors are copied and made read-only.

    Raises:
        DataError: On construction: a definition, dtype, shape or value that cannot be right, or a provenance that JSON
            cannot hold.
    """

    name: str
    """What the user types."""

    model: str
    """Fingerprint of the model that the numbers were learnt for: 64 hexadecimal digits."""

    kind: str
    """``words`` or ``spans``."""

    labels: tuple[str, ...]
    """The n labels in the order of the head's outputs."""

    column: str
    """Where the label stands in CoNLL-U."""

    tensors: Mapping[str, NDArray[np.float32]]
    """``embedding`` (d,), ``head.weight`` (n, h) and ``head.bias`` (n,)."""

    provenance: Mapping[str, Any]
    """Where the numbers came from, JSON-able; not part of the hash."""

    label_map: Mapping[str, str] = field(default_factory=dict)
    """Old label to new, when files are read."""

    def __post_init__(self) -> None:
        """Check everything, and keep copies that nobody else can write."""
        if not _NAME.fullmatch(self.name):
            raise DataError(f"{self.name!r} cannot name the task of a record: letters, digits, - and _ are expected")
        if not _FINGERPRINT.fullmatch(self.model):
            raise DataError(f"{self.model!r} is not a model fingerprint: 64 hexadecimal digits are expected")
        _check_definition(self)
        if tuple(sorted(self.tensors)) != TENSORS:
            told = ", ".join(sorted(self.tensors))
            raise DataError(f"a task record has the tensors {', '.join(TENSORS)}, not {told}: get the record again")
        kept = {name: frozen(name, self.tensors[name]) for name in TENSORS}
        _check_shapes(kept, len(self.labels))
        object.__setattr__(self, "tensors", kept)
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "label_map", dict(self.label_map))
        object.__setattr__(self, "provenance", plain(self.provenance, "the provenance of a task record"))

    @property
    def definition(self) -> dict[str, Any]:
        """What a `hyperx_cl.data.tasks.Task` is made of, as JSON holds it."""
        return {
            "name": self.name, "kind": self.kind, "labels": list(self.labels), "column": self.column,
            "label_map": dict(self.label_map),
        }  # fmt: skip

    @cached_property
    def hash(self) -> str:
        """SHA-256 over format, model, definition and tensors (names, shapes, bytes); 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for text in (FORMAT, self.model, json.dumps(self.definition, sort_keys=True)):
            feed(digest, text.encode())
        feed_tensors(digest, self.tensors)
        return digest.hexdigest()

    @property
    def numbers(self) -> int:
        """Count of stored numbers."""
        return sum(array.size for array in self.tensors.values())


def save_task(record: TaskRecord, folder: str | os.PathLike[str]) -> Path:
    """Write a record into a folder, which is created.

    Returns:
        Path of the ``.safetensors`` file. Files appear whole or not at all, and equal records share one name.
    """
    note = {**_identity(record), "numbers": record.numbers, "provenance": record.provenance}
    return save_pair(folder, record.hash, task_to_bytes(record), note)


def load_task(path: str | os.PathLike[str]) -> TaskRecord:
    """Read a record that `save_task` wrote, and verify it.

    Args:
        path: Either of its two files.

    Raises:
        NotFoundError: One of the two files is missing.
        DataError: A file is damaged, or the two do not belong together.
    """
    file, data, told = load_pair(path, "a task record")
    record = task_from_bytes(data, provenance=told["provenance"], source=str(file))
    expect_same(told, _identity(record), file)
    return record


def task_to_bytes(record: TaskRecord) -> bytes:
    """Return the ``.safetensors`` file of a record; equal records give equal bytes."""
    return dump_tensors(dict(record.tensors), {METADATA: json.dumps(_identity(record), sort_keys=True)})


def task_from_bytes(data: bytes, *, provenance: Mapping[str, Any], source: str = "the record") -> TaskRecord:
    """Rebuild a record from the bytes of its ``.safetensors`` file, and verify its hash.

    Args:
        data: The bytes.
        provenance: What the JSON file, or the registry, holds beside them.
        source: How error messages call the bytes.

    Raises:
        DataError: Not such a file, of a newer format, or damaged.
    """
    try:
        identity = dict(read_metadata(data))
        told = {key: identity[key] for key in _IDENTITY}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is not a task record: a safetensors file of {FORMAT} is expected") from error
    if told["format"] != FORMAT:
        raise DataError(f"{source} has format {told['format']!r}, this version reads {FORMAT!r}: update hyperx-cl")
    try:
        d = told["definition"]
        record = TaskRecord(
            told["name"], told["model"], d["kind"], tuple(d["labels"]), d["column"], load_tensors(data), provenance,
            d["label_map"],
        )  # fmt: skip
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is damaged ({error}): restore it from where it came") from error
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    if record.hash != told["hash"]:
        raise DataError(
            f"{source} is damaged: it hashes to {record.hash[:12]}…, not {str(told['hash'])[:12]}…; "
            "restore it from where it came"
        )
    return record


def _identity(record: TaskRecord) -> dict[str, Any]:
    return dict(zip(_IDENTITY, (FORMAT, record.name, record.model, record.definition, record.hash), strict=True))


def _check_definition(record: TaskRecord) -> None:
    if record.kind not in KINDS:
        raise DataError(f"the task of a record is of kind {record.kind!r}: one of {', '.join(KINDS)} is expected")
    texts = [*record.labels, record.column, *record.label_map, *record.label_map.values()]
    if not all(isinstance(text, str) and text and not UNSAFE.search(text) for text in texts):
        raise DataError(
            "labels, column and label map of a task record have to be texts that are not empty and have no control "
            "characters: get it again"
        )
    if len(set(record.labels)) != len(record.labels) or len(record.labels) < _LABELS:
        raise DataError(f"a task record needs at least {_LABELS} labels, each once: it has {list(record.labels)}")


def _check_shapes(tensors: Mapping[str, NDArray[np.float32]], labels: int) -> None:
    embedding, bias, weight = (tensors[name].shape for name in TENSORS)
    if len(embedding) != 1 or bias != (labels,) or len(weight) != 2 or weight[0] != labels:
        raise DataError(
            f"the tensors of a task record do not fit together: embedding {embedding}, head.weight {weight} and "
            f"head.bias {bias} for {labels} labels; (d,), (n, h) and (n,) are expected"
        )
