"""How long a text of 1 GB takes to read, and how much memory: a process of its own that does nothing else.

    python -m benchmarks.reading      # some two minutes and 1 GB in the temporary folder; nothing is kept

The text is invented: words of random syllables, every tenth line a repetition, a few empty or of digits alone.
Results: ``benchmarks/results/reading.json`` and ``.md``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hyperx_cl.bench.machine import describe
from hyperx_cl.data.text import KEEP_CHARACTERS, KEEP_LINES, read_text

ROOT = Path(__file__).resolve().parents[1]
SYLLABLES = "ka ti ra ni la ta on us ħe ġi żo mi bel qas dwa tal fis xol".split()


def main() -> None:
    """Make the file, have it read, and write what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        print(json.dumps(read(args.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        with file.open("w", encoding="utf-8") as out:
            for block in blocks(args.megabytes * 1_000_000, seed=args.seed):
                out.write(block)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.reading", "--read", str(file)], cwd=ROOT, stdout=subprocess.PIPE,
            check=True,
        )  # fmt: skip
    found = {
        "machine": describe(), "data": "invented", "seed": args.seed, "keep_lines": KEEP_LINES,
        "keep_characters": KEEP_CHARACTERS, **json.loads(done.stdout),
    }  # fmt: skip
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "reading.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (args.results / "reading.md").write_text(report(found), encoding="utf-8")
    print(report(found))


def read(file: Path) -> dict[str, Any]:
    """Read the file, here and now, and say what this process needed for it, what it had loaded before left out."""
    before, cpu, begin = _peak(), time.process_time(), time.perf_counter()
    text = read_text(file)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return {
        "bytes": file.stat().st_size, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1),
        "megabytes_per_second": round(file.stat().st_size / 1e6 / seconds, 1),
        "megabytes_per_cpu_second": round(file.stat().st_size / 1e6 / cpu, 1),
        "peak_mb_before": before, "peak_mb": _peak(), "kept": len(text.lines), "kept_bytes": text.bytes,
        "dropped": text.dropped,
    }  # fmt: skip


def blocks(size: int, *, seed: int) -> Iterator[str]:
    """Lines of 4 to 30 words until they are so many bytes together, some 20 MB at a time.

    Each block has the same 160,000 lines behind a first word of its own, so that they are different lines and 1 GB is
    made in seconds.
    """
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(SYLLABLES, rng.integers(1, 5))) for _ in range(50_000)]
    weights = 1 / np.arange(1, len(words) + 1)
    lengths = rng.integers(3, 30, 160_000)
    drawn = iter(rng.choice(len(words), int(lengths.sum()), p=weights / weights.sum()))
    lines = [" ".join(words[next(drawn)] for _ in range(length)) for length in lengths]
    lines[5::10] = lines[0::10]
    lines = lines[1:]
    made = number = 0
    while made < size:
        first = f"{words[number]}{number}"
        block = f"\n12.05.2020 14:30\n{first} " + f"\n{first} ".join(lines) + "\n"
        made, number = made + len(block.encode("utf-8")), number + 1
        yield block


def report(found: dict[str, Any]) -> str:
    """The same in Markdown."""
    machine = found["machine"]
    dropped = ", ".join(f"{key} {count:,}" for key, count in found["dropped"].items() if count)
    return f"""# Reading a text of {found["bytes"] / 1e9:.2f} GB

Machine: {machine["processor"]}, {machine["cores"]} cores, Python {machine["python"]}. Invented text.

| seconds | processor seconds | MB/s | MB per processor second | peak memory | of it before reading |
|---|---|---|---|---|---|
| {found["seconds"]} | {found["cpu_seconds"]} | {found["megabytes_per_second"]} \
| {found["megabytes_per_cpu_second"]} | {found["peak_mb"]} MB | {found["peak_mb_before"]} MB (the libraries) |

Where seconds are many more than processor seconds, the machine did other work meanwhile.

Kept: {found["kept"]:,} lines, {found["kept_bytes"] / 1e6:.0f} MB (limits {found["keep_lines"]:,} lines, \
{found["keep_characters"]:,} characters). Left out: {dropped}.
"""


def _peak() -> int:
    """Highest resident memory in MB, of this process alone: `getrusage` would count its parent's until the start."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main()
