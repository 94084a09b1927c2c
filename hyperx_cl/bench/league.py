"""The league table: every method on every new language, with the primary comparison above it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import CONTROLS, DEFAULT, METHODS, Fold
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.evaluate.paired import macro_difference


def league(fold: Fold, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Gather cells into rows, and compare them.

    Args:
        fold: Groups the languages.
        outcomes: Of any cells; what is missing is left out, not guessed.

    Returns:
        JSON: ``rows`` by method; ``macro``: by group of languages and task, every method's mean over its languages with
        its interval; ``compared``: likewise, every learnt method against the better control on the languages and seeds
        that both have; ``cells``: what the plots are drawn from.
    """
    rows = {name: _row([o for o in outcomes if o.cell.method == name]) for name in METHODS}
    return {
        "groups": {group: list(codes) for group, codes in fold.groups.items()},
        "rows": {name: row for name, row in rows.items() if row},
        "compared": [
            found
            for group, codes in fold.groups.items()
            for task in ("pos", "ner")
            for found in _compared(group, codes, task, outcomes)
        ],
        "macro": [
            {"group": group, "task": task, "method": name, **found}
            for group, codes in fold.groups.items()
            for task in ("pos", "ner")
            for name in METHODS
            if (found := _bounded(_counts(outcomes, name, task, codes)))
        ],
        "cells": [_cell(o) for o in sorted(outcomes, key=lambda o: o.cell)],
    }


def to_markdown(table: Mapping[str, Any]) -> str:
    """Write rows and comparisons as two tables for each group of languages."""
    lines: list[str] = []
    for group, codes in table["groups"].items():
        shown = [code for code in codes if any(code in row["languages"] for row in table["rows"].values())]
        if shown:
            lines += [f"## {group.capitalize()} languages: {', '.join(shown)}", "", *_rows(table["rows"], shown), ""]
            compared = [c for c in table["compared"] if c["group"] == group]
            lines += [*_comparisons(compared), ""] if compared else []
    return "\n".join(lines)


def _row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {}
    codes = sorted({o.cell.language for o in outcomes})
    return {
        "numbers": max(o.numbers for o in outcomes),
        "tokens": round(_mean(o.tokens for o in outcomes)),
        "seconds": round(_mean(o.seconds for o in outcomes)),
        "peak_memory": max(o.peak_memory for o in outcomes),
        "languages": {code: _language([o for o in outcomes if o.cell.language == code]) for code in codes},
    }


def _language(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    tasks = sorted({task for o in outcomes for task in o.counts})
    losses = [o.losses["learnt"] for o in outcomes if "learnt" in o.losses]
    return {
        "seeds": sorted(o.cell.seed for o in outcomes),
        "loss": _mean(losses) if losses else None,
        **{task: _mean(o.counts[task].value for o in outcomes if task in o.counts) for task in tasks},
    }


def _compared(group: str, codes: Sequence[str], task: str, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every learnt method against the control with the better macro score."""
    found = []
    for method in (name for name, m in METHODS.items() if m.kind != "control"):
        per = {name: _counts(outcomes, name, task, codes) for name in (method, *CONTROLS)}
        common = _whole(set.intersection(*(set(cells) for cells in per.values())))
        if not common:
            continue
        macro = {name: _macro(cells, common) for name, cells in per.items()}
        control = max(CONTROLS, key=lambda name: macro[name])
        found.append(
            {
                "group": group, "task": task, "method": method, "control": control, "primary": method == DEFAULT and
                task == "pos", "languages": sorted({code for _, code in common}),
                "seeds": sorted({seed for seed, _ in common}), "score": macro[method], "control_score": macro[control],
                **_difference(per[method], per[control], common),
            }
        )  # fmt: skip
    return found


Cells = Mapping[tuple[int, str], Counts]


def _counts(outcomes: Sequence[Outcome], method: str, task: str, codes: Sequence[str]) -> Cells:
    return {
        (o.cell.seed, o.cell.language): o.counts[task]
        for o in outcomes
        if o.cell.method == method and task in o.counts and o.cell.language in codes
    }


def _macro(cells: Cells, common: Iterable[tuple[int, str]]) -> float:
    return _mean(cells[key].value for key in common)


def _difference(first: Cells, second: Cells, common: Sequence[tuple[int, str]]) -> dict[str, float]:
    codes = sorted({code for _, code in common})
    sides = [{code: [cells[key] for key in common if key[1] == code] for code in codes} for cells in (first, second)]
    found = macro_difference(*sides)
    return {"difference": found.value, "low": found.low, "high": found.high, "p": found.p_value}


def _whole(keys: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Of seeds and languages a rectangle: the most languages that one seed has, and every seed that has them all.

    A bench that was stopped has whole rows of some seeds; a bootstrap over seeds needs every language in each.
    """
    codes_of: dict[int, set[str]] = {}
    for seed, code in keys:
        codes_of.setdefault(seed, set()).add(code)
    codes = max((codes_of[seed] for seed in sorted(codes_of)), key=len, default=set())
    return sorted((seed, code) for seed, had in codes_of.items() if codes <= had for code in codes)


def _bounded(cells: Cells) -> dict[str, Any]:
    """A method's macro score with its interval: its difference from what gets nothing right."""
    common = _whole(cells)
    if not common:
        return {}
    nothing = {key: Counts(c.metric, np.zeros(len(c)), c.denominator) for key, c in cells.items()}
    found = _difference(cells, nothing, common)
    return {
        "languages": sorted({code for _, code in common}), "seeds": sorted({seed for seed, _ in common}),
        "score": found["difference"], "low": found["low"], "high": found["high"],
    }  # fmt: skip


def _cell(outcome: Outcome) -> dict[str, Any]:
    cell = outcome.cell
    return {
        "seed": cell.seed, "language": cell.language, "method": cell.method, "tokens": outcome.tokens,
        "loss": outcome.losses.get("learnt"), "scores": {task: c.value for task, c in outcome.counts.items()},
        "curve": [list(point) for point in outcome.curve],
    }  # fmt: skip


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _rows(rows: Mapping[str, Any], codes: Sequence[str]) -> list[str]:
    head = ["method", "numbers", "tokens", "s", "peak GB"]
    head += [f"{what} {code}" for what in ("loss", "POS", "NER") for code in codes]
    body = []
    for name, row in rows.items():
        cells = [name, f"{row['numbers']:,}", f"{row['tokens']:,}", f"{row['seconds']:,}"]
        cells.append(f"{row['peak_memory'] / 1e9:.1f}")
        for what in ("loss", "pos", "ner"):
            for code in codes:
                value = row["languages"].get(code, {}).get(what)
                cells.append("" if value is None else f"{value:.3f}" if what == "loss" else f"{100 * value:.1f}")
        body.append(cells)
    kept = [i for i in range(len(head)) if i < 5 or any(cells[i] for cells in body)]
    return table_lines([head[i] for i in kept], [[cells[i] for i in kept] for cells in body])


def _comparisons(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            f"**{c['method']}**" if c["primary"] else c["method"], c["task"].upper(), f"{100 * c['score']:.1f}",
            f"{c['control']} {100 * c['control_score']:.1f}",
            f"{100 * c['difference']:+.1f} [{100 * c['low']:+.1f}, {100 * c['high']:+.1f}]",
            " ".join(c["languages"]), " ".join(map(str, c["seeds"])),
        ]
        for c in found
    ]  # fmt: skip
    return table_lines(["method", "task", "macro %", "better control", "difference", "languages", "seeds"], rows)
