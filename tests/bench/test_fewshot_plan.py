"""The few-shot plan: which cells there are, what is drawn from, and what there are too few sentences for."""

from pathlib import Path

import pytest

from hyperx_cl.bench.fewshot_plan import FEW_METHODS, FewBench, FewCell, few_cells, pool
from hyperx_cl.bench.plan import Bench, Cell
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import UsageError
from tests.taggers import conllu


@pytest.fixture
def few(tmp_path: Path) -> FewBench:
    """A root in which hsb has 3 sentences to draw from, ta (its dev file) 2, and yo none."""
    for code, split, sentences in (
        ("hsb", "train", ("a b", "c d", "e f", "g h")), ("hsb", "test", ("g h", "i j")),
        ("ta", "dev", ("a b", "c d")), ("ta", "test", ("x y",)), ("yo", "test", ("a b",)),
        ("mt", "train", ("a b", "c d")),
    ):  # fmt: skip
        (tmp_path / "ud" / code).mkdir(parents=True, exist_ok=True)
        text = conllu(*sentences, tags=lambda word: "NOUN")
        (tmp_path / "ud" / code / f"{split}.conllu").write_text(text, encoding="utf-8")
    return FewBench(Bench("small", tmp_path, tmp_path / "work" / "main"))


def test_the_zero_shot_score_comes_first_and_the_default_has_more_sizes(few: FewBench) -> None:
    cells, without = few_cells(
        few, seeds=[1, 1], languages=["hsb"], tasks=["pos"], methods=["mean", "default"], sizes=[2], curve=[3], draws=2
    )
    assert without == []
    assert [cell.name for cell in cells] == [
        "1-hsb-pos-mean-0-0", "1-hsb-pos-mean-2-1", "1-hsb-pos-mean-2-2", "1-hsb-pos-default-0-0",
        "1-hsb-pos-default-2-1", "1-hsb-pos-default-2-2", "1-hsb-pos-default-3-1", "1-hsb-pos-default-3-2",
    ]  # fmt: skip


def test_what_there_are_too_few_sentences_for_is_named(few: FewBench) -> None:
    cells, without = few_cells(
        few, seeds=[1], languages=["hsb", "yo", "ta", "mt"], tasks=["pos"], methods=["default"], sizes=[2], curve=[3]
    )
    assert {(cell.language, cell.n) for cell in cells} == {("hsb", 0), ("hsb", 2), ("hsb", 3), ("ta", 0), ("ta", 2)}
    nothing = "it has no train or dev sentences besides its test file, or no test."
    assert without == [
        f"pos in yo: {nothing}", "pos in ta with n = 3: only 2 sentences can be drawn.", f"pos in mt: {nothing}",
    ]  # fmt: skip


def test_sentences_of_the_test_file_are_never_drawn(few: FewBench) -> None:
    root = DataRoot(few.bench.data)
    assert [s.words for s in pool(root, "pos", "hsb")] == [("a", "b"), ("c", "d"), ("e", "f")]
    assert [s.words for s in pool(root, "pos", "ta")] == [("a", "b"), ("c", "d")]


def test_a_cell_knows_what_it_goes_on_from() -> None:
    assert FewCell(2, "mt", "pos", "madx", 20, 3).added == Cell(2, "mt", "madx")
    assert FewCell(2, "mt", "pos", "full", 20, 3).added is None
    assert FewCell(2, "mt", "pos", "full", 0, 0).title == "full for pos in mt, seed 2, zero-shot"
    assert FewCell(2, "mt", "pos", "full", 20, 3).title.endswith("draw 3 of 20 sentences")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"methods": ["fulll"]}, r"unknown method 'fulll' \(did you mean 'full'"),
        ({"tasks": ["poss"]}, r"unknown task 'poss' \(did you mean 'pos'\?\): choose from pos, ner"),
        ({"languages": ["en"]}, "'en' is no new language of the bench"),
        ({"sizes": [1]}, "sizes of at least 2"),
        ({"draws": 0}, "at least 1 draw"),
    ],
)
def test_what_cannot_be_run_is_refused(few: FewBench, changes: dict[str, object], said: str) -> None:
    words: dict[str, object] = {"seeds": [1], "languages": ["hsb"], "tasks": ["pos"], "methods": FEW_METHODS,
                                "sizes": [2]}  # fmt: skip
    with pytest.raises(UsageError, match=said):
        few_cells(few, **(words | changes))  # type: ignore[arg-type]
