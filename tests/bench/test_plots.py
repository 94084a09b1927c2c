"""The plots: drawn from the results file alone, the same bytes every time, one sentence where they cannot be drawn."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.bench import plots
from hyperx_cl.bench.plots import draw
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from tests.bench.realistic import add_language_results, few_shot_results


def written(table: dict[str, Any], folder: Path) -> Path:
    """A results file."""
    file = folder / "league.json"
    file.write_text(json.dumps(table), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Results of two languages and four methods."""
    return add_language_results(languages=["hsb", "mt"], methods=["mean", "default", "vector", "madx"])


def test_the_same_file_gives_the_same_bytes(few: dict[str, Any], tmp_path: Path) -> None:
    file = written(few, tmp_path)
    first = {made.name: made.read_bytes() for made in draw(file)}
    assert list(first) == ["league-curves.svg", "league-scores.svg", "league-loss.svg"]
    assert {made.name: made.read_bytes() for made in draw(file, tmp_path / "again")} == first
    for svg in first.values():
        assert svg.startswith(b"<?xml") and b"<dc:date>" not in svg and str(tmp_path).encode() not in svg


def test_few_shot_results_give_one_plot(tmp_path: Path) -> None:
    assert [made.name for made in draw(written(few_shot_results(), tmp_path))] == ["league-sizes.svg"]


def test_panels_say_what_they_show(few: dict[str, Any]) -> None:
    figure = plots.curves(few)
    assert figure is not None
    assert [axis.get_title() for axis in figure.axes] == ["hsb", "mt", "", ""]
    assert figure.axes[0].get_ylabel() == "MLM loss on the stop part, nats"
    assert figure.axes[2].get_ylabel() == "POS accuracy, %"
    assert {axis.get_xlabel() for axis in figure.axes} == {"tokens processed, thousands"}
    (watched,) = figure.axes[2].get_lines()[:1]
    assert np.asarray(watched.get_xdata()).size == 6  # of 17 looks, those that were scored
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["mean", "default", "vector", "madx"]
    scores = plots.scores(few)
    assert scores is not None
    assert [axis.get_title() for axis in scores.axes] == [
        "development languages: hsb", "final languages: mt", "final languages: mt",
    ]  # fmt: skip
    assert [tick.get_text() for tick in scores.axes[0].get_yticklabels()] == ["mean", "default", "vector", "madx"]
    losses = plots.losses(few)
    assert losses is not None and len(losses.axes) == 3  # hsb has no NER
    assert {axis.get_xlabel() for axis in losses.axes} == {"MLM loss on the report part, nats"}


def test_methods_that_share_their_learning_share_a_line(few: dict[str, Any]) -> None:
    twins = [cell | {"method": "no-self"} for cell in few["cells"] if cell["method"] == "default"]
    both = few | {"cells": [*twins, *few["cells"]], "rows": {"no-self": few["rows"]["default"]} | few["rows"]}
    figure, alone = plots.curves(both), plots.curves(few)
    assert figure is not None and alone is not None
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "mean", "default, no-self", "vector", "madx",
    ]  # fmt: skip
    assert [len(axis.get_lines()) for axis in figure.axes] == [len(axis.get_lines()) for axis in alone.axes]


def test_a_method_on_fewer_languages_is_marked() -> None:
    table = add_language_results(languages=["mt", "ug"], methods=["mean"])
    fewer = add_language_results(languages=["mt"], methods=["vector"])
    merged = table | {"macro": [*table["macro"], *fewer["macro"]], "rows": table["rows"] | fewer["rows"]}
    figure = plots.scores(merged)
    assert figure is not None
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["mean", "vector (mt only)"]


def test_methods_differ_in_more_than_colour_and_the_default_is_plain() -> None:
    looks = plots._looks([f"m{number}" for number in range(20)] + ["default"])
    assert looks["default"] == {"color": "#000000", "marker": "o", "linestyle": "-", "fillstyle": "full"}
    assert len({(look["marker"], look["fillstyle"]) for look in looks.values()}) == 21


def test_what_there_is_nothing_for_is_left_out(tmp_path: Path) -> None:
    controls = add_language_results(seeds=[1], languages=["hsb"], methods=["mean"])
    assert [made.name for made in draw(written(controls, tmp_path))] == ["league-scores.svg", "league-loss.svg"]
    assert draw(written(add_language_results(methods=[]), tmp_path)) == []


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"rows": {}}', '{"bench": "add-language", "rows": {}}', '{"bench": "few-shot", "rows": [{}]}']
)
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "league.json"
    file.write_text(text)
    with pytest.raises(DataError, match=re.escape(f"{file} is not what a bench of this version writes")):
        draw(file)
    with pytest.raises(NotFoundError, match="There is no results file"):
        draw(tmp_path / "none.json")


def test_without_matplotlib_one_sentence_says_what_to_install(
    few: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=re.escape("pip install 'hyperx-cl[plot]'")):
        draw(written(few, tmp_path))
