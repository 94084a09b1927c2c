"""The league table: every method on every new language, with the primary comparison above it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.compare import bounded, counts_of, joint_share, tokens_to_equal_loss, with_controls, with_default
from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import METHODS, Fold
from hyperx_cl.evaluate.markdown import table_lines

TASKS = ("pos", "ner")


def league(fold: Fold, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Gather cells into rows, and compare them.

    Args:
        fold: Groups the languages.
        outcomes: Of any cells; what is missing is left out, not guessed.

    Returns:
        JSON: ``rows`` by method; and by group of languages and task ``macro``: every method's mean over its languages
        with its interval; ``compared``: every learnt method against the better control; ``against``: the default
        against every other learnt method; ``shares``: how far the default goes from the mean vector to the joint run;
        by group ``equal_loss``: tokens that other methods need over the default's; ``cells``: what the plots are drawn
        from.
    """
    rows = {name: _row([o for o in outcomes if o.cell.method == name]) for name in METHODS}
    each = [(group, codes, task) for group, codes in fold.groups.items() for task in TASKS]
    return {
        "groups": {group: list(codes) for group, codes in fold.groups.items()},
        "rows": {name: row for name, row in rows.items() if row},
        "compared": [{"group": g, **c} for g, codes, task in each for c in with_controls(codes, task, outcomes)],
        "against": [{"group": g, **c} for g, codes, task in each for c in with_default(codes, task, outcomes)],
        "shares": [{"group": g, **c} for g, codes, task in each if (c := joint_share(codes, task, outcomes))],
        "equal_loss": [
            {"group": group, **found}
            for group, codes in fold.groups.items()
            for found in tokens_to_equal_loss([o for o in outcomes if o.cell.language in codes])
        ],
        "macro": [
            {"group": group, "task": task, "method": name, **found}
            for group, codes, task in each
            for name in METHODS
            if (found := bounded(counts_of(outcomes, name, task, codes)))
        ],
        "cells": [_cell(o) for o in sorted(outcomes, key=lambda o: o.cell)],
    }


def to_markdown(table: Mapping[str, Any]) -> str:
    """Write rows and comparisons as tables for each group of languages."""
    lines: list[str] = []
    for group, codes in table["groups"].items():
        shown = [code for code in codes if any(code in row["languages"] for row in table["rows"].values())]
        if not shown:
            continue
        lines += [f"## {group.capitalize()} languages: {', '.join(shown)}", "", *_rows(table["rows"], shown), ""]
        lines += [line for name, row in table["rows"].items() if "sources" in row for line in (_sources(name, row), "")]
        for name, written in (("compared", _comparisons), ("against", _opponents), ("equal_loss", _ratios)):
            found = [c for c in table[name] if c["group"] == group]
            lines += [*written(found), ""] if found else []
        lines += [line for share in table["shares"] if share["group"] == group for line in (_share(share), "")]
    return "\n".join(lines)


_SOURCES = ("tokens", "seconds")


def _row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {}
    codes = sorted({o.cell.language for o in outcomes})
    sources = {o.cell.seed: o.facts["sources"] for o in outcomes if "sources" in o.facts}.values()
    return {
        **({"sources": {name: round(_mean(s[name] for s in sources)) for name in _SOURCES}} if sources else {}),
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


def _sources(name: str, row: Mapping[str, Any]) -> str:
    cost = row["sources"]
    return (
        f"{name} stands on adapters of the base run's languages and tasks, which took {cost['tokens']:,} tokens and "
        f"{cost['seconds']:,} s, once a seed."
    )


def _comparisons(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            f"**{c['method']}**" if c["primary"] else c["method"], *_compared(c, c["score"]),
            f"{c['control']} {100 * c['control_score']:.1f}", *_difference(c),
        ]
        for c in found
    ]  # fmt: skip
    return table_lines(["method", "task", "macro %", "better control", *_DIFFERENCE], rows)


def _opponents(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [c["other"], *_compared(c, c["score"]), f"{100 * c['other_score']:.1f}", *_difference(c)] for c in found
    ]  # fmt: skip
    return table_lines(["default against", "task", "default, macro %", "other, macro %", *_DIFFERENCE], rows)


_DIFFERENCE = ("difference", "p (Holm)", "languages", "seeds")


def _compared(found: Mapping[str, Any], score: float) -> list[str]:
    return [found["task"].upper(), f"{100 * score:.1f}"]


def _difference(c: Mapping[str, Any]) -> list[str]:
    return [
        f"{100 * c['difference']:+.1f} [{100 * c['low']:+.1f}, {100 * c['high']:+.1f}]", f"{c['p_holm']:.3f}",
        " ".join(c["languages"]), " ".join(map(str, c["seeds"])),
    ]  # fmt: skip


def _ratios(found: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [c["other"], "" if c["ratio"] is None else f"{c['ratio']:.1f}", str(c["cells"]), str(c["never"])] for c in found
    ]
    return table_lines(["tokens to the lowest loss of", "over the default's", "cells", "never reached"], rows)


def _share(found: Mapping[str, Any]) -> str:
    way = found["way"]
    told = f"{100 * way['difference']:+.1f} [{100 * way['low']:+.1f}, {100 * way['high']:+.1f}]"
    start = f"From the mean vector to the joint run it is {told} points of macro {found['task'].upper()}"
    if found["value"] is None:
        return f"{start}: nothing that a share could be taken of."
    return f"{start}; the default goes {found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}] of that way."
