"""What records share: tensors are checked and frozen, hashes keep pieces apart."""

import hashlib
from typing import Any

import numpy as np
import pytest

from hyperx_cl.errors import DataError
from hyperx_cl.sealed import feed, feed_tensors, frozen, plain


def digest(*pieces: bytes) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        feed(found, piece)
    return found.hexdigest()


def test_pieces_do_not_run_together() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc") != digest(b"abc")


def test_shape_and_name_of_a_tensor_count() -> None:
    ones = np.ones((2, 3), np.float32)
    found = set()
    for tensors in ({"a": ones}, {"b": ones}, {"a": ones.T.copy()}, {"a": ones.ravel()}):
        sha = hashlib.sha256()
        feed_tensors(sha, tensors)
        found.add(sha.hexdigest())
    assert len(found) == 4


def test_a_tensor_is_copied_and_cannot_be_written() -> None:
    given = np.ones(3, np.float32)
    kept = frozen("x", given)
    given[0] = 2
    assert kept[0] == 1 and not kept.flags.writeable
    wrongs: list[Any] = [np.ones(3), np.ones(0, np.float32), np.full(3, np.inf, np.float32)]
    for wrong in wrongs:
        with pytest.raises(DataError, match="^x "):
            frozen("x", wrong)


def test_values_are_as_json_gives_them_back() -> None:
    assert plain({"a": (1, 2)}, "it") == {"a": [1, 2]}
    with pytest.raises(DataError, match="^it has to fit into JSON"):
        plain({"a": float("nan")}, "it")
