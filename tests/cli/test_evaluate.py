"""Scores from the command line: which pairs, in which form, and what is refused."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FAST = ("--samples", "20", "--precision", "fp32", "--device", "cpu")


def test_every_pair_with_a_file_as_json(cli: Cli, root: Path, stocked: Path) -> None:
    ended = cli("evaluate", "--data-dir", root, *FAST, "--json")
    assert ended.code == 0, ended.err
    assert list(ended.data) == ["schema_version", "about", "scores", "averages"]
    pairs = [(score["task"], score["language"]) for score in ended.data["scores"]]
    assert pairs == [("ner", "en"), ("ner", "tr"), ("pos", "en"), ("pos", "tr")]
    assert {score["version"] for score in ended.data["scores"]} == {1}
    assert ended.data["about"]["model"] == "tiny"
    assert "torch" in ended.data["about"]["versions"]
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["command"], set(run["metrics"])) == ("evaluate", {f"{task}:{code}" for task, code in pairs})
    assert cli("evaluate", "--data-dir", root, *FAST, "--format", "json").data["scores"] == ended.data["scores"]


def test_table_markdown_csv_and_quiet(cli: Cli, root: Path, stocked: Path) -> None:
    words = ("evaluate", "--data-dir", root, *FAST, "--lang", "eng", "--task", "pos", "--split", "dev")
    lines = cli(*words).out.splitlines()
    assert lines[0].startswith("language\tseen\tpos: ")
    assert lines[1].startswith("en v1\t")
    assert lines[-1].startswith("average of all\t")
    assert cli(*words, "--format", "markdown").out.startswith("| language | seen | pos: ")
    rows = list(csv.DictReader(io.StringIO(cli(*words, "--format", "csv").out)))
    assert [row["row"] for row in rows] == ["score", "average"]
    assert cli(*words, "--quiet").out.startswith("pos:en 0.")


def test_raw_text_is_scored_beside_gold_words(cli: Cli, root: Path, stocked: Path) -> None:
    words = ("evaluate", "--data-dir", root, *FAST, "--lang", "en", "--task", "pos", "--raw")
    found = cli(*words, "--json").data
    gold, aligned_words, aligned_tags = found["scores"]
    assert found["about"]["segmenters"] == {"en": "unicode"}
    assert (aligned_words["metric"], aligned_words["value"]) == ("Words aligned F1, raw text", 1.0)
    assert aligned_tags["metric"] == "UPOS aligned F1, raw text"
    assert 0 <= aligned_tags["value"] <= 1 and aligned_tags["words"] == gold["words"]
    assert "UPOS aligned F1" in cli(*words).out
    assert "UPOS aligned F1" in cli(*words, "--format", "csv").out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "--data-dir is missing"),
        (["--data-dir", "{root}", "--lang", "mt"], 3, "language 'mt' (Maltese) is not stored for model 'tiny'"),
        (["--data-dir", "{root}", "--task", "poss"], 3, "has no task 'poss' (did you mean 'pos'?)"),
        (["--data-dir", "{other}"], 3, "has no test file for"),
        (["--data-dir", "{broken}"], 6, "test.conllu, line 1: a CoNLL-U row has 10 columns"),
        (["--data-dir", "{root}", "--task", "ner", "--raw"], 2, "--raw scores parts of speech"),
    ],
)
def test_refused(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "other" / "ud").mkdir(parents=True)
    bad = tmp_path / "broken" / "ud" / "en" / "test.conllu"
    bad.parent.mkdir(parents=True)
    bad.write_text("1\tword\n\n")
    before = everything()
    places = {"root": root, "other": tmp_path / "other", "broken": tmp_path / "broken"}
    ended = cli("evaluate", *FAST, *(word.format(**places) for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before
