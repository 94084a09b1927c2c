"""One version of a language on disk: its numbers in safetensors, where they came from in JSON; no torch.

Format ``hyperx-cl/language@1``: ``<hash>.safetensors`` holds the tensors and, in its metadata, language, model, hash,
the pieces of a token patch and the rules of a transliteration; ``<hash>.json`` beside it holds the same names and the
provenance.

Dimensions: d = language embedding, l = layers that a part acts in (the backbone's lowest), r = bottleneck of the
language part, h = hidden size, k = pieces of the token patch, n and s = pieces and rank of the shift.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from hyperx_cl.errors import DataError
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
from hyperx_cl.transliteration import Transliteration, checked

FORMAT = "hyperx-cl/language@1"
_CODE = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TENSOR = re.compile(
    r"(?P<pair>pair\.(?P<task>[A-Za-z0-9_-]{1,64})\.)?(?P<what>embedding|part\.(down|down_bias|up))"
    r"|patch\.(embeddings|bias)|shift\.(ids|factors|basis)"
)
_LONGEST_PIECE = 64


@dataclass(frozen=True, eq=False)
class LanguageRecord:
    """One immutable version of one language's numbers, for one model.

    The tensors are copied and made read-only, so turn them into torch tensors by ``torch.tensor(array)``.

    Raises:
        DataError: On construction: a name, dtype, shape or value that cannot be right, or a provenance that JSON
            cannot hold.
    """

    language: str
    """Canonical code, as `hyperx_cl.languages.canonical` gives it."""

    model: str
    """Fingerprint of the model that the numbers were learnt for: 64 hexadecimal digits."""

    tensors: Mapping[str, NDArray[np.float32]]
    """``embedding`` (d,); optional ``part.down`` (l, r, h), ``part.down_bias`` (l, r), ``part.up`` (l, h, r); and for a
    pair with a task the same under ``pair.<task>.``, each optional. Of a token patch ``patch.embeddings`` (k, h) and
    ``patch.bias`` (k,). Of a shift ``shift.ids`` (n,), token ids of the backbone, ascending; ``shift.factors`` (n, s)
    and ``shift.basis`` (s, h)."""

    provenance: Mapping[str, Any]
    """Where the numbers came from, JSON-able; not part of the hash."""

    pieces: tuple[str, ...] = ()
    """The k pieces of the token patch, as a vocabulary spells them, in the order of their rows; mostly none."""

    transliteration: Transliteration = ()
    """Rules that the language's text is read by, letters and what stands for them, in their order; mostly none."""

    def __post_init__(self) -> None:
        """Check everything, and keep copies that nobody else can write."""
        if not _CODE.fullmatch(self.language):
            raise DataError(f"{self.language!r} cannot name a language of a record: use its canonical code")
        if not _FINGERPRINT.fullmatch(self.model):
            raise DataError(f"{self.model!r} is not a model fingerprint: 64 hexadecimal digits are expected")
        kept = {name: _frozen(name, self.tensors[name]) for name in sorted(self.tensors)}
        _check_shapes(kept)
        _check_patch(self.pieces, kept)
        _check_shift(kept)
        object.__setattr__(self, "tensors", kept)
        object.__setattr__(self, "pieces", tuple(self.pieces))
        object.__setattr__(self, "transliteration", checked(self.transliteration))
        object.__setattr__(self, "provenance", plain(self.provenance, "the provenance of a language record"))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all but the provenance, the format included; 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for text in (FORMAT, self.language, self.model):
            feed(digest, text.encode())
        feed_tensors(digest, self.tensors)
        if self.pieces:  # records without a patch keep the hash that they had before there were any
            feed(digest, json.dumps({"pieces": self.pieces}).encode())
        if self.transliteration:
            feed(digest, json.dumps({"transliteration": self.transliteration}).encode())
        return digest.hexdigest()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks for which the language has something of its own, sorted."""
        return tuple(sorted({name.split(".")[1] for name in self.tensors if name.startswith("pair.")}))

    @property
    def numbers(self) -> int:
        """Count of stored numbers."""
        return sum(array.size for array in self.tensors.values())


def save_record(record: LanguageRecord, folder: str | os.PathLike[str]) -> Path:
    """Write a record into a folder, which is created.

    Args:
        record: What to write.
        folder: Where to.

    Returns:
        Path of the ``.safetensors`` file. Files appear whole or not at all, and equal records share one name.
    """
    note = {**_identity(record), "numbers": record.numbers, "provenance": record.provenance}
    return save_pair(folder, record.hash, to_bytes(record), note)


def load_record(path: str | os.PathLike[str]) -> LanguageRecord:
    """Read a record that `save_record` wrote, and verify it.

    Args:
        path: Either of its two files.

    Raises:
        NotFoundError: One of the two files is missing.
        DataError: A file is damaged, or the two do not belong together.
    """
    file, data, told = load_pair(path, "a language record")
    record = from_bytes(data, provenance=told["provenance"], source=str(file))
    expect_same(told, dict.fromkeys(_OPTIONAL) | _identity(record), file)
    return record


def to_bytes(record: LanguageRecord) -> bytes:
    """Return the ``.safetensors`` file of a record; equal records give equal bytes."""
    return dump_tensors(dict(record.tensors), {METADATA: json.dumps(_identity(record), sort_keys=True)})


def from_bytes(data: bytes, *, provenance: Mapping[str, Any], source: str = "the record") -> LanguageRecord:
    """Rebuild a record from the bytes of its ``.safetensors`` file, and verify its hash.

    Args:
        data: The bytes.
        provenance: What the JSON file, or the registry, holds beside them.
        source: How error messages call the bytes.

    Raises:
        DataError: Not such a file, of a newer format, or damaged.
    """
    identity = _read_identity(data, source)
    if identity["format"] != FORMAT:
        raise DataError(f"{source} has format {identity['format']!r}, this version reads {FORMAT!r}: update hyperx-cl")
    try:
        tensors = load_tensors(data)
        record = LanguageRecord(
            identity["language"],
            identity["model"],
            tensors,
            provenance,
            identity["pieces"],
            identity["transliteration"],
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{source} is damaged ({error}): restore it from where it came") from error
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    if record.hash != identity["hash"]:
        raise DataError(
            f"{source} is damaged: its numbers hash to {record.hash[:12]}…, not {identity['hash'][:12]}…; "
            "restore it from where it came"
        )
    return record


def _read_identity(data: bytes, source: str) -> dict[str, Any]:
    """Format, language, model, hash, pieces and rules out of a safetensors header."""
    try:
        identity = read_metadata(data)
        pieces = tuple(str(piece) for piece in identity.get("pieces", ()))
        rules = tuple((str(letters), str(other)) for letters, other in identity.get("transliteration", ()))
        return {key: str(identity[key]) for key in _IDENTITY} | {"pieces": pieces, "transliteration": rules}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is not a language record: a safetensors file of {FORMAT} is expected") from error


_IDENTITY = ("format", "language", "model", "hash")
_OPTIONAL = ("pieces", "transliteration")


def _identity(record: LanguageRecord) -> dict[str, Any]:
    values = (FORMAT, record.language, record.model, record.hash)
    optional = {"pieces": list(record.pieces), "transliteration": [list(rule) for rule in record.transliteration]}
    return dict(zip(_IDENTITY, values, strict=True)) | {key: value for key, value in optional.items() if value}


def _frozen(name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
    """A read-only copy of one tensor, checked by itself."""
    if not _TENSOR.fullmatch(name):
        raise DataError(f"{name!r} is no tensor of a language record: see the format {FORMAT}")
    return frozen(name, array)


def _check_shapes(tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Check shapes against each other: embeddings (d,), parts (l, r, h), (l, r), (l, h, r) of one h."""
    if "embedding" not in tensors:
        raise DataError("a language record needs its 'embedding': get the record again from where it came")
    width = tensors["embedding"].shape
    widths: set[int] = set()
    for name, array in tensors.items():
        if name.endswith("embedding") and (array.ndim != 1 or array.shape != width):
            raise DataError(f"{name} has shape {array.shape}: one row of numbers, as many as 'embedding', is expected")
        if name.endswith("part.down") or name.endswith("part.up") or name.endswith("part.down_bias"):
            widths.add(_check_part(name.rsplit("part.", 1)[0] + "part", tensors))
    if len(widths) > 1:
        raise DataError(
            f"the parts of a record are of different backbones, with hidden sizes {sorted(widths)}: get it again"
        )


