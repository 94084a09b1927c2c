"""The two files of a model, checked without torch: sizes, header, dtypes, numbers, and the fingerprint they name."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import ModelOptions
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.share.header import read_header
from hyperx_cl.share.layout import MAX_NOTE, MAX_WEIGHTS
from hyperx_cl.share.travel import JOINT

FORMAT = "hyperx-cl/model@1"
_KEYS = {"model": dict, "tasks": list, "languages": list, "backbone": dict, "fingerprint": str}
_BACKBONE = {"id": str, "fingerprint": str, "model_type": str, "layers": int, "hidden": int, "vocabulary": int}


@dataclass(frozen=True)
class ModelFiles:
    """A model's ``config.json`` and ``model.safetensors``, verified.

    Attributes:
        config: What the first says.
        text: Its bytes.
        weights: Path of the second.
        numbers: Count of its numbers.
        sha256: Of the second.
    """

    config: Mapping[str, Any]
    text: bytes
    weights: Path
    numbers: int
    sha256: str

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return str(self.config["fingerprint"])


def read_model(config: Path, weights: Path, source: str) -> ModelFiles:
    """Read and verify both files, wherever they are from.

    Args:
        config: ``config.json``.
        weights: ``model.safetensors``.
        source: How messages call the model.

    Raises:
        DataError: One is too large, damaged, of another format, or not of the fingerprint that the first names.
    """
    if config.stat().st_size > MAX_NOTE:
        raise DataError(f"the configuration of {source} is larger than {MAX_NOTE:,} bytes: report it")
    text = config.read_bytes()
    told = parse_config(text, source)
    header = read_header(weights, f"the weights of {source}", dtypes=("F32",), largest=MAX_WEIGHTS)
    identity = {key: value for key, value in told.items() if key not in ("backbone", "fingerprint")}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode())
    try:
        for name, array in _tensors(weights, sorted(header.shapes)):
            if not np.isfinite(array).all():
                raise DataError(f"the weights of {source} are not finite in {name}: report it to whoever shared it")
            digest.update(f"\n{name} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").data.cast("B"))
    except (SafetensorError, OSError) as error:
        raise DataError(f"the weights of {source} cannot be read: get them again from where they came") from error
    if digest.hexdigest() != told["fingerprint"]:
        raise DataError(
            f"{source} has fingerprint {digest.hexdigest()[:12]}…, not {told['fingerprint'][:12]}… as it says: "
            "get it again from where it came"
        )
    with weights.open("rb") as data:
        return ModelFiles(told, text, weights, header.numbers, hashlib.file_digest(data, "sha256").hexdigest())


def parse_config(text: bytes, source: str) -> dict[str, Any]:
    """Read a ``config.json`` alone.

    Raises:
        DataError: It is not one of a model, or of another format.
    """
    try:
        told: dict[str, Any] = dict(json.loads(text))
        if told["format"] != FORMAT:
            raise DataError(
                f"{source} has format {str(told['format'])[:40]!r}, this version reads {FORMAT!r}: update hyperx-cl"
            )
        wanted: list[tuple[Any, dict[str, Any]]] = [(told, _KEYS), (told["backbone"], _BACKBONE)]
        if not all(isinstance(values[key], kind) for values, kinds in wanted for key, kind in kinds.items()):
            raise TypeError
        if not all(isinstance(code, str) for code in told["languages"]):
            raise TypeError
        ModelOptions(**told["model"])
        if not all(_is_task(task) for task in told["tasks"]):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        raise DataError(f"the configuration of {source} is none of a hyperx-cl model: get it again") from error
    return told


def base_records(model: ModelFiles, source: str) -> list[LanguageRecord]:
    """The records of a model's base languages, out of its own numbers.

    Raises:
        DataError: A language that it names has no numbers in it.
    """
    told = model.config["languages"]
    wanted = {f"base.{code}.own.": code for code in told}
    found: dict[str, dict[str, NDArray[np.float32]]] = {code: {} for code in told}
    names = [
        name for name in read_header(model.weights, source, dtypes=("F32",), largest=MAX_WEIGHTS).shapes
        if name.startswith(tuple(wanted))
    ]  # fmt: skip
    for name, array in _tensors(model.weights, names):
        before = next(before for before in wanted if name.startswith(before))
        found[wanted[before]][name.removeprefix(before)] = np.array(array)
    try:
        return [
            LanguageRecord(code, model.fingerprint, tensors, {"method": JOINT}) for code, tensors in found.items()
        ]  # fmt: skip
    except DataError as error:
        raise DataError(f"{source}: {error}") from error


def _is_task(task: Mapping[str, Any]) -> bool:
    """Whether a task is described as `hyperx_cl.data.tasks.Task` describes itself."""
    return (
        set(task) <= {"name", "kind", "labels", "column", "label_map"}
        and task["kind"] in ("words", "spans", "mlm")
        and all(isinstance(text, str) for text in (task["name"], *task["labels"], task.get("column", "")))
        and len(set(task["labels"])) == len(task["labels"])
        and all(isinstance(text, str) for pair in dict(task.get("label_map", {})).items() for text in pair)
    )


def _tensors(file: Path, names: list[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Tensors of a file, one in memory at a time."""
    with safe_open(file, framework="numpy") as opened:
        for name in names:
            yield name, opened.get_tensor(name)
