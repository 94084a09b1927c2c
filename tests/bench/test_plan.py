"""The plan: which cells there are, and that no fold teaches from a language that it holds to be new."""

import pytest

from hyperx_cl.bench.plan import CONTROLS, DEFAULT, FOLDS, METHODS, Cell, cells
from hyperx_cl.config import AddOptions
from hyperx_cl.errors import UsageError


def test_cells_come_seed_by_seed_and_once() -> None:
    found = cells(FOLDS["main"], [2, 1, 2], ["mt", "ug", "mt"], ["mean", "default"])
    assert found[:2] == [Cell(2, "mt", "mean"), Cell(2, "mt", "default")]
    assert len(found) == len(set(found)) == 8 and {cell.seed for cell in found[:4]} == {2}
    assert found[0].name == "2-mt-mean"


@pytest.mark.parametrize(
    ("languages", "methods", "said"),
    [
        (["en"], ["mean"], "'en' is no new language of the bench: choose from hsb"),
        (["mt"], ["medn"], r"unknown method 'medn' \(did you mean 'mean'"),
    ],
)
def test_what_is_unknown_is_refused(languages: list[str], methods: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cells(FOLDS["main"], [1], languages, methods)


@pytest.mark.parametrize("name", FOLDS)
def test_no_fold_teaches_a_task_in_a_new_language(name: str) -> None:
    fold = FOLDS[name]
    taught = {code for codes in fold.sources.values() for code in codes}
    assert taught and not taught & {*fold.new, *fold.left_out}
    assert set(fold.groups) == {group for group in ("development", "final") if getattr(fold, group)}


def test_the_default_is_add_language_as_it_is_and_the_controls_learn_nothing() -> None:
    assert METHODS[DEFAULT].options == {} and METHODS[DEFAULT].kind == "learnt"
    assert all(METHODS[name].kind == "control" for name in CONTROLS)
    for method in METHODS.values():
        AddOptions(**method.options)
        assert (method.kind == "madx") == (method.over == "madx") and (method.kind == "own") == (method.over == "joint")


def test_after_the_last_new_language_comes_the_first() -> None:
    fold = FOLDS["main"]
    assert [fold.after(code) for code in fold.new] == [*fold.new[1:], fold.new[0]]
