"""The tests that are too slow for every change, file by file, with a dated record of what passed.

    python -m benchmarks.slow_tests            # tests marked `slow`, those that need a GPU left out
    python -m benchmarks.slow_tests --rest     # only files without a record of success of the code as it is now
    python -m benchmarks.slow_tests FILE ...   # these files; what the record says of the others stays

Results: ``benchmarks/results/slow_tests.json`` and ``.md``, written after each file, so that a run that is broken off
goes on with ``--rest``. The exit status is 1 if a test has failed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hyperx_cl.bench.machine import describe
from hyperx_cl.evaluate.markdown import table_lines

ROOT = Path(__file__).resolve().parents[1]
MARKED = "slow and not gpu"
TESTED = ("hyperx_cl", "cli", "registry", "tests", "pyproject.toml")
"""What a record is of: results and words may change after it."""

Record = dict[str, Any]
"""Of one file: ``date``, ``commit``, ``machine`` and ``tests``."""


def main() -> None:
    """Run them and write which passed, which failed, and how long each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--rest", action="store_true", help="leave out files that have passed as they are now")
    parser.add_argument("chosen", nargs="*", help="files; by default all that have slow tests")
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    failed = False
    for file in args.chosen or slow_files():
        known = read(args.results)
        if args.rest and file in known and still_holds(known[file]):
            continue
        record = run(file)
        if record is not None:
            failed |= any(test["outcome"] == "failed" for test in record["tests"])
            write(args.results, known | {file: record})
    sys.exit(failed)


def read(results: Path) -> dict[str, Record]:
    """What is known of each file that is still there."""
    kept = results / "slow_tests.json"
    known: dict[str, Record] = json.loads(kept.read_text(encoding="utf-8"))["files"] if kept.exists() else {}
    return {file: record for file, record in known.items() if (ROOT / file).exists()}


def write(results: Path, files: Mapping[str, Record]) -> None:
    """Write the record, and the table of it."""
    files = dict(sorted(files.items()))
    found = {"marked": MARKED, "files": files}
    (results / "slow_tests.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (results / "slow_tests.md").write_text(report(files), encoding="utf-8")


def slow_files() -> list[str]:
    """The files that speak of slow tests."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "pytest.mark.slow" in file.read_text(encoding="utf-8")]


def run(file: str) -> Record | None:
    """Run one file's slow tests; None where it has none."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "junit.xml"
        words = ["-m", MARKED, "-p", "no:cacheprovider", f"--junitxml={told}", file]
        record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit(), "machine": describe()}
        status = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT).returncode
        if status == pytest.ExitCode.NO_TESTS_COLLECTED:
            return None
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):  # broken off: nothing is known
            sys.exit(status)
        return record | {"tests": outcomes(told)}


def outcomes(junit: Path) -> list[dict[str, Any]]:
    """Name, outcome, seconds and reason of each test in a JUnit file that pytest wrote."""
    return [
        {"test": case.get("name"), "seconds": float(case.get("time", 0)), **_outcome(case)}
        for case in ElementTree.parse(junit).iter("testcase")
    ]


def _outcome(case: ElementTree.Element) -> dict[str, str]:
    for kind, word in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        if (said := case.find(kind)) is not None:
            return {"outcome": word, "reason": (said.get("message") or "").partition("\n")[0]}
    return {"outcome": "passed"}


def commit() -> str:
    """The commit that is tested, with a plus where the code has changed since."""
    return _git("rev-parse", "--short=12", "HEAD").stdout.strip() + ("+" if _changed("HEAD") else "")


def still_holds(record: Record) -> bool:
    """Whether nothing has failed, and the code is what it was."""
    failed = any(test["outcome"] == "failed" for test in record["tests"])
    return not failed and not record["commit"].endswith("+") and not _changed(record["commit"])


def _changed(since: str) -> bool:
    return _git("diff", "--quiet", since, "--", *TESTED).returncode != 0


def _git(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def report(files: Mapping[str, Record]) -> str:
    """What was found, as Markdown: the files with what each was tested on, and then the tests."""
    tests = [(file, test) for file, record in files.items() for test in record["tests"]]
    about = [
        (
            file, record["date"], record["commit"], record["machine"]["processor"], str(record["machine"]["cores"]),
            _counts(record["tests"]), f"{sum(test['seconds'] for test in record['tests']):.0f}",
        )
        for file, record in files.items()
    ]  # fmt: skip
    rows = [
        (Path(file).stem, test["test"], test["outcome"], f"{test['seconds']:.0f}", test.get("reason", ""))
        for file, test in tests
    ]
    return "\n".join([
        "# Slow tests", "", f"{_counts([test for _, test in tests])}.", "",
        *table_lines(("file", "date", "commit", "processor", "cores", "outcome", "s"), about), "",
        *table_lines(("file", "test", "outcome", "s", "why"), rows), "",
    ])  # fmt: skip


def _counts(tests: list[dict[str, Any]]) -> str:
    numbers = {word: sum(test["outcome"] == word for test in tests) for word in ("passed", "failed", "skipped")}
    return ", ".join(f"{number} {word}" for word, number in numbers.items() if number)


if __name__ == "__main__":
    main()
