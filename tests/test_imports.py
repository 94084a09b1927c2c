"""What importing costs, what the package offers, and how every Python file begins and ends."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hyperx_cl

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    Path(parent) / name  # os.walk follows no links: every file once
    for folder in ("hyperx_cl", "cli", "registry", "tests", "benchmarks")
    for parent, _, names in os.walk(ROOT / folder)
    for name in names
    if name.endswith(".py")
)
HEAVY = ("torch", "transformers", "datasets", "accelerate")


def _heavy_modules_after(code: str) -> str:
    """Run code in a fresh interpreter; return the heavy modules that it loaded."""
    report = f"import sys\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths}
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.rpartition("loaded:")[2].strip()


@pytest.mark.parametrize(
    "module",
    ["hyperx_cl", "hyperx_cl.artefact", "hyperx_cl.config", "hyperx_cl.languages", "hyperx_cl.registry.store"],
)
def test_light_modules_leave_torch_alone(module: str) -> None:
    assert _heavy_modules_after(f"import {module}") == ""


def test_public_names_are_sorted_and_load() -> None:
    assert hyperx_cl.__all__ == sorted(hyperx_cl.__all__)
    for name in hyperx_cl.__all__:
        assert getattr(hyperx_cl, name) is not None
    assert set(hyperx_cl.__all__) <= set(dir(hyperx_cl))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Registry'"):
        getattr(hyperx_cl, "Registry")  # noqa: B009 - a type checker refuses the plain spelling


def test_all_sources_are_walked() -> None:
    assert len(SOURCES) >= 120


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_file_opens_with_a_sentence_and_stays_readable(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    sentence = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    assert sentence.endswith((".", ":")), "the first statement is a docstring that opens with a sentence"
    assert text.count("\n") <= 400
    assert "pickle" not in {
        name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names
    }


def test_the_command_line_needs_nothing_that_windows_lacks() -> None:
    code = """
import sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "grp", "pwd", "resource", "termios"):
            raise ImportError(name)
sys.meta_path.insert(0, Lacking())
from typer.main import get_command
from hyperx_cl.cli.app import app
assert len(list(get_command(app).commands.values())) >= 17
"""
    assert _heavy_modules_after(code) == ""
