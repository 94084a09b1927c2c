"""What is compared with what, over the cells that both methods have: differences, shares of a way, tokens to a loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.outcome import Outcome
from hyperx_cl.bench.plan import CONTROLS, DEFAULT, METHODS
from hyperx_cl.evaluate.bootstrap import Difference
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.evaluate.paired import holm, macro_difference, macro_share

Cells = Mapping[tuple[int, str], Counts]
"""By seed and language."""

LEARNT = [name for name, method in METHODS.items() if method.kind != "control"]


def with_controls(codes: Sequence[str], task: str, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every learnt method against the control with the better macro score, on what both have.

    The primary comparison, fixed beforehand, stands alone; the p values of all others are corrected for their number.
    """
    found = []
    for method in LEARNT:
        per = {name: counts_of(outcomes, name, task, codes) for name in (method, *CONTROLS)}
        common = whole(set.intersection(*(set(cells) for cells in per.values())))
        if not common:
            continue
        macro = {name: _macro(cells, common) for name, cells in per.items()}
        control = max(CONTROLS, key=lambda name: macro[name])
        found.append(
            {
                "task": task, "method": method, "control": control, "primary": method == DEFAULT and task == "pos",
                "score": macro[method], "control_score": macro[control],
                **_compared(per[method], per[control], common),
            }
        )  # fmt: skip
    return _corrected(found)


def with_default(codes: Sequence[str], task: str, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The default against every other learnt method, on what both have; p values corrected for their number."""
    found = []
    for method in (name for name in LEARNT if name != DEFAULT):
        mine, theirs = (counts_of(outcomes, name, task, codes) for name in (DEFAULT, method))
        common = whole({*mine} & {*theirs})
        if common:
            scores = {"score": _macro(mine, common), "other_score": _macro(theirs, common)}
            found.append({"task": task, "other": method, **scores, **_compared(mine, theirs, common)})
    return _corrected(found)


def joint_share(codes: Sequence[str], task: str, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """How much of the way from the mean vector to the joint run the default goes; None without a joint run.

    ``value`` is None where the interval of that way reaches 0: there is nothing to take a share of.
    """
    start, end, third = (counts_of(outcomes, name, task, codes) for name in ("mean", "joint", DEFAULT))
    common = whole({*start} & {*end} & {*third})
    if not common:
        return None
    found = macro_share(*(_by_language(cells, common) for cells in (third, start, end)))
    way = {"difference": found.way.value, "low": found.way.low, "high": found.way.high}
    share: dict[str, Any] = {"value": None, "low": None, "high": None}
    if found.way.low > 0 or found.way.high < 0:
        share = {"value": found.value, "low": found.low, "high": found.high}
    return {"task": task, **_of(common), "way": way, **share}


def tokens_to_equal_loss(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """For every other learnt method: the tokens it read until its lowest loss on the stop part, over the default's.

    The default's are those of its first look with that loss or less; the ratio is the geometric mean over languages
    and seeds. Cells where the default never came so low are counted in ``never``, and are no part of the mean.
    """
    default = {(o.cell.seed, o.cell.language): o for o in outcomes if o.cell.method == DEFAULT}
    found = []
    for method in (name for name in LEARNT if name != DEFAULT):
        ratios, never = [], 0
        for o in outcomes:
            mine = default.get((o.cell.seed, o.cell.language))
            looks = [(tokens, loss) for tokens, loss, _ in o.curve if tokens]
            if o.cell.method != method or mine is None or not looks:
                continue
            tokens, lowest = min(looks, key=lambda look: (look[1], look[0]))
            until = next((tokens for tokens, loss, _ in mine.curve if tokens and loss <= lowest), None)
            never += until is None
            ratios += [tokens / until] if until else []
        if ratios or never:
            ratio = float(np.exp(np.mean(np.log(ratios)))) if ratios else None
            found.append({"other": method, "ratio": ratio, "cells": len(ratios), "never": never})
    return found


def bounded(cells: Cells) -> dict[str, Any]:
    """A method's macro score with its interval: its difference from what gets nothing right."""
    common = whole(cells)
    if not common:
        return {}
    nothing = {key: Counts(c.metric, np.zeros(len(c)), c.denominator) for key, c in cells.items()}
    found = _difference(cells, nothing, common)
    return {**_of(common), "score": found.value, "low": found.low, "high": found.high}


def counts_of(outcomes: Sequence[Outcome], method: str, task: str, codes: Sequence[str]) -> Cells:
    """A method's counts of a task on some languages."""
    return {
        (o.cell.seed, o.cell.language): o.counts[task]
        for o in outcomes
        if o.cell.method == method and task in o.counts and o.cell.language in codes
    }


def whole(keys: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Of seeds and languages a rectangle: the most languages that one seed has, and every seed that has them all.

    A bench that was stopped has whole rows of some seeds; a bootstrap over seeds needs every language in each.
    """
    codes_of: dict[int, set[str]] = {}
    for seed, code in keys:
        codes_of.setdefault(seed, set()).add(code)
    codes = max((codes_of[seed] for seed in sorted(codes_of)), key=len, default=set())
    return sorted((seed, code) for seed, had in codes_of.items() if codes <= had for code in codes)


def _corrected(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every comparison but the primary one its p value after Holm, as ``p_holm``; the primary one's is its own."""
    adjusted = holm({str(i): c["p"] for i, c in enumerate(found) if not c.get("primary")})
    return [c | {"p_holm": adjusted.get(str(i), c["p"])} for i, c in enumerate(found)]


def _compared(first: Cells, second: Cells, common: Sequence[tuple[int, str]]) -> dict[str, Any]:
    found = _difference(first, second, common)
    return {
        **_of(common), "difference": found.value, "low": found.low, "high": found.high, "p": found.p_value
    }  # fmt: skip


def _of(common: Sequence[tuple[int, str]]) -> dict[str, Any]:
    return {"languages": sorted({code for _, code in common}), "seeds": sorted({seed for seed, _ in common})}


def _difference(first: Cells, second: Cells, common: Sequence[tuple[int, str]]) -> Difference:
    return macro_difference(_by_language(first, common), _by_language(second, common))


def _by_language(cells: Cells, common: Sequence[tuple[int, str]]) -> dict[str, list[Counts]]:
    return {code: [cells[key] for key in common if key[1] == code] for code in sorted({code for _, code in common})}


def _macro(cells: Cells, common: Iterable[tuple[int, str]]) -> float:
    return float(np.mean([cells[key].value for key in common]))
