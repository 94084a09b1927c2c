"""The tests that are too slow for every change, run whole, with a dated record of what passed.

    python -m benchmarks.slow_tests      # tests marked `slow`, those that need a GPU left out

Results: ``benchmarks/results/slow_tests.json`` and ``.md``. The exit status is pytest's own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hyperx_cl.bench.machine import describe
from hyperx_cl.evaluate.markdown import table_lines

ROOT = Path(__file__).resolve().parents[1]
MARKED = "slow and not gpu"


def main() -> None:
    """Run them and write which passed, which failed, and how long each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("chosen", nargs="*", help="files or tests; by default all")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "junit.xml"
        words = ["-m", MARKED, "-p", "no:cacheprovider", f"--junitxml={told}", *args.chosen]
        status = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT).returncode
        if not told.exists():
            sys.exit(status)
        found = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit(), "machine": describe(), "marked": MARKED,
            "chosen": args.chosen, "tests": outcomes(told),
        }  # fmt: skip
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "slow_tests.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (args.results / "slow_tests.md").write_text(report(found), encoding="utf-8")
    sys.exit(status)


def outcomes(junit: Path) -> list[dict[str, Any]]:
    """Name, outcome, seconds and reason of each test in a JUnit file that pytest wrote."""
    return [
        {
            "test": f"{case.get('classname')}::{case.get('name')}", "seconds": float(case.get("time", 0)),
            **_outcome(case),
        }
        for case in ElementTree.parse(junit).iter("testcase")
    ]  # fmt: skip


def _outcome(case: ElementTree.Element) -> dict[str, str]:
    for kind, word in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        if (said := case.find(kind)) is not None:
            return {"outcome": word, "reason": (said.get("message") or "").partition("\n")[0]}
    return {"outcome": "passed"}


def commit() -> str:
    """The commit that is tested, with a plus where files have changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def report(found: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    machine, tests = found["machine"], found["tests"]
    counts = {word: sum(t["outcome"] == word for t in tests) for word in ("passed", "failed", "skipped")}
    rows = [(t["test"], t["outcome"], f"{t['seconds']:.0f}", t.get("reason", "")) for t in tests]
    about = (
        f"{found['date']}, commit {found['commit']}, {machine['processor']}, {machine['cores']} cores: "
        + ", ".join(f"{number} {word}" for word, number in counts.items())
        + f", {sum(t['seconds'] for t in tests):.0f} s."
    )
    return "\n".join(["# Slow tests", "", about, "", *table_lines(("test", "outcome", "s", "why"), rows)]) + "\n"


if __name__ == "__main__":
    main()
