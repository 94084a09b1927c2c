"""The whole path on real languages, by the commands a user types: train, add-language, fewshot, evaluate.

    python -m benchmarks.real_path --backbone mbert      # the run that is quoted: hours on 2 cores, resumable
    python -m benchmarks.real_path --backbone small      # a few steps of each, on a weak backbone: that it runs

Every stage is one `hyperx-cl` command whose JSON is kept under ``--work``; run the script again to go on where it was
stopped. Results: ``benchmarks/results/real_path.{json,md}`` (``real_path_small.*`` for the small backbone).
"""

import argparse
import contextlib
import io
import json
import os
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.real_path_report import to_markdown
from hyperx_cl.bench.machine import describe
from hyperx_cl.cli.app import run

KEPT = ("id", "command", "status", "seed", "started", "finished", "config", "versions", "data_hashes")
"""What the results keep of every run in the registry: the sittings of base training are runs of their own."""

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = "hsb,yo,mt,ug,fo,ta,am"
POS, NER = "en,ar,zh,tr,kk", "en,ar,is,kk,tr,zh"


@dataclass(frozen=True)
class Scale:
    """How long a run is.

    Args:
        new: Languages that are added, in this order.
        few: (language, task) pairs of the few-shot part.
        train: Flags of ``train``.
        add: Flags of ``add-language``.
        fewshot: Flags of ``fewshot``.
        last: Flags of the last ``evaluate``; none scores every pair.
    """

    new: tuple[str, ...]
    few: tuple[tuple[str, str], ...]
    train: tuple[str, ...]
    add: tuple[str, ...] = ()
    fewshot: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


SCALES = {
    "full": Scale(
        new=("hsb", "yo", "mt", "ug", "fo"),
        few=(("mt", "pos"), ("mt", "ner"), ("ug", "pos"), ("ug", "ner"), ("fo", "ner")),
        train=("--steps", "3400", "--max-tokens", "1600", "--validate-every", "500", "--checkpoint-every", "100"),
    ),
    "short": Scale(
        new=("ug",),
        few=(("ug", "pos"),),
        train=("--steps", "6", "--max-tokens", "600", "--max-length", "64", "--warmup", "2",
               "--validate-every", "6", "--validation-sentences", "2"),
        add=("--steps", "8", "--warmup", "2", "--check-every", "4", "--max-tokens", "400", "--sample", "6",
             "--self-lines", "50", "--self-steps", "5"),
        fewshot=("--epochs", "2", "--folds", "2"),
        last=("--lang", "ug,gn"),
    ),
}  # fmt: skip


class Stages:
    """Runs commands once and keeps what they said.

    Args:
        work: Registry, checkpoints and kept answers; it is HYPERX_HOME from now on.
    """

    def __init__(self, work: Path) -> None:
        self._work, self._kept = work, work / "stages"
        self._kept.mkdir(parents=True, exist_ok=True)
        os.environ |= {"HYPERX_HOME": str(work), "HF_HUB_OFFLINE": "1"}
        self.all: dict[str, dict[str, Any]] = {}

    def run(self, name: str, *words: str) -> dict[str, Any]:
        """Run ``hyperx-cl`` with those words, in this process, or read what it said when it did.

        Raises:
            SystemExit: The command failed; its message is on stderr.
        """
        file = self._kept / f"{name}.json"
        if not file.is_file():
            print(f"== {name}: hyperx-cl {' '.join(words)}", file=sys.stderr, flush=True)
            begin = time.time()
            with contextlib.redirect_stdout(io.StringIO()) as said:
                code = run([*words, "--json"])
            if code:
                sys.exit(code)
            answer = _without_folders(json.loads(said.getvalue())) if said.getvalue().strip() else {}
            line = "hyperx-cl " + " ".join(_without_folders(list(words)))
            kept = {"command": line, "seconds": round(time.time() - begin), "answer": answer}
            partial = file.with_suffix(".part")
            partial.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
            os.replace(partial, file)
        self.all[name] = json.loads(file.read_text(encoding="utf-8"))
        return dict(self.all[name]["answer"])

    def copy(self, name: str, *, after: str) -> str:
        """Copy the registry as it is after a stage, once; the copy's path."""
        target = self._work / f"{name}.sqlite3"
        if not target.exists():
            assert after in self.all
            with contextlib.closing(sqlite3.connect(self._work / "registry.sqlite3")) as source:
                with contextlib.closing(sqlite3.connect(target.with_suffix(".part"))) as copy:
                    source.backup(copy)
            os.replace(target.with_suffix(".part"), target)
        return str(target)

    def evaluate(self, name: str, data: Path, *words: str) -> list[dict[str, Any]]:
        """Scores of ``evaluate``."""
        return list(self.run(name, "evaluate", "--data-dir", str(data), *words)["scores"])


