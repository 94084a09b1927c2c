"""`bench`: base runs, cells, table and plots from one command, which goes on where it was stopped."""

import json
import shutil
from pathlib import Path

import pytest

from hyperx_cl.bench.plan import FOLDS
from hyperx_cl.cli.app import run
from tests.bench.test_together import MAIN, SECOND
from tests.cli.conftest import Cli

CONFIG = """
[model]
projected = 4
bottleneck = 4
source_hidden = 8
[train]
steps = 4
warmup = 1
validate_every = 2
checkpoint_every = 2
max_tokens = 160
max_length = 40
precision = "fp32"
[add_language]
steps = 4
warmup = 1
mixture_steps = 2
check_every = 2
max_tokens = 160
max_length = 40
sample = 8
precision = "fp32"
[fewshot]
rank = 2
folds = 2
epochs = 2
max_tokens = 160
max_length = 40
precision = "fp32"
"""


@pytest.fixture(scope="module")
def data(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that has what the third fold asks for, under real codes, out of three invented languages."""
    folder = tmp_path_factory.mktemp("bench-data")
    fold = FOLDS["third"]
    for code in {code for codes in fold.sources.values() for code in codes} | {"is", "gn"}:
        source = code if (root / "ud" / code).is_dir() else "mt"
        for kind in ("ud", "ner"):
            shutil.copytree(root / kind / source, folder / kind / code)
        (folder / "mlm").mkdir(exist_ok=True)
        shutil.copy(root / "mlm" / f"{source}.txt", folder / "mlm" / f"{code}.txt")
    return folder


@pytest.fixture(scope="module")
def shared(tiny_backbone: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, ...]:
    """What the commands of a bench have in common: backbone, data, settings and fold."""
    config = tmp_path_factory.mktemp("bench-config") / "bench.toml"
    config.write_text(CONFIG)
    return "--backbone", tiny_backbone, "--data-dir", data, "--config", config, "--fold", "third"


@pytest.fixture(scope="module")
def kept(shared: tuple[str | Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cells of one language and its table under kept/ and results/, and all of the work in work/."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(folder / "home"))
        assert run([str(word) for word in ("bench", "add-language", *shared, *compared(folder), "--quiet")]) == 0
    return folder


def compared(folder: Path) -> tuple[str | Path, ...]:
    """The words of the command whose cells `kept` has."""
    return (
        "--lang", "is", "--method", "mean,nearest,default", "--work-dir", folder / "work", "--keep", folder / "kept",
        "--results", folder / "results" / "add_language", "--plots",
    )  # fmt: skip


def going_on(kept: Path, mine: Path) -> tuple[str | Path, ...]:
    """The words to go on from there, with a copy of the cells."""
    return "--work-dir", kept / "work", "--keep", shutil.copytree(kept / "kept", mine / "kept")


@pytest.mark.long
def test_one_command_runs_everything_once_and_writes_the_table(
    cli: Cli, shared: tuple[str | Path, ...], kept: Path, tmp_path: Path
) -> None:
    results = kept / "results" / "add_language"
    cells = {file.stem: file.read_bytes() for file in (kept / "kept" / "third" / "cells").iterdir()}
    assert set(cells) == {f"1-is-{name}" for name in ("mean", "nearest", "default")}
    table = json.loads(results.with_suffix(".json").read_text())
    rows, default = table["rows"], json.loads(cells["1-is-default"])
    assert rows["mean"]["numbers"] == rows["mean"]["tokens"] == 0
    assert rows["default"]["numbers"] > 0
    assert [c["method"] for c in table["compared"] if c["task"] == "pos"] == ["default"]
    assert len(default["counts"]["pos"]["of"]) == 8  # the test file alone
    assert len(default["counts"]["ner"]["of"]) == 30 + 8 + 8  # all files of a language that nothing was learnt from
    assert default["facts"]["proof"] and len(default["curve"]) == 2
    assert table["about"]["machines"][0]["cores"] and table["missing"] == []
    assert [cell["method"] for cell in table["cells"] if cell["curve"]] == ["default"]
    assert (kept / "work" / "third" / "records" / f"{default['facts']['record']}.safetensors").is_file()
    drawn = {file.name: file.read_bytes() for file in results.parent.glob("*.svg")}
    assert sorted(drawn) == [f"add_language-{name}.svg" for name in ("curves", "loss", "scores")]
    assert results.with_suffix(".md").read_text().startswith("## Final languages: is")

    plotted = cli("bench", "plot", results.with_suffix(".json"), "--out", tmp_path / "plots", "--json")
    assert len(plotted.data["files"]) == 3
    assert {file.name: file.read_bytes() for file in (tmp_path / "plots").iterdir()} == drawn

    shutil.copytree(kept / "kept", tmp_path / "kept")  # what is done needs nothing any more
    again = cli("bench", "add-language", *shared, *compared(tmp_path))
    assert again.code == 0, again.err
    assert "3 cells of 3 are done" in again.out and "is" in again.out
    assert {file.stem: file.read_bytes() for file in (tmp_path / "kept" / "third" / "cells").iterdir()} == cells
    assert not (tmp_path / "work" / "third" / "base-1").exists()


@pytest.mark.long
def test_few_shot_goes_on_from_what_was_added(
    cli: Cli, shared: tuple[str | Path, ...], kept: Path, tmp_path: Path
) -> None:
    results, mine = tmp_path / "few.json", (*shared, "--lang", "is", "--method", "mean")
    words = ("bench", "few-shot", *mine, "--task", "pos", "--n", "4,99", "--draws", "1", "--results", results)
    refused = cli(*words, "--work-dir", tmp_path / "work")
    assert refused.code == 3 and "There is no cell '1-is-mean'" in refused.err
    assert "hyperx-cl bench add-language --fold third --lang is --method mean --seeds 1" in refused.err
    ended = cli(*words, *going_on(kept, tmp_path), "--plots")
    assert ended.code == 0, ended.err
    assert "not measured: pos in is with n = 99: only " in ended.err
    assert "2 cells of 2 are done" in ended.out and "| mean | 4 | " in ended.out
    table = json.loads(results.read_text())
    (row,) = table["rows"]
    assert (row["method"], row["n"], row["draws"]) == ("mean", 4, {"1": 1}) and len(row["sentences"]["1"]) == 4
    assert table["about"]["fewshot"]["epochs"] == 2 and len(table["without"]) == 1
    assert (tmp_path / "few-sizes.svg").is_file() and "Not measured:" in (tmp_path / "few.md").read_text()


@pytest.mark.long
def test_a_stream_is_added_from_what_was_learnt(
    cli: Cli, shared: tuple[str | Path, ...], kept: Path, tmp_path: Path
) -> None:
    results = tmp_path / "stream.json"
    words = ("bench", "stream", *shared, "--lang", "gn,is", "--results", results)
    refused = cli(*words, "--work-dir", tmp_path / "work")
    assert refused.code == 3 and "There is no cell '1-gn-default'" in refused.err
    assert "hyperx-cl bench add-language --fold third --lang gn --method default --seeds 1" in refused.err
    mine = going_on(kept, tmp_path)
    words = (*words, *mine)
    learnt = cli("bench", "add-language", *shared, "--lang", "gn", "--method", "default", *mine)
    assert learnt.code == 0, learnt.err
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert "3 cells of 3 are done" in ended.out and "## POS, seed 1" in ended.out
    table = json.loads(results.read_text())
    assert [(found["task"], found["languages"]) for found in table["streams"]] == [
        ("pos", ["gn", "is"]),
        ("ner", ["gn", "is"]),
    ]
    assert all(found["summary"]["bwt"] == 0 and not found["changed"]["sentences"] for found in table["streams"])
    assert all(taken["proof"]["holds"] for taken in table["steps"][1:])
    assert results.with_suffix(".md").read_text().startswith("## What additions do to each other")
    again = cli(*words, "--quiet")
    assert again.out.split() == [f"1-default-gn+is-{number}" for number in range(3)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lang", "hsb"), "a stream of 1 languages forgets nothing"),
        (("--method", "madx"), "'madx' gives no language of its own to the joint model"),
        (("--seeds", "x"), "--seeds x: give whole numbers"),
    ],
)
def test_what_is_no_stream_is_refused(
    cli: Cli, tiny_backbone: Path, root: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    shared = ("--backbone", tiny_backbone, "--data-dir", root, "--work-dir", tmp_path / "w")
    ended = cli("bench", "stream", *shared, *words)
    assert ended.code == 2 and said in ended.err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fold", "mian"), "unknown fold 'mian' (did you mean 'main'"),
        (("--lang", "en"), "'en' is no new language of the bench"),
        (("--seeds", "a"), "--seeds a: give whole numbers"),
        (("--seed", "3"), "give them all with --seeds"),
        (("--plots",), "say where with --results"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    cli: Cli, tiny_backbone: Path, root: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = cli(
        "bench", "add-language", "--backbone", tiny_backbone, "--data-dir", root, "--work-dir", tmp_path / "w", *words
    )
    assert ended.code == 2 and said in ended.err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "poss"), "unknown task 'poss' (did you mean 'pos'"),
        (("--method", "fulll"), "unknown method 'fulll' (did you mean 'full'"),
        (("--n", "x"), "--n x: give whole numbers"),
        (("--n", "1"), "sizes of at least 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    cli: Cli, tiny_backbone: Path, root: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    shared = ("--backbone", tiny_backbone, "--data-dir", root, "--work-dir", tmp_path / "w")
    ended = cli("bench", "few-shot", *shared, *words)
    assert ended.code == 2 and said in ended.err
    assert not (tmp_path / "w").exists()


def test_plots_of_another_file_are_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    ended = cli("bench", "plot", tmp_path / "x.json")
    assert ended.code == 6 and "is not what a bench of this version writes" in ended.err
    assert cli("bench", "plot", tmp_path / "none.json").code == 3


def test_folds_are_held_together(cli: Cli, tmp_path: Path) -> None:
    for number, table in enumerate((MAIN, SECOND)):
        (tmp_path / f"{number}.json").write_text(json.dumps(table))
    ended = cli("bench", "together", tmp_path / "0.json", tmp_path / "1.json", "--results", tmp_path / "all")
    assert ended.code == 0 and "Wilcoxon's signed-rank test" in ended.out
    kept = json.loads((tmp_path / "all.json").read_text())
    assert kept["folds"] == ["main", "second"] and "## Default against madx" in (tmp_path / "all.md").read_text()
    twice = cli("bench", "together", tmp_path / "0.json", tmp_path / "0.json")
    assert twice.code == 6 and "give one of each fold" in twice.err
