"""A task that the base run never saw, UD Number, learnt with the hypernetwork frozen, beside its controls.

    python -m benchmarks.add_task --model DIR --backbone DIR --data-dir DIR      # resumable; half an hour on a busy CPU

Learnt on English, Turkish and Arabic, scored on their test sets and, without any labels of it, on Upper Sorbian (a
development language). Controls: the most frequent label; the same head alone, equally long, on the frozen vector of
POS, and on the mean of all task vectors. Results: ``benchmarks/results/add_task.{json,md}``.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hyperx_cl.bench.machine import describe
from hyperx_cl.config import AddTaskOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.evaluate.bootstrap import interval, paired_difference
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.metrics import Counts, accuracy_counts
from hyperx_cl.model.backbone import fast_dtype
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import Views, label_ids, window_length
from hyperx_cl.train.add_task import AddedTask, add_task
from hyperx_cl.train.checkpoint import remove_checkpoint
from hyperx_cl.train.corpora import draw_some
from hyperx_cl.train.task_data import NONE, complete, define, from_root

ROOT = Path(__file__).resolve().parents[1]
LEARNT, ZERO_SHOT = ("ar", "en", "tr"), ("hsb",)
MAJORITY = "most frequent label"
ROWS: dict[str, dict[str, Any]] = {
    "vector and head": {},
    "head on the POS vector": {"start": "pos", "vector": False},
    "head on the mean vector": {"start": "mean", "vector": False},
}
ALL, MARKED = "all words", "words with Number"
"""What is counted. Most words have no number at all; among those that have one the most frequent is Sing."""


class Says:
    """A reporter on stderr."""

    def step(self, done: int, text: str) -> None:
        """A line for every look is enough."""

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Learn and score every row that is not there yet, then write the results."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    root, base = DataRoot(args.data_dir), define("number", column="feats.Number")
    tests = {code: draw_some(root.load(base, code, "test"), args.test_sentences, 1) for code in (*LEARNT, *ZERO_SHOT)}
    options = AddTaskOptions(
        steps=args.steps, warmup=10, screen_steps=max(1, args.steps // 10), check_every=max(1, args.steps // 4),
        validation_sentences=32, max_tokens=800, patience=9, seed=args.seed,
    )  # fmt: skip
    about = {"options": asdict(options), "tests": {code: content_hash(s) for code, s in tests.items()}}
    data, model = None, None
    rows: dict[str, Any] = {}
    for name, changes in ROWS.items():
        file = args.work / f"{name.replace(' ', '-')}.json"
        if not file.is_file():
            if model is None or data is None:
                data, model = from_root(root, base, LEARNT), _load(args.model, args.backbone)
            row = _learn(model, complete(base, data), data, tests, AddTaskOptions(**(asdict(options) | changes)), file)
            _write(file, about | row)
        rows[name] = json.loads(file.read_text(encoding="utf-8"))
        if {key: rows[name][key] for key in about} != about:
            sys.exit(f"{file} was made with other options or data: remove it, or name another --work")
    result = {
        "what": "UD Number as a new task, hypernetwork frozen; one seed, development languages",
        "machine": describe(), "seed": args.seed, **about, "metric": "accuracy, syntactic words", "rows": rows,
        "majority": _majority(rows["vector and head"]["train_labels"], tests),
        "sentences": {code: len(sentences) for code, sentences in tests.items()},
    }  # fmt: skip
    result["differences"] = {
        counted: {name: _difference(rows, name, counted) for name in [*ROWS][1:]} for counted in (ALL, MARKED)
    }
    args.results.mkdir(parents=True, exist_ok=True)
    out = args.results / "add_task.json"
    out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(to_markdown(result), encoding="utf-8")
    print(out.with_suffix(".md"))


def to_markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a run."""
    machine, learnt = result["machine"], result["rows"]["vector and head"]
    codes = [*LEARNT, *ZERO_SHOT]
    lines = [
        "# A new task with the hypernetwork frozen: UD Number",
        "",
        f"The base run had no such task. Learnt on {', '.join(LEARNT)} for {learnt['steps']} steps "
        f"({learnt['tokens']:,} tokens, {learnt['seconds']:,.0f} s, {learnt['numbers']:,} numbers). "
        f"{', '.join(ZERO_SHOT)} is zero-shot: without labels of the task, and under the mean of the base languages' "
        f"vectors, for it was not in the base run. One seed ({result['seed']}), development languages; accuracy on "
        "syntactic words.",
        "",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, shared with other "
        f"work; torch {machine['versions']['torch']}. Model `{learnt['model'][:12]}`. Nothing else of the model moved, "
        f"by hash and logits: {all(row['proof'] for row in result['rows'].values())}.",
        "",
    ]
    for counted in (ALL, MARKED):
        rows = [(MAJORITY, *(_percent(result["majority"][counted][code]) for code in codes), "")]
        for name, row in result["rows"].items():
            cells = [_bounded(_counts(row["counts"][code][counted])) for code in codes]
            rows.append((name, *cells, _told(result["differences"][counted].get(name))))
        heads = [f"{code} %" if code in LEARNT else f"{code} %, zero-shot" for code in codes]
        lines += [f"## {counted[0].upper()}{counted[1:]}", ""]
        lines += [*table_lines(("", *heads, "vector and head better by, macro"), rows), ""]
    starts = ", ".join(f"{name} {_percent(score)}" for name, score in learnt["screened"].items())
    sizes = ", ".join(f"{code} {count}" for code, count in result["sentences"].items())
    lines += [
        f"The vector started from `{learnt['start']}`, the best on dev sentences after "
        f"{result['options']['screen_steps']} steps of a head alone ({starts}). Intervals: 95 %, bootstrap over "
        f"sentences. Test sentences: {sizes}. The most frequent label is `{result['majority']['label']}`; among words "
        f"that have a number it is `{result['majority']['value']}`. SHA-256 of all data is in the JSON file.",
        "",
    ]
    return "\n".join(lines)


