"""Headers of safetensors files are read within limits, and refused where they do not add up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from hyperx_cl.errors import DataError
from hyperx_cl.share.header import Header, read_header

GOOD = save({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float16)})


def read(folder: Path, data: bytes, largest: int = 10_000) -> Header:
    """Read the header of some bytes."""
    file = folder / "file"
    file.write_bytes(data)
    return read_header(file, "it", dtypes=("F16", "F32"), largest=largest)


def built(told: Any, numbers: int) -> bytes:
    """A file with that header and so many bytes behind it."""
    text = told if isinstance(told, bytes) else json.dumps(told).encode()
    return len(text).to_bytes(8, "little") + text + bytes(numbers)


def tensor(shape: list[Any], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_a_header_tells_of_all_tensors(tmp_path: Path) -> None:
    header = read(tmp_path, GOOD)
    assert (dict(header.shapes), header.numbers) == ({"a": (2, 3), "b": (4,)}, 10)
    with pytest.raises(DataError, match="at most 20 are read"):
        read(tmp_path, GOOD, largest=20)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 7, (2**62).to_bytes(8, "little") + GOOD, GOOD[:-1], GOOD + b"\0", built(b"[", 0), built([], 0),
        built({}, 0), built({"a": 1}, 0), built({"a": tensor([2], 0, 9)}, 9), built({"a": tensor([2], 4, 12)}, 12),
        built({"a": tensor([-1, -2], 0, 8)}, 8), built({"a": tensor([True], 0, 4)}, 4),
        built({"a": tensor([2.0], 0, 8)}, 8),
        built({"a": tensor([1], 0, 8, "F64")}, 8), built({"a": tensor([1], 0, 4), "b": tensor([1], 0, 4)}, 4),
        built({"a": tensor([1] * 9, 0, 4)}, 4), built(b'{"a": {}, "a": {}}', 0), built(b"[" * 100_000, 0),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError):
        read(tmp_path, data)


@given(place=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_no_byte_leads_to_anything_but_a_header_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    data = bytearray(GOOD)
    data[place] = value
    try:
        read(tmp_path_factory.getbasetemp(), bytes(data))
    except DataError as error:
        assert str(error).startswith("it ")
