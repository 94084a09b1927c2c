"""Scores from the command line: which pairs, in which form, and what is refused."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.data.text import read_text
from tests.cli.conftest import Cli

LANGUAGES = ("en", "tr")

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
    named = {f"{task}:{code}" for task, code in pairs}
    assert (run["command"], set(run["metrics"])) == ("evaluate", {*named, "scored"})
    told = {f"{score['task']}:{score['language']}": score for score in run["metrics"]["scored"]}
    assert {name: score["value"] for name, score in told.items()} == {name: run["metrics"][name] for name in named}
    assert all(score["metric"] and score["low"] <= score["value"] <= score["high"] for score in told.values())
    assert run["config"]["threads"] >= 1
    data = DataRoot(root)
    assert run["data_hashes"] == {
        f"{task.name}:{code}": content_hash(data.load(task, code, "test")) for task in (NER, POS) for code in LANGUAGES
    }
    assert cli("evaluate", "--data-dir", root, *FAST, "--format", "json").data["scores"] == ended.data["scores"]


def test_table_markdown_csv_and_quiet(cli: Cli, root: Path, stocked: Path) -> None:
    words = ("evaluate", "--data-dir", root, *FAST, "--lang", "eng", "--task", "pos", "--split", "dev")
    lines = cli(*words).out.splitlines()
    assert lines[0].startswith("language\tseen\tpos: ")
    assert lines[0].endswith("\twords with UNK, %\tpieces per word")
    unknown, pieces = (float(cell) for cell in lines[1].split("\t")[-2:])
    (measured,) = cli(*words, "--json").data["scores"]
    assert unknown == round(100 * measured["unknown_rate"], 1) and pieces == round(measured["pieces_per_word"], 2) > 1
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


@pytest.fixture
def some(root: Path, tmp_path: Path) -> Path:
    """A data root with parts of speech in English alone, and text of both languages."""
    shutil.copytree(root / "ud" / "en", tmp_path / "some" / "ud" / "en")
    shutil.copytree(root / "mlm", tmp_path / "some" / "mlm")
    return tmp_path / "some"


def test_what_was_asked_for_and_has_no_file_is_said(cli: Cli, some: Path, stocked: Path) -> None:
    words = ("evaluate", "--data-dir", some, *FAST, "--json")
    both = cli(*words, "--lang", "en,tr", "--task", "pos,mlm")
    assert both.code == 0, both.err
    assert [(s["task"], s["language"]) for s in both.data["scores"]] == [("pos", "en"), ("mlm", "en"), ("mlm", "tr")]
    assert "No test file for pos in tr: left out.\n" in both.err
    hashes = cli("runs", "list", "--json").data["runs"][0]["data_hashes"]
    assert hashes["mlm:tr"] == read_text(some / "mlm" / "tr.txt").sha256
    english = cli(*words, "--lang", "en", "--split", "dev")
    assert english.code == 0 and "No dev file for ner in en: left out.\n" in english.err
    tasks = cli(*words, "--task", "pos,ner")
    assert tasks.code == 0 and "No test file for ner in any language: left out.\n" in tasks.err
    everything = cli(*words)
    assert everything.code == 0 and "left out" not in everything.err  # nothing was asked for by name


def test_a_language_without_any_file_is_refused(cli: Cli, some: Path, stocked: Path, everything: Picture) -> None:
    before = everything()
    ended = cli("evaluate", "--data-dir", some, *FAST, "--lang", "en,tr", "--task", "pos")
    assert (ended.code, ended.out) == (3, "")
    sentence = f"Error: {some} has no test file for pos in tr: of the model's languages it has one for en\n"
    assert ended.err == sentence
    assert everything() == before


def test_labels_are_renamed(cli: Cli, root: Path, some: Path, stocked: Path) -> None:
    words = ("--lang", "en", "--task", "pos", *FAST)
    file = some / "ud" / "en" / "test.conllu"
    file.write_text(file.read_text().replace("\tNOUN\t", "\tSUBST\t"))
    refused = cli("evaluate", "--data-dir", some, *words)
    assert refused.code == 6 and "rename it with --label-map SUBST=" in refused.err
    for flag in ("SUBST=NOUN", "pos:SUBST=NOUN"):
        mapped = cli("evaluate", "--data-dir", some, *words, "--label-map", flag, "--json")
        assert mapped.code == 0, mapped.err
        assert mapped.data["scores"] == cli("evaluate", "--data-dir", root, *words, "--json").data["scores"]
        assert mapped.data["about"]["label_map"] == [flag]
    odd = cli("evaluate", "--data-dir", some, *words, "--label-map", "SUBST")
    assert odd.code == 2 and "--label-map SUBST: this is not of the form OLD=NEW" in odd.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "there is nothing to score on: name languages with --lang"),
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
