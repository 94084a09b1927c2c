"""The header of a safetensors file from elsewhere, read and checked before any of its numbers are."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperx_cl.errors import DataError
from hyperx_cl.foreign import read_json
from hyperx_cl.share.layout import MAX_HEADER, MAX_TENSORS

_WIDTH = {"F32": 4, "F16": 2}
_DIMENSIONS = 4


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of its tensors.

    Attributes:
        shapes: Tensor to shape.
        dtypes: Tensor to dtype, ``F16`` or ``F32``.
        spans: Tensor to the bytes of the file that hold it, first and behind the last.
    """

    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    spans: Mapping[str, tuple[int, int]]

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
        return header_in(data.read, size, source, dtypes=dtypes)


def header_in(read: Callable[[int], bytes], size: int, source: str, *, dtypes: Collection[str]) -> Header:
    """Read the header of a file that comes in pieces.

    Args:
        read: Gives its next so many bytes.
        size: Of the whole file.
        source: How messages call it.
        dtypes: What may be in it.

    Raises:
        DataError: As `read_header`.
    """
    length = int.from_bytes(read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise _unreadable(source, "its header does not fit into it")
    try:
        told = dict(read_json(read(length)))
    except (ValueError, TypeError) as error:
        raise _unreadable(source, "its header is no JSON that can be relied on") from error
    told.pop("__metadata__", None)
    if not 0 < len(told) <= MAX_TENSORS:
        raise _unreadable(source, f"it has {len(told):,} tensors")
    return _checked(told, source, dtypes, 8 + length, size)


def _checked(told: Mapping[str, Any], source: str, dtypes: Collection[str], first: int, size: int) -> Header:
    """Check what a header tells of a file of so many bytes, whose numbers begin at `first`."""
    shapes, kinds, spans = {}, {}, {}
    for name, tensor in told.items():
        try:
            kind, shape, (start, end) = tensor["dtype"], tuple(tensor["shape"]), tensor["data_offsets"]
            fits = all(type(n) is int and n >= 0 for n in (*shape, start, end)) and len(shape) <= _DIMENSIONS
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(source, f"tensor {name[:80]!r} is not described") from error
        if kind not in dtypes:
            raise _unreadable(source, f"tensor {name[:80]!r} is of dtype {str(kind)[:16]}, not {' or '.join(dtypes)}")
        if not fits or 0 in shape or end - start != math.prod(shape) * _WIDTH[kind]:
            raise _unreadable(source, f"tensor {name[:80]!r} has another size than its shape")
        shapes[name], kinds[name] = shape, kind
        spans[name] = first + start, first + end
    place = first
    for start, end in sorted(spans.values()):
        if start != place:
            raise _unreadable(source, "its tensors overlap or leave gaps")
        place = end
    if place != size:
        raise _unreadable(source, "its tensors do not fill it")
    return Header(shapes, kinds, spans)


def _unreadable(source: str, why: str) -> DataError:
    return DataError(f"{source} cannot be used, for {why}: get it again, or report it to whoever shared it")
