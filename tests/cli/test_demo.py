"""The demo from the command line: it says that it is synthetic, and leaves a registry that the other commands read."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.mark.slow
def test_what_the_demo_leaves_can_be_used(cli: Cli, home: Path, tmp_path: Path) -> None:
    done = cli("demo", "--output-dir", tmp_path / "demo", "--json", "--quiet")
    assert done.code == 0, done.err
    assert done.data["synthetic"] is True
    assert done.data["proof"] is True
    assert Path(done.data["picture"]).read_text(encoding="utf-8").startswith("<svg")
    language, registry = done.data["language"], done.data["registry"]
    history = cli("languages", "history", language, "--registry", registry, "--json").data["versions"]
    assert [version["method"] for version in history] in (["mlm"], ["mlm", "fewshot"])
    scored = cli(
        "evaluate", "--registry", registry, "--data-dir", tmp_path / "demo" / "data", "--lang", language,
        "--samples", "9", "--json",
    )  # fmt: skip
    assert scored.code == 0, scored.err
    assert {score["task"] for score in scored.data["scores"]} == {"pos", "ner"}
    assert list(home.glob("registry*")) == []  # the user's own registry is not touched
