"""Fetching into a data folder of the test's own, from the Hub of the tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Online
from tests.hub_sets import entities, split_files, treebank

Get = Callable[..., tuple[int, str, str]]

SMALL = split_files("mt_mudt", treebank(3), treebank(2), treebank(1))
MALTA = entities([["Malta", "hija", "gżira"]], [[5, 0, 0]])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data folder; it is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def get(online: Online, root: Path) -> Get:
    """`data get` into it."""
    return lambda *words: online("data", "get", "--data-dir", root, *words)


def files(root: Path) -> set[str]:
    """All that lies in a folder, but for the lock."""
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()} - {".fetching"}
