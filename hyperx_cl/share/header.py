"""The header of a safetensors file from elsewhere, read and checked before any of its numbers are."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperx_cl.errors import DataError
from hyperx_cl.share.layout import MAX_HEADER, MAX_TENSORS

_WIDTH = {"F32": 4, "F16": 2}
_DIMENSIONS = 4


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of its tensors.

    Attributes:
        shapes: Tensor to shape.
        dtypes: Tensor to dtype, ``F16`` or ``F32``.
    """

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]

    @property
    def numbers(self) -> int:
        """Count of all numbers."""
        return sum(math.prod(shape) for shape in self.shapes.values())


def read_header(file: Path, source: str, *, dtypes: Collection[str], largest: int) -> Header:
    """Read the header alone.

    Args:
        file: The file.
        source: How messages call it.
        dtypes: What may be in it.
        largest: Most bytes of the whole file.

    Raises:
        DataError: It is larger than that, no such file, of other dtypes, or its tensors do not fill it exactly.
    """
    size = file.stat().st_size
    if size > largest:
        raise DataError(f"{source} has {size:,} bytes, at most {largest:,} are read: report it to whoever shared it")
    with file.open("rb") as data:
        length = int.from_bytes(data.read(8), "little")
        if size < 8 or length > min(MAX_HEADER, size - 8):
            raise _unreadable(source, "its header does not fit into it")
        text = data.read(length)
    try:
        told = dict(json.loads(text, object_pairs_hook=_once))
    except (ValueError, TypeError, RecursionError) as error:
        raise _unreadable(source, "its header is not JSON") from error
    told.pop("__metadata__", None)
    if not 0 < len(told) <= MAX_TENSORS:
        raise _unreadable(source, f"it has {len(told):,} tensors")
    return _checked(told, source, dtypes, size - 8 - length)


def _checked(told: Mapping[str, Any], source: str, dtypes: Collection[str], room: int) -> Header:
    shapes, kinds, spans = {}, {}, []
    for name, tensor in told.items():
        try:
            kind, shape, (start, end) = tensor["dtype"], tuple(tensor["shape"]), tensor["data_offsets"]
            fits = all(type(n) is int and n >= 0 for n in (*shape, start, end)) and len(shape) <= _DIMENSIONS
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(source, f"tensor {name[:80]!r} is not described") from error
        if kind not in dtypes:
            raise _unreadable(source, f"tensor {name[:80]!r} is of dtype {str(kind)[:16]}, not {' or '.join(dtypes)}")
        if not fits or end - start != math.prod(shape) * _WIDTH[kind]:
            raise _unreadable(source, f"tensor {name[:80]!r} has another size than its shape")
        shapes[name], kinds[name] = shape, kind
        spans.append((start, end))
    place = 0
    for start, end in sorted(spans):
        if start != place:
            raise _unreadable(source, "its tensors overlap or leave gaps")
        place = end
    if place != room:
        raise _unreadable(source, "its tensors do not fill it")
    return Header(shapes, kinds)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _unreadable(source: str, why: str) -> DataError:
    return DataError(f"{source} cannot be used, for {why}: get it again, or report it to whoever shared it")
