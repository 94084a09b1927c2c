"""What does not fit a model, or is beyond all bounds, is refused."""

from dataclasses import replace

import numpy as np
import pytest

from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.share.verify import Fits, expect_bounds, expect_fits, expect_task_fits
from tests.sharing import HIDDEN, LAYERS, WIDTH, language, task

MARK = "a1" * 32
FITS = Fits(WIDTH, LAYERS, HIDDEN, 200, ("pos", "mlm"))


def test_a_language_and_a_task_of_the_model_fit() -> None:
    for fits in (FITS, Fits(None, None, None, None, None)):
        expect_fits(language(MARK), fits, "it")
        expect_task_fits(task(MARK), fits, "it")
    expect_bounds(language(MARK), "it")
    expect_bounds(task(MARK), "it")


@pytest.mark.parametrize(
    "fits",
    [replace(FITS, embedding=63), replace(FITS, layers=1), replace(FITS, hidden=31), replace(FITS, vocabulary=130)],
)
def test_another_size_is_refused(fits: Fits) -> None:
    with pytest.raises(DataError, match="does not fit"):
        expect_fits(language(MARK), fits, "it")


def test_a_task_that_the_model_has_not_is_said() -> None:
    record = language(MARK)
    paired = replace(record, tensors={**record.tensors, "pair.number.embedding": np.ones(WIDTH, np.float32)})
    with pytest.raises(ConflictError, match="'number'"):
        expect_fits(paired, FITS, "it")
    expect_fits(paired, replace(FITS, tasks=("number",)), "it")
    with pytest.raises(DataError, match="does not fit"):
        expect_task_fits(task(MARK), replace(FITS, hidden=8), "it")


def test_a_code_that_is_not_the_canonical_one_is_refused() -> None:
    with pytest.raises(DataError, match="'mt'"):
        expect_fits(language(MARK, "mlt"), FITS, "it")


@pytest.mark.parametrize("value", [101.0, 1e30])
def test_numbers_beyond_the_bounds_are_refused_and_ids_are_none(value: float) -> None:
    record = language(MARK)
    wild = replace(record, tensors={**record.tensors, "part.up": np.full((2, HIDDEN, 4), value, np.float32)})
    with pytest.raises(DataError, match=r"part.up has a (root mean square|number) of .*where at most"):
        expect_bounds(wild, "it")
    ids = replace(record, tensors={**record.tensors, "shift.ids": np.array([5, 7, 119_000], np.float32)})
    expect_bounds(ids, "it")