def _check_patch(pieces: Sequence[str], tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Check that pieces, rows (k, h) and biases (k,) belong together, and to the parts' hidden size."""
    rows, bias = (tensors[name].shape if name in tensors else () for name in ("patch.embeddings", "patch.bias"))
    count = len(pieces)
    if (rows[:1], bias) != (((count,), (count,)) if count else ((), ())) or len(rows) not in (0, 2):
        raise DataError(
            f"the token patch does not fit together: {count} pieces, rows {rows or 'missing'}, biases "
            f"{bias or 'missing'}; one row and one bias for each piece are expected"
        )
    part = tensors.get("part.down")
    if rows and part is not None and part.shape[2] != rows[1]:
        raise DataError(
            f"part and token patch are of different backbones, with hidden sizes {part.shape[2]} and {rows[1]}: "
            "get the record again"
        )
    if len(set(pieces)) != count:
        raise DataError("the token patch has a piece twice: every piece is expected once")
    for piece in pieces:
        if not 0 < len(piece) <= _LONGEST_PIECE or any(unicodedata.category(c) in ("Cc", "Cs") for c in piece):
            raise DataError(
                f"{piece!r} cannot be a piece of a token patch: 1 to {_LONGEST_PIECE} characters, none of them a "
                "control character, are expected"
            )


def _check_shift(tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Check that ids (n,), factors (n, s) and basis (s, h) belong together, and that the ids can be ids."""
    shapes = [tensors[f"shift.{end}"].shape if f"shift.{end}" in tensors else None for end in _SHIFT]
    ids, factors, basis = shapes
    if shapes == [None, None, None]:
        return
    if ids is None or len(ids) != 1 or not factors or not basis or factors != (*ids, basis[0]) or len(basis) != 2:
        told = ", ".join(f"{end} {shape or 'missing'}" for end, shape in zip(_SHIFT, shapes, strict=True))
        raise DataError(f"the shift does not fit together ({told}): (n,), (n, s) and (s, h) are expected")
    rows = tensors["shift.ids"]  # whole numbers, which fp32 holds exactly below 2^24
    if rows[0] < 0 or rows[-1] >= 2**24 or (rows != np.floor(rows)).any() or (np.diff(rows) <= 0).any():
        raise DataError("shift.ids are no token ids: whole numbers from 0, ascending, are expected")


def _check_part(part: str, tensors: Mapping[str, NDArray[np.float32]]) -> int:
    """Check the three tensors of one part against each other; return h."""
    shapes = [tensors[f"{part}.{end}"].shape if f"{part}.{end}" in tensors else None for end in _PART]
    down, bias, up = shapes
    if down is None or len(down) != 3 or bias != down[:2] or up != (down[0], down[2], down[1]):
        told = ", ".join(f"{end} {shape or 'missing'}" for end, shape in zip(_PART, shapes, strict=True))
        raise DataError(f"{part} does not fit together ({told}): (l, r, h), (l, r) and (l, h, r) are expected")
    return int(down[2])


_PART = ("down", "down_bias", "up")
_SHIFT = ("ids", "factors", "basis")
