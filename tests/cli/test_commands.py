"""Commands that are loaded when they are asked for: what is not needed is not imported, and the names are known."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hyperx_cl.cli.app import app
from hyperx_cl.cli.commands import GROUPS, SINGLE
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]


def loaded_by(*words: str) -> set[str]:
    """Run a command line in a fresh process; return the modules that are loaded then."""
    code = f"import sys\nfrom hyperx_cl.cli.app import run\nrun({list(words)!r})\nprint('loaded', *sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return set(ended.stdout.splitlines()[-1].split())


def test_the_version_needs_no_command() -> None:
    assert not loaded_by("--version") & {"sqlalchemy", "numpy", "hyperx_cl.cli.languages", "hyperx_cl.cli.options"}


def test_a_list_needs_its_own_command_alone(home: Path) -> None:
    loaded = loaded_by("languages", "list")
    assert "hyperx_cl.cli.languages" in loaded and "sqlalchemy" in loaded
    assert not {name for name in loaded if name.startswith(("hyperx_cl.train", "regex", "rich.console"))}
    assert not loaded & {f"hyperx_cl.cli.{name.replace('-', '_')}" for name in (*SINGLE, *GROUPS)} - {
        "hyperx_cl.cli.languages"
    }


def test_each_is_loaded_under_its_name_and_once() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert list(commands) == [*SINGLE, *GROUPS]
    for name in commands:
        assert commands[name].name == name and commands[name] is commands[name]


def test_a_name_that_is_nearly_right_is_corrected(cli: Cli) -> None:
    assert "No such command 'langauges'. Did you mean 'languages'" in cli("langauges", "list").err


@pytest.mark.parametrize("words", [["runs"], ["languages"]])
def test_a_group_alone_shows_its_commands(cli: Cli, words: list[str]) -> None:
    ended = cli(*words)
    assert ended.code == 2 and "list" in ended.out + ended.err
