"""What the shell completes comes out of the registry, and never fails."""

from pathlib import Path

import pytest

from hyperx_cl.cli.completion import complete_language, complete_model, complete_task
from tests.cli.conftest import Cli


def test_names_out_of_the_registry(stocked: Path) -> None:
    assert complete_model("t") == ["tiny"]
    assert complete_language("") == ["en", "tr"]
    assert complete_language("en,t") == ["en,tr"]
    assert complete_task("p") == ["pos"]


def test_nothing_without_a_model_or_with_a_broken_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert complete_model("") == complete_language("") == complete_task("") == []
    (tmp_path / "bad").write_text("no database")
    monkeypatch.setenv("HYPERX_REGISTRY", str(tmp_path / "bad"))
    assert complete_model("") == []


def test_the_shell_asks_the_app(cli: Cli, stocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HYPERX_CL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "hyperx-cl languages show e")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert cli().out.split() == ["en"]
