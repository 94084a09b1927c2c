"""The stream tables: what each addition did to every language, ACC, BWT, FWT and forgetting, and the proof a step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hyperx_cl.bench.stream import StepOutcome
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.transfer import Stream, from_json, to_json, to_markdown

MEASURES = {
    "acc": "ACC %", "bwt": "BWT", "fwt": "FWT", "forgetting_diagonal": "forgetting since its addition",
    "forgetting_max": "forgetting since its best",
}  # fmt: skip

LEGEND = """\
Each language was learnt alone over the base run, and is attached here as it was kept then.
ACC: mean after the last addition. BWT: mean of last minus right after its addition. FWT: mean of just before its
addition, under the mean of the base languages' vectors, minus a random vector. Forgetting: right after its addition,
or the best since then, minus last. Differences in points; "0 exactly" is no rounding. "Otherwise" counts the
sentences whose score at any step differs from right after their language's addition, or before it from the start."""


def stream_league(steps: Sequence[StepOutcome]) -> dict[str, Any]:
    """Gather steps into streams.

    Args:
        steps: Of one order and method; a seed that has not all of its steps is left out.

    Returns:
        JSON: ``streams``, one a seed and task, each as `transfer.to_json` with ``changed``: of how many sentences'
        scores, over all steps, some are not what they were right after their language was added (before that: what
        they were at first); ``steps`` with every score, what each language ran with, and the proof; ``without``: one
        sentence for each language and task that there is no gold of.
    """
    seeds = sorted({found.cell.seed for found in steps})
    whole = [taken for seed in seeds if (taken := _whole([s for s in steps if s.cell.seed == seed]))]
    streams = [stream for taken in whole for stream in _streams(taken)]
    return {
        "streams": streams, "steps": [_step(found) for taken in whole for found in taken],
        "without": _without(whole[0]) if whole else [],
    }  # fmt: skip


def task_stream(steps: Sequence[StepOutcome], task: str) -> Stream:
    """One task's stream: the languages that have gold of it, and the rows before any and right after each of them.

    Args:
        steps: All steps of one seed, in order.
        task: Its name.

    Raises:
        DataError: No language has gold of it.
    """
    order = steps[0].cell.order
    codes = tuple(code for code in order if task in steps[0].counts[code])
    rows = [steps[0], *(steps[order.index(code) + 1] for code in codes)]
    return Stream(
        codes, np.array([[row.counts[code][task].value for code in codes] for row in rows]),
        next((steps[0].counts[code][task].metric for code in codes), task),
        np.array([steps[0].untrained[code][task].value for code in codes]),
    )  # fmt: skip


def stream_markdown(table: Mapping[str, Any]) -> str:
    """Write the measures, the proofs, then each matrix."""
    if not table["streams"]:
        return "No seed has all of its steps yet.\n"
    lines = ["## What additions do to each other", "", *_measures(table["streams"]), "", LEGEND, ""]
    lines += ["## Was anything else touched?", "", *_proofs(table["steps"]), ""]
    for stream in table["streams"]:
        title = f"## {stream['task'].upper()}, seed {stream['seed']}"
        lines += [title, "", to_markdown(from_json(stream)).rstrip(), ""]
    if table["without"]:
        lines += ["Not in the stream:", "", *(f"- {reason}" for reason in table["without"]), ""]
    return "\n".join(lines)


def _whole(steps: Sequence[StepOutcome]) -> list[StepOutcome]:
    """The steps of a seed in order, or none where some are missing."""
    taken = sorted(steps, key=lambda found: found.cell.step)
    return taken if len(taken) == len(taken[0].cell.order) + 1 else []


def _tasks(steps: Sequence[StepOutcome]) -> list[str]:
    return list(dict.fromkeys(task for of in steps[0].counts.values() for task in of))


def _streams(steps: Sequence[StepOutcome]) -> list[dict[str, Any]]:
    return [
        {
            "seed": steps[0].cell.seed, "task": task, **to_json(task_stream(steps, task)),
            "changed": _changed(steps, task),
        }
        for task in _tasks(steps)
    ]  # fmt: skip


def _changed(steps: Sequence[StepOutcome], task: str) -> dict[str, int]:
    """Sentences at later steps that are not scored as at the first step of what their language runs with."""
    sentences = changed = 0
    for code in steps[0].cell.order:
        if task not in steps[0].counts[code]:
            continue
        own = steps[0].cell.order.index(code) + 1
        for first, later in ((steps[0], steps[1:own]), (steps[own], steps[own + 1 :])):
            was = first.counts[code][task]
            for now in (found.counts[code][task] for found in later):
                sentences += len(was)
                changed += int(((now.numerator != was.numerator) | (now.denominator != was.denominator)).sum())
    return {"sentences": changed, "of": sentences}


def _step(found: StepOutcome) -> dict[str, Any]:
    return {
        "seed": found.cell.seed, "step": found.cell.step, "added": found.cell.language, "model": found.model,
        "proof": found.proof,
        "scores": {code: {task: c.value for task, c in of.items()} for code, of in found.counts.items()},
        "languages": dict(found.languages), "device": found.device, "seconds": found.seconds,
        "peak_memory": found.peak_memory,
    }  # fmt: skip


def _without(steps: Sequence[StepOutcome]) -> list[str]:
    first = steps[0]
    return [
        f"{task} in {code}: there are no gold sentences."
        for task in _tasks(steps)
        for code in first.cell.order
        if task not in first.counts[code]
    ]


def _measures(streams: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for task in dict.fromkeys(stream["task"] for stream in streams):
        mine = [stream for stream in streams if stream["task"] == task]
        for stream in mine:
            changed = "{sentences:,} of {of:,}".format(**stream["changed"])
            rows.append([task, str(stream["seed"]), *_words(stream["summary"]), changed])
        if len(mine) > 1:
            summaries = [stream["summary"] for stream in mine]
            mean = {name: _mean([summary[name] for summary in summaries]) for name in MEASURES}
            rows.append([task, "mean", *_words(mean), ""])
    return table_lines(["task", "seed", *MEASURES.values(), "otherwise scored sentences"], rows)


def _words(summary: Mapping[str, float | None]) -> list[str]:
    return [_number(name, summary[name]) for name in MEASURES]


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    if name == "acc":
        return f"{100 * value:.1f}"
    return f"{100 * value:+.2f}" if value else "0 exactly"


def _proofs(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            str(step["seed"]), str(step["step"]), step["added"], "yes" if step["proof"]["holds"] else "**no**",
            str(step["proof"]["languages"]), step["proof"]["after"][:12],
        ]
        for step in steps
        if step["proof"]
    ]  # fmt: skip
    head = ["seed", "step", "added", "model, other languages and their logits the same, bit by bit"]
    return table_lines([*head, "other languages", "their hash"], rows)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
