"""The repository's layout and the wheel's are one: what pyproject.toml maps exists, and nothing else is installed."""

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
FOLDERS = ("hyperx_cl", "cli", "registry")


def test_every_package_is_mapped_and_every_mapped_one_exists() -> None:
    found = {_import_name(init.parent) for folder in FOLDERS for init in _files(ROOT / folder, "__init__.py")}
    assert len(found) >= 10
    assert found == set(PACKAGES)
    assert list(PACKAGES) == sorted(PACKAGES)


def test_no_module_lies_outside_a_package() -> None:
    folders = {file.parent for folder in FOLDERS for file in _files(ROOT / folder, "*.py")}
    assert {_import_name(folder) for folder in folders} == set(PACKAGES)


@pytest.mark.parametrize("folder", ["cli", "registry"])
def test_folder_is_a_link_and_not_an_import_name(folder: str) -> None:
    assert os.readlink(ROOT / "hyperx_cl" / folder) == f"../{folder}"
    run = subprocess.run([sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert f"import hyperx_cl.{folder}, not {folder}" in run.stderr


def test_command_names_a_function() -> None:
    module, _, function = PROJECT["project"]["scripts"]["hyperx-cl"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_version_is_the_package_s() -> None:
    import hyperx_cl

    assert hyperx_cl.__version__ == PROJECT["project"]["version"]


def test_wheel_holds_hyperx_cl_alone_and_all_of_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in FOLDERS:  # without the links: the build must not need them
        shutil.copytree(ROOT / folder, source / folder, ignore=_links_and_caches)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _build_wheel(source, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    installed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"{_import_name(file.parent).replace('.', '/')}/{file.name}"
        for folder in FOLDERS
        for file in _files(ROOT / folder, "*")
    }
    assert {name.split("/")[0] for name in installed} == {"hyperx_cl"}
    assert installed == expected


def _build_wheel(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    run = subprocess.run([*command, "-w", str(target), str(source)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def _links_and_caches(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or (Path(folder) / name).is_symlink()]


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the files under a real folder, links not followed."""
    return [
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        if "__pycache__" not in parent
        for name in names
        if Path(name).match(pattern)
    ]


def _import_name(folder: Path) -> str:
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "hyperx_cl" else ("hyperx_cl", *parts))
