"""Several folds' results as one: does the default win on languages like these? One difference a language, no more.

The signed-rank test takes each final language once, whatever its number of seeds or sentences, so that it speaks of
languages like these, while the intervals of each fold's own table speak of these languages.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperx_cl.bench.plan import CONTROLS, DEFAULT
from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.paired import wilcoxon

OPPONENTS = ("madx",)
"""Methods that the default is held against besides the better control."""


def read_results(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Read what `bench add-language` has written.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not a results file of that bench, two files are of one fold, or of two backbones.
    """
    tables: list[dict[str, Any]] = []
    for file in files:
        if not file.is_file():
            raise NotFoundError(f"There is no file {file}; give the results files of `hyperx-cl bench add-language`.")
        try:
            table = json.loads(file.read_text(encoding="utf-8"))
            (table["about"]["fold"], table["about"]["backbone"], table["groups"], table["cells"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file} is no results file of `hyperx-cl bench add-language`; give such files.") from error
        tables.append(table)
    for what, several in (("fold", False), ("backbone", True)):
        names = [table["about"][what] for table in tables]
        if (len(set(names)) > 1) if several else (len(set(names)) < len(names)):
            raise DataError(f"The files are of the {what}s {', '.join(names)}; give one of each fold, of one backbone.")
    return tables


def together(tables: Sequence[Mapping[str, Any]], task: str = "pos") -> dict[str, Any]:
    """Hold the default against the better control, and against other methods, on the final languages of all folds.

    The better control is that of each fold: mean or nearest, whichever has the higher mean score over its final
    languages. Scores are means over seeds; a language counts where both sides have it on the same seeds.

    Args:
        tables: Of `read_results`.
        task: Which scores.

    Returns:
        JSON: for each comparison the languages with both scores, the mean difference, and Wilcoxon's exact two-sided p.

    Raises:
        DataError: No final language has both the default and the controls.
    """
    against: dict[str, list[dict[str, Any]]] = {"better control": [], **{name: [] for name in OPPONENTS}}
    for table in tables:
        scores = {name: _scores(table, name, task) for name in (DEFAULT, *CONTROLS, *OPPONENTS)}
        final = [code for code in table["groups"].get("final", ()) if _common(scores, (DEFAULT, *CONTROLS), code)]
        if final:
            mean = {name: sum(_value(scores, name, code, (DEFAULT, *CONTROLS)) for code in final) for name in CONTROLS}
            control = max(CONTROLS, key=lambda name: mean[name])
            rows = [_row(table, scores, code, control, (DEFAULT, *CONTROLS)) for code in final]
            against["better control"] += rows
        for name in OPPONENTS:
            codes = [code for code in table["groups"].get("final", ()) if _common(scores, (DEFAULT, name), code)]
            against[name] += [_row(table, scores, code, name, (DEFAULT, name)) for code in codes]
    if not against["better control"]:
        raise DataError(
            f"No final language has a {task} score of the default, mean and nearest on one seed; run these cells first."
        )
    return {
        "bench": "together", "task": task, "folds": [table["about"]["fold"] for table in tables],
        "comparisons": [_tested(name, rows) for name, rows in against.items() if rows],
        "about": [table["about"] for table in tables],
    }  # fmt: skip


def to_markdown(found: Mapping[str, Any]) -> str:
    """Write each comparison as a table with its test below."""
    lines: list[str] = []
    for c in found["comparisons"]:
        rows = [
            [r["fold"], r["language"], " ".join(map(str, r["seeds"])), f"{100 * r['default']:.1f}",
             f"{r['other']} {100 * r['other_score']:.1f}", f"{100 * r['difference']:+.1f}"]
            for r in c["rows"]
        ]  # fmt: skip
        head = ["fold", "language", "seeds", f"default, {found['task'].upper()} %", "other", "difference"]
        lines += [f"## Default against {c['against']}", "", *table_lines(head, rows), ""]
        lines += [
            f"Mean difference {100 * c['difference']:+.1f} over {len(rows)} languages; "
            f"Wilcoxon's signed-rank test, exact, two-sided: p = {c['p']:.3g}.", "",
        ]  # fmt: skip
    return "\n".join(lines)


_ScoresBySeed = Mapping[str, Mapping[str, Mapping[int, float]]]


def _scores(table: Mapping[str, Any], method: str, task: str) -> dict[str, dict[int, float]]:
    """By language and seed."""
    found: dict[str, dict[int, float]] = {}
    for cell in table["cells"]:
        if cell["method"] == method and task in cell["scores"]:
            found.setdefault(cell["language"], {})[cell["seed"]] = cell["scores"][task]
    return found


def _common(scores: _ScoresBySeed, methods: Sequence[str], code: str) -> list[int]:
    """Seeds that all methods have for a language."""
    return sorted(set.intersection(*({*scores[name].get(code, {})} for name in methods)))


def _value(scores: _ScoresBySeed, method: str, code: str, methods: Sequence[str]) -> float:
    seeds = _common(scores, methods, code)
    return sum(scores[method][code][seed] for seed in seeds) / len(seeds)


def _row(
    table: Mapping[str, Any], scores: _ScoresBySeed, code: str, other: str, methods: Sequence[str]
) -> dict[str, Any]:
    mine, theirs = (_value(scores, name, code, methods) for name in (DEFAULT, other))
    return {
        "fold": table["about"]["fold"], "language": code, "seeds": _common(scores, methods, code), "default": mine,
        "other": other, "other_score": theirs, "difference": mine - theirs,
    }  # fmt: skip


def _tested(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    differences = [row["difference"] for row in rows]
    return {
        "against": name, "rows": rows, "difference": sum(differences) / len(rows), "p": wilcoxon(differences),
    }  # fmt: skip
