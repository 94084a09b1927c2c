"""How fast base training is: real tokens a second and the share of the machine's matrix peak they need.

    python -m benchmarks.throughput --backbone mbert               # the figures that are quoted, some minutes
    python -m benchmarks.throughput --backbone small --steps 10    # a quick look

Every variant trains on the same batches, in turns, so that ratios are of one run on one machine: d_p = 32 and 192,
plain against fused attention, frozen weights in bf16 against fp32. Results:
``benchmarks/results/throughput.{json,md}``.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hyperx_cl.bench.machine import describe
from hyperx_cl.config import ModelOptions, TrainOptions, parse_shares
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import MLM, NER, POS, Task
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.corpora import Corpus, load_corpora
from hyperx_cl.train.draw import Drawer
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from hyperx_cl.train.throughput import matrix_peak, operations_per_token

ROOT = Path(__file__).resolve().parents[1]
TASKS: dict[str, Task] = {"mlm": MLM, "pos": POS, "ner": NER}
LANGUAGES = {"mlm": ["en", "tr", "zh", "ar", "kk"], "pos": ["en", "ar", "zh", "tr"], "ner": ["en", "ar", "tr", "zh"]}
SHARES = "mlm=0.5,pos=0.27,ner=0.23"
SENTENCES = 1000
WARM = 3
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass
class Variant:
    """One way to train.

    Args:
        projected: d_p.
        precision: Type of the frozen weights, ``bf16`` or ``fp32``.
        attention: ``eager`` (plain) or ``sdpa`` (fused).
        rates: Real tokens a second of each turn.
        needed: Floating point operations a real token costs.
    """

    projected: int
    precision: str
    attention: str
    rates: list[float] = field(default_factory=list)
    needed: float = 0.0

    @property
    def rate(self) -> float:
        """Median of the turns, real tokens a second."""
        return statistics.median(self.rates)


VARIANTS = ((32, "bf16", "eager"), (32, "bf16", "sdpa"), (32, "fp32", "eager"), (192, "bf16", "eager"))


def measure(
    backbone: str, data: Path, *, steps: int, turns: int, seed: int, max_tokens: int, device: torch.device
) -> dict[str, Any]:
    """Train every variant for `steps` optimiser steps, `turns` times in turn.

    Args:
        backbone: Folder of the backbone.
        data: Data root.
        steps: Optimiser steps a turn.
        turns: How often each variant comes.
        seed: Of initialisation, draws and masks.
        max_tokens: Padded pieces in a micro-batch.
        device: Where.

    Returns:
        What is written as JSON.
    """
    options = TrainOptions(steps=10**6, max_tokens=max_tokens, seed=seed, max_sentences=SENTENCES, task_shares=SHARES)
    loaded = {precision: load_backbone(backbone) for precision in DTYPES}
    encoder = Encoder(loaded["fp32"].tokenizer, max_length=options.max_length)
    corpora, _ = load_corpora(DataRoot(data), TASKS, LANGUAGES, encoder, max_sentences=SENTENCES, seed=seed)
    peaks = _peaks(device)
    variants = [Variant(*values) for values in VARIANTS]
    runs = [_Run(variant, loaded[variant.precision], corpora, options, device) for variant in variants]
    for run in runs:
        run.take(WARM)
    for _ in range(turns):
        for run in runs:
            run.variant.rates.append(run.take(steps))
    for run in runs:
        run.variant.needed = run.operations()
    peaks = {name: max(peak, peaks[name]) for name, peak in _peaks(device).items()}
    info = loaded["fp32"].info
    return {
        "machine": describe(), "device": str(device), "seed": seed, "steps": steps, "turns": turns,
        "max_tokens": max_tokens, "backbone": {"id": info.id, "fingerprint": info.fingerprint},
        "data": {"sentences of each file": SENTENCES, "task shares": SHARES, "hashes": _hashes(corpora)},
        "peak GFLOP/s": {name: round(peak / 1e9) for name, peak in peaks.items()},
        "rows": [_row(variant, peaks[variant.precision]) for variant in variants],
        "ratios": _ratios(variants),
    }  # fmt: skip


class _Run:
    """A variant with its model, loop and batches."""

    def __init__(
        self, variant: Variant, backbone: Backbone, corpora: Mapping[Pair, Corpus], options: TrainOptions,
        device: torch.device,
    ) -> None:  # fmt: skip
        torch.manual_seed(options.seed)
        languages = sorted({pair.language for pair in corpora})
        self.variant = variant
        model_options = ModelOptions(projected=variant.projected)
        self.model = HyperX(backbone, model_options, list(TASKS.values()), languages)
        self.model.place(device, DTYPES[variant.precision])
        lengths = {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}
        sampler = PairSampler(
            lengths, max_tokens=options.tokens, seed=options.seed, shares=parse_shares(options.task_shares)
        )
        accelerator = make_accelerator(cpu=device.type == "cpu")
        self.draw = Drawer(self.model, corpora, sampler, options, accelerator)
        schedule = Schedule(options.steps, options.warmup, options.final_rate)
        self.loop = Loop(self.model, groups(self.model, options), self.draw, schedule, accelerator=accelerator)
        self.steps = iter(self.loop)

    def take(self, steps: int) -> float:
        """Go on for some steps: real tokens a second."""
        self.model.backbone.encoder.set_attn_implementation(self.variant.attention)  # type: ignore[operator]
        begin, before = time.perf_counter(), self.loop.tokens
        for _ in range(steps):
            next(self.steps)  # reads the loss, and so waits for the device
        return (self.loop.tokens - before) / (time.perf_counter() - begin)

    def operations(self) -> float:
        return operations_per_token(self.model, length=self.draw.length, masked=self.draw.masked_share)


def to_markdown(result: Mapping[str, Any]) -> str:
    """Write a result as Markdown."""
    machine, peaks = result["machine"], result["peak GFLOP/s"]
    lines = [
        "# Throughput of base training",
        "",
        f"Machine: {machine['gpu'] if result['device'] != 'cpu' else machine['processor']}, {machine['cores']} cores, "
        f"{machine['threads']} threads, torch {machine['versions']['torch']}. Matrix peak: {peaks['bf16']} GFLOP/s in "
        f"bf16, {peaks['fp32']} in fp32. Backbone {result['backbone']['id']} "
        f"(`{result['backbone']['fingerprint'][:12]}`), seed {result['seed']}, {result['turns']} turns of "
        f"{result['steps']} steps of {result['max_tokens']} pieces; at most "
        f"{result['data']['sentences of each file']} sentences of each file, shares {result['data']['task shares']}.",
        "",
        "| d_p | frozen weights | attention | real tokens/s (median) | lowest | highest | share of peak |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['projected']} | {row['precision']} | {row['attention']} | {row['tokens/s']:.0f} | "
            f"{min(row['turns']):.0f} | {max(row['turns']):.0f} | {row['share of peak']:.0%} |"
        )
    ratios = [f"{name}: {value:.2f}" for name, value in result["ratios"].items()]
    return "\n".join([*lines, "", "Ratios, each of two rows above: " + "; ".join(ratios) + ".", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the two files."""
    parser = argparse.ArgumentParser(description="Measure the throughput of base training.")
    parser.add_argument("--backbone", default="mbert", help="mbert, small or a folder")
    parser.add_argument("--steps", type=int, default=30, help="optimiser steps of a turn")
    parser.add_argument("--turns", type=int, default=3, help="turns of each variant")
    parser.add_argument("--max-tokens", type=int, default=800, help="padded pieces in a micro-batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", action="store_true", help="stay on the CPU")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    home = Path(os.environ.get("HYPERX_TEST_BACKBONES", Path.home() / ".cache" / "hyperx-backbones"))
    data = Path(os.environ.get("HYPERX_TEST_DATA", ROOT.parent / "shared")) / "data"
    folder = given.backbone if Path(given.backbone).is_dir() else str(home / given.backbone)
    device = torch.device("cuda" if torch.cuda.is_available() and not given.cpu else "cpu")
    result = measure(
        folder, data, steps=given.steps, turns=given.turns, seed=given.seed, max_tokens=given.max_tokens, device=device
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "throughput.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (given.out / "throughput.md").write_text(to_markdown(result), encoding="utf-8")
    print(to_markdown(result))


def _peaks(device: torch.device) -> dict[str, float]:
    """Matrix peak by precision; a busy moment lowers it, so it is measured more than once and the highest counts."""
    return {name: max(matrix_peak(device, dtype) for _ in range(3)) for name, dtype in DTYPES.items()}


def _row(variant: Variant, peak: float) -> dict[str, Any]:
    return {
        "projected": variant.projected, "precision": variant.precision, "attention": variant.attention,
        "tokens/s": round(variant.rate, 1), "turns": [round(rate, 1) for rate in variant.rates],
        "share of peak": round(variant.rate * variant.needed / peak, 4),
    }  # fmt: skip


def _ratios(variants: Sequence[Variant]) -> dict[str, float]:
    plain, fused, exact, base = (variant.rate for variant in variants)
    return {
        "plain / fused attention": round(plain / fused, 3),
        "bf16 / fp32": round(plain / exact, 3),
        "d_p 192 / 32": round(base / plain, 3),
    }


def _hashes(corpora: Mapping[Pair, Corpus]) -> dict[str, str]:
    return {f"{pair.task}:{pair.language}": corpus.train_hash for pair, corpus in sorted(corpora.items())}


if __name__ == "__main__":
    main()
