"""What stored records share: checked tensors, hashes that leave no doubt, files that are there whole or not at all."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.foreign import read_json
from hyperx_cl.writing import replaced

METADATA = "hyperx-cl"
"""The one key of a safetensors file's metadata: the order of several is not fixed."""


_LARGEST, _LARGEST_NOTE = 2**26, 2**23  # bytes of a record's two files; real ones have a hundredth of that


def frozen(name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
    """A read-only copy of one tensor of a record.

    Raises:
        DataError: It is not float32, is empty, or has numbers that are not finite.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        found = getattr(array, "dtype", type(array).__name__)
        raise DataError(f"{name} has to be float32, not {found}: get the record again")
    if array.size == 0:
        raise DataError(f"{name} of shape {array.shape} holds no numbers: get the record again")
    if not np.isfinite(array).all():
        raise DataError(
            f"{name} holds numbers that are not finite: "
            "the training that made it has diverged, so learn it again with a lower rate"
        )
    copy = np.array(array, dtype=np.float32, order="C")
    copy.setflags(write=False)
    return copy


def plain(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A copy of values as JSON will give them back.

    Args:
        values: A mapping.
        what: How an error calls it, such as ``the provenance of a language record``.

    Raises:
        DataError: JSON cannot hold them.
    """
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} has to fit into JSON: {error}") from error
    return copy


def feed(digest: "hashlib._Hash", data: bytes) -> None:
    """Hash a piece with its length before it, so that no two sequences of pieces hash alike."""
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def feed_tensors(digest: "hashlib._Hash", tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Hash tensors with their names and shapes, in the order they come in."""
    for name, array in tensors.items():
        feed(digest, json.dumps([name, "float32", list(array.shape)]).encode())
        feed(digest, array.astype("<f4", copy=False).tobytes())


def read_metadata(data: bytes) -> Any:
    """What a safetensors file says of itself under `METADATA`.

    Raises:
        ValueError: Or KeyError, TypeError, AttributeError: it is no such file.
    """
    length = int.from_bytes(data[:8], "little")
    return read_json(read_json(data[8 : 8 + length])["__metadata__"][METADATA].encode())


def save_pair(folder: str | os.PathLike[str], name: str, tensors: bytes, note: Mapping[str, Any]) -> Path:
    """Write a record as ``name.safetensors`` and ``name.json`` into a folder, which is created.

    Returns:
        Path of the ``.safetensors`` file. Files appear whole or not at all.
    """
    path = Path(folder) / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as fresh:
        fresh.write_bytes(tensors)
    with replaced(path.with_suffix(".json")) as fresh:
        fresh.write_bytes((json.dumps(note, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def load_pair(path: str | os.PathLike[str], what: str) -> tuple[Path, bytes, dict[str, Any]]:
    """Read the two files of a record, not yet verified.

    Args:
        path: Either of the two.
        what: How an error calls it, such as ``a language record``.

    Returns:
        Path and bytes of the ``.safetensors`` file, and what the ``.json`` file says.

    Raises:
        NotFoundError: One of the two files is missing.
        DataError: The ``.json`` file is damaged.
    """
    tensors, note = Path(path).with_suffix(".safetensors"), Path(path).with_suffix(".json")
    for file in (tensors, note):
        if not file.is_file():
            raise NotFoundError(f"{file} does not exist: restore it, for {what} is a .safetensors and a .json file")
    try:
        told = dict(read_json(read_within(note, _LARGEST_NOTE)))
        dict(told["provenance"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{note} is not the description of {what}: restore it from where it came") from error
    return tensors, read_within(tensors, _LARGEST), told


def read_within(file: Path, most: int) -> bytes:
    """Read a file whole.

    Args:
        file: The file.
        most: Its largest size in bytes.

    Raises:
        DataError: It is larger, or no file.
    """
    if not file.is_file() or file.stat().st_size > most:
        raise DataError(f"{file} is no file of at most {most:,} bytes: restore it from where it came")
    return file.read_bytes()


def expect_same(told: Mapping[str, Any], record: Mapping[str, Any], path: Path) -> None:
    """Check that the ``.json`` file beside a record's tensors tells of that very record.

    Raises:
        DataError: It does not.
    """
    if {name: told.get(name) for name in record} != record:
        note = path.with_suffix(".json")
        raise DataError(f"{note} describes another record than {path.name}: restore both from where they came")
