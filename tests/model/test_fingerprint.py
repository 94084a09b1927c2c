"""Fingerprints: names, shapes and numbers count; order, type and strides do not."""

from pathlib import Path

import pytest
import torch

from hyperx_cl.model.fingerprint import cached_fingerprint, fingerprint

A, B = torch.arange(6.0).reshape(2, 3), torch.tensor([0.5, -2.0])


def test_order_type_and_strides_do_not_count() -> None:
    mark = fingerprint({"a": A, "b": B})
    assert len(mark) == 64
    assert fingerprint({"b": B, "a": A}) == mark
    assert fingerprint({"a": A.bfloat16(), "b": B.double()}) == mark
    assert fingerprint({"a": A.T.contiguous().T, "b": B.requires_grad_()}) == mark


@pytest.mark.parametrize(
    "other",
    [{"a": A}, {"a": A, "c": B}, {"a": A.reshape(3, 2), "b": B}, {"a": A, "b": -B}, {"a": A, "b": B, "c": B[:0]}],
)
def test_names_shapes_and_numbers_count(other: dict[str, torch.Tensor]) -> None:
    assert fingerprint(other) != fingerprint({"a": A, "b": B})


def test_what_else_belongs_to_the_identity_counts() -> None:
    assert fingerprint({"a": A}, extra="{}") != fingerprint({"a": A})


def test_remembered_under_a_stamp(home: Path) -> None:
    mark = cached_fingerprint({"a": A}, stamp="one")
    assert (
        mark == fingerprint({"a": A}) == cached_fingerprint({"a": B}, stamp=None).replace(fingerprint({"a": B}), mark)
    )
    assert cached_fingerprint({"a": A + 1}, stamp="one") == mark
    assert cached_fingerprint({"a": A + 1}, stamp="two") == fingerprint({"a": A + 1})
    for file in (home / "cache" / "fingerprints").iterdir():
        file.write_text("cut off")
    assert cached_fingerprint({"a": A + 2}, stamp="one") == fingerprint({"a": A + 2})


def test_a_cache_that_cannot_be_written_is_done_without(home: Path) -> None:
    (home / "cache").write_text("a file where the folder should be")
    assert cached_fingerprint({"a": A}, stamp="one") == fingerprint({"a": A})
