"""The results of the real path as Markdown."""

from collections.abc import Iterable
from typing import Any

from hyperx_cl.evaluate.markdown import table_lines

FINAL, DEVELOPMENT = ("mt", "ug", "fo"), ("hsb", "yo")
ROWS = ("mean", "nearest", "learnt")
LOSSES = ("random", "zero", "mean", "nearest", "learnt")


def to_markdown(result: dict[str, Any]) -> str:
    """Write every table of a run.

    Args:
        result: What ``real_path.py`` keeps as JSON.
    """
    train, machine = result["train"], result["machine"]
    steps, tokens = train["steps"], train["tokens"]
    lines = [
        f"# The whole path on real languages, backbone {result['backbone']}",
        "",
        f"{result['what'][0].upper()}{result['what'][1:]}. Data: {result['data']}.",
        "",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, torch "
        f"{machine['versions']['torch']}. Base training: {steps:,} steps, {tokens:,} tokens, "
        f"{train['seconds']:,.0f} s, model `{train['fingerprint'][:12]}`.",
        "",
        "## New languages, added from raw text (none was in the base run)",
        "",
        *table_lines(("", *_heads(result)), [(row, *_cells(result, row)) for row in ROWS]),
        "",
        "`mean`: the mean of the base languages' vectors; `nearest`: what the stored language has that fits the text "
        "best; `learnt`: vector and part learnt from the text. hsb and yo are development languages.",
        "",
        "## What was learnt",
        "",
        *table_lines(
            ("language", "start", "steps", "tokens", "s", *(f"loss {name}" for name in LOSSES), "proof"),
            [_added(code, added) for code, added in result["added"].items()],
        ),
        "",
        "Loss: nats per masked piece on the report part of the text, which nothing was learnt, chosen or stopped on.",
        "",
        "## Few-shot, 20 labelled sentences",
        "",
        *table_lines(
            ("pair", "chosen by k-fold", "before %", "after %", "metric"),
            [
                (pair, f["chosen"], _percent(f["before"]), _percent(f["after"]), f["metric"])
                for pair, f in result["fewshot"].items()
            ],
        ),
        "",
        "## Every pair, as the model stands at the end",
        "",
        *table_lines(
            ("language", "task", "metric", "score %", "interval", "sentences"),
            [
                (s["language"], s["task"], s["metric"], _percent(s["value"]),
                 f"{_percent(s['low'])}-{_percent(s['high'])}", str(s["sentences"]))
                for s in result["scores"]["all pairs"]
            ],
        ),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _heads(result: dict[str, Any]) -> list[str]:
    heads = []
    for task in ("pos", "ner"):
        heads += [f"{task.upper()} {code}" for code in _with(result, task, (*DEVELOPMENT, *FINAL))]
        heads.append(f"{task.upper()} macro {' '.join(_with(result, task, FINAL))}")
    return heads


def _cells(result: dict[str, Any], row: str) -> list[str]:
    cells = []
    for task in ("pos", "ner"):
        known = {s["language"]: s["value"] for s in result["scores"][row] if s["task"] == task}
        final = _with(result, task, FINAL)
        cells += [_percent(known[code]) for code in _with(result, task, (*DEVELOPMENT, *FINAL))]
        cells.append(_percent(sum(known[code] for code in final) / len(final)))
    return cells


def _with(result: dict[str, Any], task: str, codes: Iterable[str]) -> list[str]:
    scored = {s["language"] for s in result["scores"]["learnt"] if s["task"] == task}
    return [code for code in codes if code in scored]


def _added(code: str, added: dict[str, Any]) -> tuple[str, ...]:
    losses = [f"{added['losses'][name]:.3f}" for name in LOSSES]
    proof = "holds" if added["proof"]["holds"] else "FAILS"
    return (
        code, added["start"], f"{added['steps']:,}", f"{added['tokens']:,}", f"{added['seconds']:,.0f}", *losses, proof,
    )  # fmt: skip


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
