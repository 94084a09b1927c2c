"""The demo from the command line: it says that it is synthetic, and leaves a registry that the other commands read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.cli.demo import expect_free
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.store import Registry
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


def test_a_registry_that_has_a_demo_is_refused_before_any_work(
    cli: Cli, stocked: Path, tmp_path: Path, everything: Callable[[], dict[str, bytes]]
) -> None:
    registry = stocked / "registry.sqlite3"
    with Registry.open() as store:
        known = store.model()
        store.add_model("demo", "ef" * 32, "/models/demo", known.backbone, known.config)
    before = everything()
    for address in (registry, f"sqlite:///{registry}"):
        ended = cli("demo", "--output-dir", tmp_path / "demo", "--registry", address)
        assert (ended.code, ended.out) == (4, "")
        assert ended.err == (
            f"Error: the registry {registry} has a model 'demo' already: name another with --registry, or forget that "
            f"one with `hyperx-cl models remove demo --cascade --registry {registry}`\n"
        )
    assert not (tmp_path / "demo").exists()
    assert everything() == before


def test_the_demo_s_own_registry_is_made_anew(tmp_path: Path, stocked: Path) -> None:
    with Registry.open(str(tmp_path / "registry.db")) as store:
        store.add_model("demo", "ef" * 32, "/m", {"id": "b", "revision": "", "fingerprint": "a1" * 32,
                                                 "model_type": "bert"}, {})  # fmt: skip
    for address in (None, str(tmp_path / "registry.db"), f"sqlite:///{tmp_path}/registry.db"):
        expect_free(address, tmp_path)
    with pytest.raises(ConflictError, match="has a model 'demo' already"):
        expect_free(str(tmp_path / "registry.db"), tmp_path / "other")