def main() -> None:
    """Run every stage that has not been run, then write the results."""
    args = _arguments()
    backbones = Path(os.environ.get("HYPERX_TEST_BACKBONES", Path.home() / ".cache" / "hyperx-backbones"))
    scale = SCALES["short" if args.backbone == "small" else "full"]
    name, data = f"real-path-{args.backbone}", args.data / "data"
    work = args.work or Path(os.environ.get("HYPERX_HOME", ROOT / ".work")) / name
    stages = Stages(work.resolve())
    stages.run(
        "train", "train", "--backbone", str(backbones / args.backbone), "--data-dir", str(data), "--name", name,
        "--pos", POS, "--ner", NER, "--leave-out", LEFT_OUT,
        "--task-shares", "mlm=0.5,pos=0.27,ner=0.23", "--resume", *scale.train,
    )  # fmt: skip
    new, scores = ",".join(scale.new), {}
    base = [row["language"] for row in stages.run("base", "languages", "list")["languages"] if row["method"] == "joint"]
    # Controls live in copies of the registry: what is added later must not find them.
    means = ("--registry", stages.copy("means", after="train"))
    for code in scale.new:
        stages.run(f"mean-{code}", "add-language", code, "--like", ",".join(sorted(base)), *means)
    scores["mean"] = stages.evaluate("scores-mean", data, "--lang", new, *means)
    added = {}
    for code in scale.new:
        text = str(data / "mlm" / f"{code}.txt")
        added[code] = stages.run(f"add-{code}", "add-language", code, "--mlm", text, "--resume", *scale.add)
    scores["learnt"] = stages.evaluate("scores-learnt", data, "--lang", new)
    near = ("--registry", stages.copy("nearest", after="scores-learnt"))
    for code in reversed(scale.new):  # the nearest of one may have been added before it, never after
        stages.run(f"nearest-{code}", "add-language", code, "--like", added[code]["nearest"], "--new-version", *near)
    scores["nearest"] = stages.evaluate("scores-nearest", data, "--lang", new, *near)
    learnt = {}
    for code, task in scale.few:
        folder, ending = ("ud", "conllu") if task == "pos" else ("ner", "conll")
        test = str(data / folder / code / f"test.{ending}")
        learnt[f"{task}:{code}"] = stages.run(
            f"fewshot-{task}-{code}", "fewshot", "--lang", code, "--task", task, "--n", "20", "--data-dir", str(data),
            "--test", test, *scale.fewshot,
        )  # fmt: skip
    scores["all pairs"] = stages.evaluate("scores-all", data, *scale.last)
    runs = stages.run("runs", "runs", "list")["runs"]
    result = {
        "what": "one seed, without baselines: not yet evidence", "machine": describe(), "backbone": args.backbone,
        "data": "UD test sets of the paper (ar and hsb differ), NER and text from other sources than the paper's",
        "train": stages.all["train"]["answer"], "added": added, "fewshot": learnt, "scores": scores,
        "runs": [_kept(run) for run in reversed(runs)],
        "stages": {n: {k: v for k, v in stage.items() if k != "answer"} for n, stage in stages.all.items()},
    }  # fmt: skip
    out = args.results / ("real_path" if args.backbone == "mbert" else f"real_path_{args.backbone}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(to_markdown(result), encoding="utf-8")
    print(out.with_suffix(".md"))


def _kept(run: dict[str, Any]) -> dict[str, Any]:
    # Registries of the first days kept the hashes of base training among its metrics.
    return {key: run[key] for key in KEPT} | {"data_hashes": run["data_hashes"] or run["metrics"].get("data", {})}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backbone", choices=("mbert", "small"), default="mbert")
    data = Path(os.environ.get("HYPERX_TEST_DATA", ROOT.parent / "shared"))
    parser.add_argument("--data", type=Path, default=data, help="folder with data/ud, data/ner and data/mlm")
    parser.add_argument("--work", type=Path, help="keeps registry, checkpoints and answers (default: in HYPERX_HOME)")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    return parser.parse_args()


def _without_folders(value: Any) -> Any:
    """Leave folders of this machine out of what is kept."""
    if isinstance(value, dict):
        return {key: _without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner) for inner in value]
    return Path(value).name if isinstance(value, str) and value.startswith("/") else value


if __name__ == "__main__":
    main()
