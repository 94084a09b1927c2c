"""`data`: what is typed is checked before the Hub is asked; fetching itself is in tests/data/hub."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--lang", "mt", "--task", "pso"], 3, "the Hub has no data for 'pso' (did you"),
        (["--lang", "none"], 2, "there is nothing to fetch: name languages with --lang"),
        (["--lang", "mttt"], 3, "'mttt' is not a language code"),
        (["--lang", "mt", "--max-lines", "0"], 2, "Invalid value for '--max-lines'"),
        (["--lang", "mt", "--task", "mlm", "--treebank", "mt_mudt"], 2, "--treebank mt_mudt: this is a treebank of"),
        (["--lang", "mt", "--treebank", "mt_a,mt_b"], 2, "--treebank mt_b: mt_a is of the same language"),
    ],
)  # fmt: skip
def test_wrong_words_are_refused(cli: Cli, home: Path, words: list[str], code: int, sentence: str) -> None:
    ended = cli("data", "get", *words)
    assert ended.code == code
    assert ended.err.startswith(f"Error: {sentence}")
    assert not (home / "data").exists()


def test_a_folder_of_one_s_own_is_listed(cli: Cli, root: Path) -> None:
    ended = cli("data", "list", "--data-dir", root)
    assert ended.out.splitlines()[:2] == [
        "task\tlanguage\tfiles\tfrom\tlicence", "pos\ten\ttrain, dev, test\tfiles of your own\t",
    ]  # fmt: skip
    assert cli("data", "list", "--data-dir", root, "--quiet").out.split() == [
        f"{task}:{code}" for task in ("pos", "ner", "mlm") for code in ("en", "mt", "tr")
    ]  # fmt: skip
    assert cli("data", "list", "--data-dir", root.parent / "nothing").code == 3


def test_nothing_is_listed_where_nothing_was_fetched(cli: Cli) -> None:
    assert cli("data", "list", "--json").data["data"] == []
