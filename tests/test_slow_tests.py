"""The runner of slow tests writes what passed, what failed and what was skipped, and ends as pytest did."""

import json
import sys
from pathlib import Path

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


def test_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    words = ["slow_tests", "--results", str(tmp_path / "results"), str(tmp_path / "test_some.py")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        slow_tests.main()
    assert ended.value.code == 1, capfd.readouterr()
    found = json.loads((tmp_path / "results" / "slow_tests.json").read_text())
    names = [test["test"].rpartition("::")[2] for test in found["tests"]]
    assert names == ["test_that_holds", "test_that_does_not", "test_that_cannot_run"]
    assert [test["outcome"] for test in found["tests"]] == ["passed", "failed", "skipped"]
    assert "one is not two" in found["tests"][1]["reason"] and found["tests"][2]["reason"] == "no browser here"
    assert len(found["commit"].rstrip("+")) == 12 and len(found["date"]) == 10
    table = (tmp_path / "results" / "slow_tests.md").read_text()
    assert "1 passed, 1 failed, 1 skipped" in table and "no browser here" in table
