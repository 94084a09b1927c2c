"""A language record as it travels: its matrices in fp16, a version of its own whose hash is of what travels.

Matrices (parts, factors and basis of a shift, rows of a token patch) are rounded to what fp16 holds; vectors, and the
token ids of a shift among them, stay as they are. Rounding changes numbers, so a rounded record has a hash of its own
and names the one that it was made from as its parent; rounded once, it stays as it is. A record of vectors alone
travels as it is, under the hash that it has.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import DataError
from hyperx_cl.sealed import METADATA, read_metadata
from hyperx_cl.share.header import read_header
from hyperx_cl.share.layout import FORMAT, MAX_NUMBERS

JOINT = "joint"
"""Method of the records that base training leaves: their numbers are the model's own."""

ROUNDED = "rounded"
"""In the provenance of a rounded record: what to."""

HALF = "float16"
DTYPES = ("F16", "F32")


def travelling(record: LanguageRecord) -> LanguageRecord:
    """The record that travels for one: itself where fp16 holds its matrices, else a rounded one with it as parent.

    What base training left is the model's own and travels as it is: the model brings the same numbers in fp32.
    """
    rounded = {name: _widened(_halved(array)) for name, array in record.tensors.items()}
    if record.provenance.get("method") == JOINT or _same(rounded, record.tensors):
        return record
    return replace(record, tensors=rounded, provenance={**record.provenance, "parent": record.hash, ROUNDED: HALF})


def pack(record: LanguageRecord) -> bytes:
    """The ``.safetensors`` file of a record, bit for bit: what fp16 holds is written in it. Equal records, equal bytes.

    Of another record than `travelling` gives, it may be twice as large.
    """
    halves = {name: _halved(array) for name, array in record.tensors.items()}
    packed = {
        name: halves[name] if np.array_equal(_widened(halves[name]), array) else array
        for name, array in record.tensors.items()
    }
    identity = {
        "format": FORMAT, "language": record.language, "model": record.model, "hash": record.hash,
        "pieces": list(record.pieces), "transliteration": [list(rule) for rule in record.transliteration],
    }  # fmt: skip
    return dump_tensors(packed, {METADATA: json.dumps(identity, sort_keys=True)})


def unpack(file: Path, source: str, provenance: Mapping[str, Any]) -> LanguageRecord:
    """Read a file that `pack` made, wherever it is from.

    Args:
        file: The file.
        source: How messages call it.
        provenance: What its note tells.

    Raises:
        DataError: It is too large, damaged, of another format, or not of the hash that it names.
    """
    read_header(file, source, dtypes=DTYPES, largest=MAX_NUMBERS)
    data = file.read_bytes()
    try:
        identity = dict(read_metadata(data))
        if identity["format"] != FORMAT:
            raise DataError(
                f"{source} has format {str(identity['format'])[:40]!r}, this version reads {FORMAT!r}: update hyperx-cl"
            )
        record = LanguageRecord(
            str(identity["language"]), str(identity["model"]),
            {name: _widened(array) for name, array in load_tensors(data).items()}, provenance,
            tuple(str(piece) for piece in identity["pieces"]),
            tuple((str(letters), str(other)) for letters, other in identity["transliteration"]),
        )  # fmt: skip
        told = str(identity["hash"])
    except DataError as error:
        raise error if source in str(error) else DataError(f"{source}: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is not a language record of {FORMAT}: get it again from where it came") from error
    if record.hash != told:
        raise DataError(f"{source} hashes to {record.hash[:12]}…, not to {told[:12]}…: get it again from where it came")
    return record


def _halved(array: NDArray[np.float32]) -> NDArray[Any]:
    """A matrix whose numbers fp16 can hold in fp16; all else as it is."""
    if array.ndim < 2 or float(np.abs(array).max()) > float(np.finfo(np.float16).max):
        return array
    return array.astype(np.float16)


def _widened(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float32)


def _same(one: Mapping[str, NDArray[np.float32]], other: Mapping[str, NDArray[np.float32]]) -> bool:
    return all(np.array_equal(one[name], array) for name, array in other.items())
