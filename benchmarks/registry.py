"""How fast a registry of 7,000 languages is listed and searched, how big it is, and whether writers make readers wait.

    python -m benchmarks.registry      # some three minutes; all of it in the temporary folder, nothing is kept

Each command is a process of its own, measured from its start to its end. The records are invented: a vector of 64
random numbers each, under the codes of the first languages of `hyperx_cl/relatives.csv`, with a provenance as long as
one of `add-language`. Then 16 processes add 50 versions each to one file, opening it anew every time, while another
one reads.
Results: ``benchmarks/results/registry.json`` and ``.md``.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.bench.machine import describe
from hyperx_cl.registry import engine, versions
from hyperx_cl.registry.backup import backup
from hyperx_cl.registry.store import Registry
from hyperx_cl.relatives import known_codes

ROOT = Path(__file__).resolve().parents[1]
MODEL, WIDTH = "a1" * 32, 64
BACKBONE = {"id": "bert-base-multilingual-cased", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}
LIMITS = {"seconds": 1.0, "megabytes": 40, "reader_seconds": 1.0}

COMMANDS = {
    "languages list": ["languages", "list"],
    "languages list --json": ["languages", "list", "--json"],
    "languages list --family Turkic": ["languages", "list", "--family", "Turkic"],
    "languages near mt": ["languages", "near", "mt"],
    "models list": ["models", "list"],
    "--version": ["--version"],
}


def main() -> None:
    """Fill a registry, time commands on it, let processes write at once, and write what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=7000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--adds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        write(args.write[0], worker=int(args.write[1]), adds=int(args.write[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry.sqlite3"
        fill(file, args.records, seed=args.seed)
        found = {
            "machine": describe(), "load": [round(load, 1) for load in os.getloadavg()], "data": "invented",
            "seed": args.seed, "records": args.records, "limits": LIMITS, "bytes": size(file),
            "commands": {name: timed(words, file, args.repeats) for name, words in COMMANDS.items()},
            "check_and_backup": check_and_copy(file),
            "writers": at_once(Path(folder) / "shared.sqlite3", processes=args.processes, adds=args.adds),
        }  # fmt: skip
    args.results.mkdir(parents=True, exist_ok=True)
    (args.results / "registry.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (args.results / "registry.md").write_text(report(found), encoding="utf-8")
    print(report(found))


def fill(file: Path, records: int, *, seed: int) -> None:
    """Make a registry of so many languages, one version each, in one transaction."""
    rng, codes = np.random.default_rng(seed), known_codes()[:records]
    codes = codes if "mt" in codes else [*codes[:-1], "mt"]
    assert len(codes) == records, f"the table has {len(codes)} languages"
    with Registry.open(str(file)) as registry:
        registry.add_model("mbert", MODEL, "/models/mbert", BACKBONE, {"vocabulary": 119_547})
        with Session(engine.for_writing(registry._engine)) as session, session.begin():
            for number, code in enumerate(codes):
                vector = {"embedding": rng.standard_normal(WIDTH).astype(np.float32)}
                versions.add(
                    session, LanguageRecord(code, MODEL, vector, provenance(rng, number)), facts={}, new_version=True
                )
                if number % 500 == 0:
                    session.expunge_all()


def provenance(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """What `add-language` tells of a language, with invented numbers."""
    losses = {name: round(float(rng.uniform(2, 6)), 4) for name in ("random", "zero", "mean", "nearest", "learnt")}
    return {
        "method": "mlm", "capacity": "part", "rank": 16, "layers": 6, "seed": 1, "steps": 700 + number % 50,
        "tokens": 1_000_000 + number, "seconds": 800.5, "start": "mean", "nearest": "en", "losses": losses,
        "text": {"sha256": f"{number:064x}", "bytes": 3_000_000, "cut": 0, "dropped": {"short": 10, "repeated": 5},
                 "lines": {"train": 18_000, "stop": 1000, "report": 1000}},
        "options": {f"option_{i}": i for i in range(25)}, "source": "Wikipedia", "licence": "CC-BY-SA-4.0",
        "stop_losses": [[step, round(float(rng.uniform(2, 6)), 4)] for step in range(0, 700, 50)],
        "scores": {"pos": round(float(rng.uniform(0, 1)), 4), "ner": round(float(rng.uniform(0, 1)), 4)},
    }  # fmt: skip


def size(file: Path) -> int:
    """Bytes of the database with what lies beside it."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))


def timed(words: Sequence[str], file: Path, repeats: int) -> dict[str, float]:
    """Run a command as often as asked, the first time uncounted: least and median wall time, least processor time."""
    walls, cpus = [], []
    for _ in range(repeats + 1):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        there = [] if words[0].startswith("--") else ["--registry", str(file)]
        command = [sys.executable, "-m", "hyperx_cl.cli", *words, *there]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "wall_least": round(min(walls[1:]), 3), "wall_median": round(float(np.median(walls[1:])), 3),
        "cpu_least": round(min(cpus[1:]), 3),
    }  # fmt: skip


def check_and_copy(file: Path) -> dict[str, float]:
    """Seconds that a check of every hash takes, and a copy of the file."""
    begin = time.perf_counter()
    with Registry.open(str(file), readonly=True) as registry:
        assert registry.check() == []
    checked = time.perf_counter()
    backup(file.with_name("copy.sqlite3"), str(file))
    return {"check": round(checked - begin, 2), "backup": round(time.perf_counter() - checked, 2)}


def at_once(file: Path, *, processes: int, adds: int) -> dict[str, Any]:
    """Let processes add versions to one file, and read it meanwhile; what was stored and how long reading took."""
    with Registry.open(str(file)) as registry:
        registry.add_model("mbert", MODEL, "/models/mbert", BACKBONE, {})
    begin = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.registry", "--write", str(file)]
    workers = [
        subprocess.Popen([*command, str(worker), str(adds)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for worker in range(processes)
    ]
    waits = []
    while any(worker.poll() is None for worker in workers):
        asked, cpu = time.perf_counter(), time.process_time()
        with Registry.open(str(file), readonly=True) as registry:
            registry.languages()
        waits.append((time.perf_counter() - asked, time.process_time() - cpu))
        time.sleep(0.02)
    seconds = time.perf_counter() - begin
    errors = [text for worker in workers if (text := worker.communicate()[1])]
    with Registry.open(str(file), readonly=True) as registry:
        numbers = [version.version for version in registry.history("mt")]
        problems = len(registry.check())
    walls = [wall for wall, _ in waits]
    return {
        "processes": processes, "adds": adds, "seconds": round(seconds, 1), "errors": len(errors),
        "rows": len(numbers), "distinct_versions": len(set(numbers)), "problems": problems, "reads": len(waits),
        "read_longest": round(max(walls), 3), "read_median": round(float(np.median(walls)), 4),
        "read_longest_off_the_processor": round(max(wall - cpu for wall, cpu in waits), 3),
    }  # fmt: skip


def write(file: str, *, worker: int, adds: int) -> None:
    """Add versions of one language, opening the registry anew for each."""
    for turn in range(adds):
        vector = np.array([worker, turn, 1, 0], dtype=np.float32)
        record = LanguageRecord("mt", MODEL, {"embedding": vector}, {"method": "mlm"})
        with Registry.open(file) as registry:
            registry.add_language(record, seed=worker, steps=turn, new_version=True)


def report(found: dict[str, Any]) -> str:
    """The same in Markdown."""
    machine, writers, took = found["machine"], found["writers"], found["check_and_backup"]
    rows = "\n".join(
        f"| `hyperx-cl {name}` | {t['wall_least']} | {t['wall_median']} | {t['cpu_least']} |"
        for name, t in found["commands"].items()
    )
    return f"""# A registry of {found["records"]:,} languages

Machine: {machine["processor"]}, {machine["cores"]} cores, Python {machine["python"]}; load average when it began \
{found["load"][0]} (above {machine["cores"]}, other work shared the cores: then processor seconds tell more than wall \
seconds). Invented records of {WIDTH} numbers, seed {found["seed"]}.

Database: {found["bytes"] / 1e6:.1f} MB (limit {found["limits"]["megabytes"]} MB).

| command, from its start to its end | least wall s | median wall s | least processor s |
|---|---|---|---|
{rows}

Limit: {found["limits"]["seconds"]} s for `languages list` and `languages near`. A check of every hash takes \
{took["check"]} s, a backup {took["backup"]} s.

## {writers["processes"]} processes × {writers["adds"]} adds on one file
{writers["rows"]} rows, {writers["distinct_versions"]} distinct versions, {writers["errors"]} errors, \
{writers["problems"]} problems found by `registry check`, {writers["seconds"]} s. Another process opened the registry \
and listed it {writers["reads"]} times meanwhile: median {writers["read_median"]} s, longest \
{writers["read_longest"]} s (limit {found["limits"]["reader_seconds"]} s); of any reading at most \
{writers["read_longest_off_the_processor"]} s were not spent on a processor: waiting for one, or for the file.
"""


if __name__ == "__main__":
    main()
