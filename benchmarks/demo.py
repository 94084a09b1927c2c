"""How long `hyperx-cl demo` takes, as a user waits for it: start of the process to its end.

    python -m benchmarks.demo      # about four minutes; keep the machine idle meanwhile

Results: ``benchmarks/results/demo.json``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hyperx_cl.bench.machine import describe

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the demo a few times, each in an empty home, and write how long each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    args = parser.parse_args()
    turns = [turn(args.seed) for _ in range(args.turns)]
    seconds = [wall for wall, _ in turns]
    result = {
        "machine": describe(), "seed": args.seed, "data": "synthetic", "seconds": seconds,
        "median_seconds": statistics.median(seconds), "fingerprints": sorted({mark for _, mark in turns}),
    }  # fmt: skip
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "demo.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{result['median_seconds']} s")


def turn(seed: int) -> tuple[float, str]:
    """One demo: seconds from start to end, and the fingerprint of its model (equal seeds, equal fingerprints)."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HYPERX_HOME": home, "HF_HUB_OFFLINE": "1"}
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "hyperx_cl.cli", "demo", "--seed", str(seed), "--json"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        return round(time.perf_counter() - begin, 1), str(json.loads(done.stdout)["model"])


if __name__ == "__main__":
    main()
