"""The demo from the command line: what it leaves in the registry, and whose model it does not replace."""

from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli


def test_a_model_of_that_name_is_not_replaced(cli: Cli, stocked: Path) -> None:
    with Registry.open() as registry:
        known = registry.model()
        registry.add_model("demo", "cd" * 32, "/models/mine", known.backbone, known.config)
    ended = cli("demo")
    assert (ended.code, ended.out) == (4, "")
    assert "the name 'demo' belongs to the model in /models/mine: forget it with" in ended.err
    assert not (stocked / "demo").exists()


@pytest.mark.slow
def test_model_and_languages_are_kept_and_a_second_demo_takes_their_place(cli: Cli, home: Path) -> None:
    done = cli("demo", "--json", "--quiet")
    assert done.code == 0, done.err
    assert list(done.data) == [
        "schema_version", "synthetic", "model", "folder", "language", "rows", "picture", "seconds",
    ]  # fmt: skip
    assert done.data["synthetic"] is True
    assert (home / "demo" / "languages.svg").is_file()
    language = done.data["language"]
    methods = [version["method"] for version in cli("languages", "history", language, "--json").data["versions"]]
    assert methods in (["mlm"], ["mlm", "fewshot"])
    tagged = cli("evaluate", "--data-dir", home / "demo" / "data", "--lang", language, "--samples", "20", "--json")
    assert {score["task"] for score in tagged.data["scores"]} == {"pos", "ner"}
    assert cli("demo", "--seed", "2", "--quiet").out == "demo\n"
    assert cli("models", "list", "--quiet").out == "demo\n"
