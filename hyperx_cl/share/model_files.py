"""The two files of a model, checked without torch: sizes, header, dtypes, numbers, and the fingerprint they name."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import ModelOptions
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.foreign import UNSAFE, read_json
from hyperx_cl.share.description import expect_description
from hyperx_cl.share.header import Header, read_header
from hyperx_cl.share.layout import MAX_NOTE, MAX_NUMBERS, MAX_WEIGHTS
from hyperx_cl.share.travel import JOINT
from hyperx_cl.share.verify import Bounds, expect_code

FORMAT = "hyperx-cl/model@1"
_KEYS = {"model": dict, "tasks": list, "languages": list, "backbone": dict, "fingerprint": str}
_BACKBONE = {"id": str, "fingerprint": str, "model_type": str, "layers": int, "hidden": int, "vocabulary": int}
_ELSEWHERE = re.compile(r"[/~]|[A-Za-z]:|(.*/)?\.\.(/|$)|.*\\")  # how a path begins that leads out of a folder
_HASH = re.compile(r"[0-9a-f]{64}")
_OWN = re.compile(r"base\.([^.]+)\.own\.(.+)")
_MOST = 2**31
_PIECE = 4 * 2**20  # bytes of a file that are in memory at once


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


def read_model(config: Path, weights: Path, source: str, *, ours: bool = False) -> ModelFiles:
    """Read and verify both files, wherever they are from.

    Args:
        config: ``config.json``.
        weights: ``model.safetensors``.
        source: How messages call the model.
        ours: They were made here: the backbone may be named by its whole path.

    Raises:
        DataError: One is too large, damaged, of another format, or not of the fingerprint that the first names.
    """
    if config.stat().st_size > MAX_NOTE:
        raise DataError(f"the configuration of {source} is larger than {MAX_NOTE:,} bytes: report it")
    text = config.read_bytes()
    told = parse_config(text, source, ours=ours)
    header = read_header(weights, f"the weights of {source}", dtypes=("F32",), largest=MAX_WEIGHTS)
    shape, hidden = ModelOptions(**told["model"]), told["backbone"]["hidden"]
    least = max(shape.projected * shape.bottleneck * hidden, shape.embedding * shape.source_hidden)
    if header.numbers < least:  # of the matrices of its hypernetwork alone: room is made for them before they are read
        raise DataError(f"the weights of {source} are fewer than its configuration tells of: report it")
    found = _fingerprint(told, weights, header, source)
    if found != told["fingerprint"]:
        raise DataError(
            f"{source} has fingerprint {found[:12]}…, not {told['fingerprint'][:12]}… as it says: get it again from "
            "where it came"
        )
    with weights.open("rb") as data:
        return ModelFiles(told, text, weights, header.numbers, hashlib.file_digest(data, "sha256").hexdigest())


def parse_config(text: bytes, source: str, *, ours: bool = False) -> dict[str, Any]:
    """Read a ``config.json`` alone; see `read_model`.

    Raises:
        DataError: It is not one of a model, or of another format.
    """
    try:
        told: dict[str, Any] = dict(read_json(text))
        if told["format"] != FORMAT:
            raise DataError(
                f"{source} has format {str(told['format'])[:40]!r}, this version reads {FORMAT!r}: update hyperx-cl"
            )
        wanted: list[tuple[Any, dict[str, Any]]] = [(told, _KEYS), (told["backbone"], _BACKBONE)]
        if not all(type(values[key]) is kind for values, kinds in wanted for key, kind in kinds.items()):
            raise TypeError
        expect_description(told)
        _expect_backbone(told["backbone"])
        if not ours and (_ELSEWHERE.match(told["backbone"]["id"]) or UNSAFE.search(told["backbone"]["id"])):
            raise ValueError("the name of a backbone")  # it is looked for beside the model, and on the Hub
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise DataError(f"the configuration of {source} is none of a hyperx-cl model: get it again") from error
    for code in told["languages"]:
        expect_code(code, f"the configuration of {source}")
    return told


def base_records(model: ModelFiles, source: str) -> list[LanguageRecord]:
    """The records of a model's base languages, out of its own numbers.

    Raises:
        DataError: A language that it names has no numbers in it.
    """
    found: dict[str, dict[str, NDArray[np.float32]]] = {code: {} for code in model.config["languages"]}
    header = read_header(model.weights, source, dtypes=("F32",), largest=MAX_WEIGHTS)
    own = [(name, *parts.groups()) for name in header.shapes if (parts := _OWN.fullmatch(name)) and parts[1] in found]
    if sum(end - start for start, end in (header.spans[name] for name, _, _ in own)) > len(found) * MAX_NUMBERS:
        raise DataError(f"{source} has base languages larger than any record may be: report it to whoever shared it")
    with safe_open(model.weights, framework="numpy") as opened:
        for name, code, tensor in own:
            found[code][tensor] = np.array(opened.get_tensor(name))
    try:
        return [
            LanguageRecord(code, model.fingerprint, tensors, {"method": JOINT}) for code, tensors in found.items()
        ]  # fmt: skip
    except DataError as error:
        raise DataError(f"{source}: {error}") from error


def _expect_backbone(told: Mapping[str, Any]) -> None:
    """Refuse a backbone that cannot be one.

    Raises:
        ValueError: Something of it is of another kind; as KeyError.
    """
    if not _HASH.fullmatch(told["fingerprint"]):
        raise ValueError("a backbone's fingerprint")
    if not isinstance(told["revision"], str | None) or UNSAFE.search(f"{told['model_type']}{told['revision']}"):
        raise ValueError("a backbone's type or revision")
    if not all(0 < told[key] < _MOST for key in ("layers", "hidden", "vocabulary")) or len(told["model_type"]) > 64:
        raise ValueError("a backbone's size")


def _fingerprint(told: Mapping[str, Any], weights: Path, header: Header, source: str) -> str:
    """The fingerprint of a model, out of its file piece by piece; its numbers are looked at on the way.

    Raises:
        DataError: They are not finite, beyond the bounds, or cannot be read.
    """
    identity = {key: value for key, value in told.items() if key not in ("backbone", "fingerprint")}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode())
    try:
        with safe_open(weights, framework="numpy"), weights.open("rb") as data:  # it has an opinion on headers too
            for name, shape in sorted(header.shapes.items()):
                digest.update(f"\n{name} {shape}\n".encode())
                bounds = Bounds(name, f"the weights of {source}")
                for piece in _pieces(data, *header.spans[name]):
                    bounds.take(np.frombuffer(piece, "<f4"))
                    digest.update(piece)
                bounds.end()
    except (SafetensorError, OSError) as error:
        raise DataError(f"the weights of {source} cannot be read: get them again from where they came") from error
    return digest.hexdigest()


def _pieces(data: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    data.seek(start)
    for place in range(start, end, _PIECE):
        yield data.read(min(_PIECE, end - place))