def _learn(
    model: HyperX, task: Task, data: Mapping[str, Any], tests: Mapping[str, Sequence[Sentence]],
    options: AddTaskOptions, file: Path,
) -> dict[str, Any]:  # fmt: skip
    checkpoint = file.with_suffix("") / "checkpoint"
    added = add_task(model, task, data, options, checkpoint=checkpoint, resume=True, reporter=Says())
    counts = {code: _score(model, Pair(task.name, code), sentences) for code, sentences in tests.items()}
    model.forget_task(task.name)
    remove_checkpoint(checkpoint)
    train_labels = Counter(label for d in data.values() for s in d.train for label in s.labels or ())
    return _row(added) | {"counts": counts, "train_labels": dict(sorted(train_labels.items()))}


def _row(added: AddedTask) -> dict[str, Any]:
    facts = added.record.provenance
    return {
        "model": added.record.model, "hash": added.record.hash, "labels": list(added.record.labels),
        "numbers": added.record.numbers, "learnt": facts["learnt"], "start": added.start, "screened": added.screened,
        "steps": added.steps, "tokens": added.tokens, "seconds": added.seconds, "dev": added.scores,
        "dev_scores": facts["dev_scores"], "data": facts["languages"], "proof": added.proof.holds,
    }  # fmt: skip


def _score(model: HyperX, pair: Pair, sentences: Sequence[Sentence]) -> dict[str, Any]:
    encoders = Views(model, lambda tokenizer: Encoder(tokenizer, max_length=window_length(model)))
    encoded = encoders[pair.language].words(sentences, None)
    found = label_ids(model, pair, encoded, sentences=len(sentences))
    labels = model.task(pair.task).labels
    return _counted(sentences, [[labels[i] for i in ids] for ids in found])


def _counted(sentences: Sequence[Sentence], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    gold = [list(sentence.labels or ()) for sentence in sentences]
    marked = [[None if label == NONE else label for label in labels] for labels in gold]
    found = {ALL: accuracy_counts(gold, predicted), MARKED: accuracy_counts(marked, predicted)}
    return {
        name: {"right": c.numerator.astype(int).tolist(), "of": c.denominator.astype(int).tolist()}
        for name, c in found.items()
    }


def _majority(train: Mapping[str, int], tests: Mapping[str, Sequence[Sentence]]) -> dict[str, Any]:
    """Scores of the most frequent label of the training sentences; on words with Number of their most frequent one."""
    label = max(train, key=lambda name: train[name])
    value = max((name for name in train if name != NONE), key=lambda name: train[name])
    scores: dict[str, Any] = {"label": label, "value": value, ALL: {}, MARKED: {}}
    for code, sentences in tests.items():
        for counted, guess in ((ALL, label), (MARKED, value)):
            told = _counted(sentences, [[guess] * len(s) for s in sentences])[counted]
            scores[counted][code] = sum(told["right"]) / sum(told["of"])
    return scores


def _difference(rows: Mapping[str, Any], name: str, counted: str) -> dict[str, float]:
    sets = [
        [_counts(rows[row]["counts"][code][counted]) for code in (*LEARNT, *ZERO_SHOT)]
        for row in ("vector and head", name)
    ]
    found = paired_difference(*sets)
    return {"value": found.value, "low": found.low, "high": found.high}


def _counts(told: Mapping[str, list[int]]) -> Counts:
    right, of = (np.asarray(told[key], np.float64) for key in ("right", "of"))
    return Counts("accuracy, syntactic words", right, of)


def _bounded(counts: Counts) -> str:
    found = interval(counts)
    return f"{_percent(found.value)} ({_percent(found.low)}-{_percent(found.high)})"


def _told(difference: Mapping[str, float] | None) -> str:
    if difference is None:
        return ""
    return "{value:+.1f} ({low:+.1f} to {high:+.1f})".format(**{key: 100 * v for key, v in difference.items()})


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _load(folder: Path, backbone: Path) -> HyperX:
    model = HyperX.from_pretrained(folder, backbone=str(backbone))
    for code in {*LEARNT, *ZERO_SHOT} - {*model.languages()}:
        model.new_language(code, _mean(model))
    return model.place("cpu", fast_dtype("auto", model.device))


def _mean(model: HyperX) -> torch.Tensor:
    """The mean of the base languages' vectors, ``(d,)``."""
    return torch.stack([model.language(code).own.embedding.detach() for code in model.base]).mean(0)


def _write(file: Path, row: Mapping[str, Any]) -> None:
    partial = file.with_suffix(".part")
    partial.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a base model")
    parser.add_argument("--backbone", type=Path, required=True)
    data = Path(os.environ.get("HYPERX_TEST_DATA", ROOT.parent / "shared")) / "data"
    parser.add_argument("--data-dir", type=Path, default=data)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--test-sentences", type=int, default=200, help="of each language, drawn (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=ROOT / ".work" / "add-task", help="keeps what was learnt")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
