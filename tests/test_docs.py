"""The README is true: its marked blocks run offline, CI installs as it says, its table has every command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.readme import README, ROOT, RUN_BLOCKS, run_block

SHELL_BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> dict[str, object]:
    """Return every command of the app: its words -> the Click command, groups left out."""
    from hyperx_cl.cli.app import app

    found: dict[str, object] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[" ".join(words)] = command
        for name, child in (below or {}).items():
            if not child.hidden:
                walk(child, (*words, name))

    walk(typer.main.get_command(app), ("hyperx-cl",))
    return found


def test_every_command_is_in_the_table_and_has_help() -> None:
    rows = re.findall(r"^\| `(hyperx-cl[^`]*)` \|", README, re.MULTILINE)
    known = commands()
    assert len(known) >= 18
    assert rows == list(dict.fromkeys(rows))
    assert set(rows) == set(known)
    assert not [words for words, command in known.items() if not getattr(command, "help", None)]


def test_every_command_that_is_shown_exists() -> None:
    known = commands()
    shown = re.findall(r"^(?:.*\| )?(hyperx-cl [^\n]*)", "".join(SHELL_BLOCKS), re.MULTILINE)
    assert len(shown) >= 6
    for line in shown:
        assert any(f"{line} ".startswith(f"{words} ") for words in known), line


def test_options_that_are_shown_exist() -> None:
    known = commands()
    for line in re.findall(r"hyperx-cl [^\n]*", "".join(SHELL_BLOCKS)):
        words = next(words for words in known if f"{line} ".startswith(f"{words} "))
        options = {name for parameter in getattr(known[words], "params", []) for name in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= options, line


def test_ci_installs_and_tests_as_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("install -q ", "install ")
    install, _, tests = next(line for line in README.splitlines() if "pytest" in line).partition(" && ")
    assert install == "pip install -c constraints.txt -e '.[dev]'" and install.removeprefix("pip ") in script
    command, _, marked = tests.partition(' -m "')
    assert f'tests="{command}' in script
    chosen = marked.rstrip('"')
    for tier in (f"{chosen} and not real and not long", f"(real or long) and {chosen}"):
        assert f'$tests -m "{tier}"' in script


def test_markers_are_not_forgotten() -> None:
    assert README.count("<!-- test: run -->") == len(RUN_BLOCKS) >= 1


@pytest.mark.long
@pytest.mark.parametrize("block", [block for block in RUN_BLOCKS if "hyperx-cl demo" not in block])
def test_marked_block_runs_offline(block: str, tmp_path: Path) -> None:
    """The demo's own is run by tests/synthetic/test_readme_demo.py."""
    run_block(block, tmp_path)


def test_the_reference_of_commands_is_up_to_date(tmp_path: Path) -> None:
    fresh = tmp_path / "cli.md"
    words = ["hyperx_cl.cli.app", "utils", "docs", "--name", "hyperx-cl", "--title", "Commands", "--output", str(fresh)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    subprocess.run([sys.executable, "-m", "typer", *words], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8"), (
        "docs/cli.md is not what the commands say: make it anew as CONTRIBUTING.md shows"
    )
