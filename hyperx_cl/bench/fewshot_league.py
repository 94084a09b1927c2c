"""The few-shot table: zero-shot beside n sentences, on average over draws, with intervals; and who ever fell below."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.fewshot_cell import FewOutcome
from hyperx_cl.bench.fewshot_plan import KNOWN
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.paired import macro_difference

ROUNDING = 1e-9
"""What a mean of equal numbers may lose."""


def few_league(outcomes: Sequence[FewOutcome]) -> dict[str, Any]:
    """Gather cells into rows.

    Args:
        outcomes: Of any cells; what is missing is left out, not guessed.

    Returns:
        JSON: ``rows`` of method, task, language and n, each with its draws' mean beside the zero-shot score;
        ``below``: for each method and n, in how many of the pairs of seed, language and task the mean over the draws is
        below zero-shot.
    """
    rows = [
        row
        for method in KNOWN
        for task, code in sorted({(o.cell.task, o.cell.language) for o in outcomes})
        for row in _rows([o for o in outcomes if (o.cell.method, o.cell.task, o.cell.language) == (method, task, code)])
    ]
    return {"rows": rows, "below": _below(rows)}


def few_markdown(table: Mapping[str, Any]) -> str:
    """Write the verdict, then a table a task."""
    lines = ["## Is the mean over draws ever below zero-shot?", "", *_verdict(table["below"]), ""]
    for task in dict.fromkeys(row["task"] for row in table["rows"]):
        lines += [f"## {task.upper()}", "", *_scores([r for r in table["rows"] if r["task"] == task]), ""]
    if table.get("without"):
        lines += ["Not measured:", "", *(f"- {reason}" for reason in table["without"]), ""]
    return "\n".join(lines)


def _rows(outcomes: Sequence[FewOutcome]) -> list[dict[str, Any]]:
    """Rows of one method, task and language; a seed counts where its zero-shot score is there."""
    zero = {o.cell.seed: o for o in outcomes if not o.cell.n}
    found = []
    for n in sorted({o.cell.n for o in outcomes if o.cell.n}):
        learnt = sorted((o for o in outcomes if o.cell.n == n and o.cell.seed in zero), key=lambda o: o.cell)
        if learnt:
            found.append(_row(n, learnt, zero))
    return found


def _row(n: int, learnt: Sequence[FewOutcome], zero: Mapping[int, FewOutcome]) -> dict[str, Any]:
    cell = learnt[0].cell
    scores = [o.counts.value for o in learnt]
    difference = macro_difference(
        {cell.language: [o.counts for o in learnt]}, {cell.language: [zero[o.cell.seed].counts for o in learnt]}
    )
    seeds = sorted({o.cell.seed for o in learnt})
    means = {seed: _mean(o.counts.value for o in learnt if o.cell.seed == seed) for seed in seeds}
    return {
        "method": cell.method, "task": cell.task, "language": cell.language, "n": n, "metric": learnt[0].counts.metric,
        "seeds": seeds, "draws": {str(seed): sum(o.cell.seed == seed for o in learnt) for seed in seeds},
        "zero_shot": _mean(zero[seed].counts.value for seed in seeds), "score": _mean(means.values()),
        "lowest": min(scores), "highest": max(scores),
        "difference": difference.value, "low": difference.low, "high": difference.high,
        "below": [seed for seed in seeds if means[seed] < zero[seed].counts.value - ROUNDING],
        "numbers": max(o.numbers for o in learnt), "seconds": round(_mean(o.seconds for o in learnt), 1),
        "peak_memory": max(o.peak_memory for o in learnt),
        "chosen": [o.facts["chosen"] for o in learnt if "chosen" in o.facts],
        "sentences": {str(o.cell.draw): list(o.sentences) for o in learnt},
        "gold": learnt[0].facts["gold"],
    }  # fmt: skip


def _below(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for method, n in dict.fromkeys((row["method"], row["n"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["n"]) == (method, n)]
        fell = [f"{row['task']} {row['language']} seed {seed}" for row in mine for seed in row["below"]]
        found.append(
            {
                "method": method, "n": n, "pairs": sum(len(row["seeds"]) for row in mine), "below": fell,
                "draws": min(count for row in mine for count in row["draws"].values()),
                "difference": _mean(row["difference"] for row in mine),
            }
        )  # fmt: skip
    return found


def _verdict(below: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            row["method"], str(row["n"]), f"{len(row['below'])} of {row['pairs']}", ", ".join(row["below"]) or "never",
            str(row["draws"]), f"{100 * row['difference']:+.1f}",
        ]
        for row in below
    ]  # fmt: skip
    return table_lines(["method", "n", "below", "where", "draws at least", "mean gain, points"], rows)


def _scores(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    body = [
        [
            row["language"], row["method"], str(row["n"]), f"{100 * row['zero_shot']:.1f}", f"{100 * row['score']:.1f}",
            f"{100 * row['lowest']:.1f}–{100 * row['highest']:.1f}",
            f"{100 * row['difference']:+.1f} [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]",
            "**yes**" if row["below"] else "no", f"{row['numbers']:,}", f"{row['seconds']:,.0f}",
            " ".join(map(str, row["seeds"])), " ".join(map(str, row["draws"].values())),
        ]
        for row in sorted(rows, key=lambda row: (row["language"], KNOWN.index(row["method"]), row["n"]))
    ]  # fmt: skip
    head = [
        "language",
        "method",
        "n",
        "zero-shot %",
        "mean %",
        "lowest–highest draw",
        "gain, points",
        "below zero-shot",
    ]
    return table_lines([*head, "numbers moved", "s", "seeds", "draws"], body)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
