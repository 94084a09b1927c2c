"""The runner of slow tests writes what passed, failed or was skipped, and goes on where it was broken off."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import slow_tests

TESTS = """
import pytest

@pytest.mark.slow
def test_that_holds():
    pass

@pytest.mark.slow
def test_that_does_not():
    assert 1 == 2, "one is not two"

@pytest.mark.slow
def test_that_cannot_run():
    pytest.skip("no browser here")

def test_that_is_quick():
    raise AssertionError("not asked for")
"""
BROKEN_OFF = """
import os, pytest

@pytest.mark.slow
def test_that_is_broken_off():
    os._exit(9)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of tests, one after the other: a good one, one with a failure, one that ends pytest itself."""
    monkeypatch.setattr(slow_tests, "commit", lambda: "0123456789ab")
    for name, text in {
        "test_a.py": TESTS.replace("1 == 2", "2 == 2"),
        "test_b.py": TESTS,
        "test_c.py": BROKEN_OFF,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[Any, dict[str, Any]]:
    """How it ends, and the record that is there then."""
    monkeypatch.setattr(sys, "argv", ["slow_tests", "--results", str(folder / "results"), *words])
    with pytest.raises(SystemExit) as ended:
        slow_tests.main()
    kept = json.loads((folder / "results" / "slow_tests.json").read_text())["files"]
    return ended.value.code, {Path(file).name: record for file, record in kept.items()}


def test_what_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    code, kept = run(folder, monkeypatch, str(folder / "test_b.py"))
    assert code == 1, capfd.readouterr()
    (record,) = kept.values()
    assert [test["test"] for test in record["tests"]] == [
        "test_that_holds", "test_that_does_not", "test_that_cannot_run",
    ]  # fmt: skip
    assert [test["outcome"] for test in record["tests"]] == ["passed", "failed", "skipped"]
    assert "one is not two" in record["tests"][1]["reason"] and record["tests"][2]["reason"] == "no browser here"
    assert record["commit"] == "0123456789ab" and len(record["date"]) == 10
    table = (folder / "results" / "slow_tests.md").read_text()
    assert "1 passed, 1 failed, 1 skipped" in table and "no browser here" in table


def test_a_run_that_is_broken_off_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(folder / name) for name in ("test_a.py", "test_b.py", "test_c.py")]
    code, kept = run(folder, monkeypatch, *files)
    assert code == 9 and sorted(kept) == ["test_a.py", "test_b.py"]
    monkeypatch.setattr(slow_tests, "_changed", lambda since: since != "0123456789ab")
    asked: list[str] = []

    def passes(file: str) -> Any:
        asked.append(Path(file).name)
        return kept["test_a.py"]

    monkeypatch.setattr(slow_tests, "run", passes)
    code, now = run(folder, monkeypatch, "--rest", *files)
    assert code == 0 and asked == ["test_b.py", "test_c.py"]  # what has failed is run again
    assert now["test_a.py"] == kept["test_a.py"]
    asked.clear()
    monkeypatch.setattr(slow_tests, "_changed", lambda since: True)
    run(folder, monkeypatch, "--rest", *files)
    assert asked == ["test_a.py", "test_b.py", "test_c.py"]  # the code is another


def test_a_commit_is_named_with_what_has_changed_since() -> None:
    assert len(slow_tests.commit().rstrip("+")) == 12
