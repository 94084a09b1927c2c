"""`models` and `runs`: keys, ids, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
KEYS = ["name", "fingerprint", "path", "backbone", "created", "default", "tasks"]


@pytest.fixture
def second(stocked: Path) -> None:
    """A second model in the registry."""
    with Registry.open() as registry:
        known = registry.model("tiny")
        registry.add_model("other", "cd" * 32, "/models/other", known.backbone, known.config)


@pytest.mark.usefixtures("second")
def test_list_and_use(cli: Cli) -> None:
    listed = cli("models", "list", "--json").data
    assert list(listed) == ["schema_version", "models"]
    assert [list(model) for model in listed["models"]] == [[*KEYS, "languages"]] * 2
    assert [(m["name"], m["default"], m["languages"]) for m in listed["models"]] == [
        ("tiny", True, 2),
        ("other", False, 0),
    ]
    assert cli("models", "use", "other").out == "other is the default model now\n"
    assert [line[:6] for line in cli("models", "list").out.splitlines()[1:]] == ["\ttiny\t", "*\tothe"]
    assert cli("models", "list", "-q").out == "tiny\nother\n"


def test_show(cli: Cli, stocked: Path) -> None:
    shown = cli("models", "show", "--json").data
    assert list(shown) == ["schema_version", "model"]
    assert list(shown["model"]) == [*KEYS, "config", "languages"]
    assert shown["model"]["languages"] == ["en", "tr"]
    assert "option projected\t4" in cli("models", "show", "tiny").out


def test_remove_asks_and_keeps_files(cli: Cli, stocked: Path, everything: Picture) -> None:
    path = Path(cli("models", "show", "--json").data["model"]["path"])
    before = everything()
    refused = cli("models", "remove", "tiny")
    assert refused.code == 4 and "still has languages (en, tr)" in refused.err
    unasked = cli("models", "remove", "tiny", "--cascade")
    assert unasked.code == 2 and "Say so with --yes" in unasked.err
    dry = cli("models", "remove", "tiny", "--cascade", "--dry-run", "--json")
    assert (dry.data["dry_run"], dry.data["languages"]) == (True, ["en", "tr"])
    assert everything() == before
    assert cli("models", "remove", "tiny", "--cascade", "--yes", "--quiet").out == "tiny\n"
    assert cli("models", "list", "--json").data["models"] == []
    assert (path / "model.safetensors").is_file()


def test_unknown_model(cli: Cli, stocked: Path) -> None:
    for words in (("show", "tinny"), ("use", "tinny"), ("remove", "tinny", "--yes")):
        ended = cli("models", *words)
        assert ended.code == 3
        assert "no model 'tinny' in the registry (did you mean 'tiny'?)" in ended.err


def test_runs(cli: Cli, stocked: Path) -> None:
    listed = cli("runs", "list", "--json").data
    assert list(listed) == ["schema_version", "runs"]
    assert list(listed["runs"][0]) == [
        "id", "command", "config", "seed", "versions", "data_hashes", "status", "metrics", "started", "finished",
    ]  # fmt: skip
    assert cli("runs", "list").out.splitlines()[1].startswith("1\ttrain\tdone\t1\t")
    assert cli("runs", "list", "--limit", "1", "--quiet").out == "1\n"


def test_another_registry(cli: Cli, stocked: Path, tmp_path: Path) -> None:
    assert cli("models", "list", "--quiet", "--registry", tmp_path / "other.sqlite3").out == ""
    assert not (tmp_path / "other.sqlite3").exists()
    bad = tmp_path / "bad.sqlite3"
    bad.write_text("no database")
    ended = cli("models", "list", "--registry", bad)
    assert ended.code == 6 and "is not a registry" in ended.err
