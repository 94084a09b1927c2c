"""Results as a bench of some days leaves them: every method, both groups, two seeds, in sizes that were measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.fewshot_cell import FewOutcome
from hyperx_cl.bench.fewshot_league import few_league
from hyperx_cl.bench.fewshot_plan import FEW_METHODS, FewCell
from hyperx_cl.bench.league import league
from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import DEFAULT, FOLDS, METHODS, WATCHED, WATCHED_LOOKS, Cell
from hyperx_cl.evaluate.metrics import NER_F1, POS_ACCURACY, Counts

START = {"hsb": 70.0, "yo": 59.0, "ta": 50.0, "mt": 42.0, "ug": 40.0, "fo": 80.0}
GAIN = {
    "random": -4.0, "zero": -1.0, "mean": 0.0, "nearest": 0.5, DEFAULT: 12.0, "vector": 0.6, "madx": 11.0,
    "part-384": 13.0, "under-mixture": 11.5,
}  # fmt: skip


def counts(metric: str, share: float, seed: int, *, sentences: int = 120) -> Counts:
    """Sentences of 8 to 20 words, about that share of them right."""
    rng = np.random.default_rng(seed)
    words = rng.integers(8, 20, sentences)
    return Counts(metric, rng.binomial(words, share).astype(float), words.astype(float))


def add_language_results(
    *, seeds: Sequence[int] = (1, 2), languages: Sequence[str] = tuple(START), methods: Sequence[str] = tuple(METHODS)
) -> dict[str, Any]:
    """The table of `bench add-language`, as JSON."""
    made = [_outcome(Cell(seed, code, name)) for seed in seeds for code in languages for name in methods]
    return {"bench": "add-language", **league(FOLDS["main"], made), "about": {}, "missing": []}


def few_shot_results() -> dict[str, Any]:
    """The table of `bench few-shot`, as JSON."""
    made = [
        few_outcome(method, code, n, draw, START[code] / 100 + 0.02 * np.log2(1 + n) + 0.01 * (draw % 3 - 1))
        for method in FEW_METHODS
        for code in ("hsb", "mt", "ug")
        for n in ((0, 5, 10, 20, 50) if method == DEFAULT else (0, 20))
        for draw in (range(1, 6) if n else (0,))
    ]
    return {"bench": "few-shot", **few_league(made), "without": [], "about": {}, "missing": []}


def few_outcome(method: str, code: str, n: int, draw: int, share: float, *, seed: int = 1, **facts: Any) -> FewOutcome:
    """What a few-shot cell leaves behind."""
    cell = FewCell(seed, code, "pos", method, n, draw)
    told = facts | {"gold": "g"} | ({"chosen": "embedding"} if n and method != "madx" else {})
    right = counts(POS_ACCURACY, float(np.clip(share, 0, 1)), hash_of(code))
    return FewOutcome(cell, "f", {}, 64 if n else 0, 30.0 if n else 0.0, 10**9, right, [f"s{draw}"] * n, told)


def hash_of(text: str) -> int:
    """A number that follows from a text, the same in every process."""
    return sum(map(ord, text))


def _outcome(cell: Cell) -> Outcome:
    learnt = METHODS[cell.method].kind != "control"
    score = (START[cell.language] + GAIN.get(cell.method, 9.0) + cell.seed % 2) / 100
    loss = 4.7 - (2.0 if learnt and cell.method != "vector" else 0.1) + hash_of(cell.name) % 17 / 20
    watched = cell.language in WATCHED and cell.method == DEFAULT
    steps = range(17) if learnt else ()
    curve = [
        (
            9_500 * (step + 1), round(loss + 2 * float(np.exp(-step / 5)), 3),
            score - 0.1 * float(np.exp(-step / 4)) if watched and step % WATCHED_LOOKS == 0 else None,
        )
        for step in steps
    ]  # fmt: skip
    found = {"pos": counts(POS_ACCURACY, score, hash_of(cell.name))}
    if cell.language != "hsb":
        found["ner"] = counts(NER_F1, score - 0.2, hash_of(cell.name) + 1)
    return Outcome(
        cell=cell, model="f", options={}, numbers=7_000_000 if cell.method == "madx" else 295_168 if learnt else 0,
        tokens=160_000 if learnt else 0, seconds=800.0 if learnt else 0.0, peak_memory=3 * 10**9,
        losses={"learnt": loss}, curve=curve, counts=found, facts={"text": "t", "gold": {}},
    )  # fmt: skip
