"""Plots of a bench, drawn from its results file alone: SVG, the same bytes every time.

Colours are those of Okabe and Ito, which colour-blind people tell apart; each method has a marker and a line of its own
too, so that nothing is lost in grey print. It needs the extra ``[plot]``.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperx_cl.bench.plan import DEFAULT
from hyperx_cl.errors import DataError, NotFoundError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Results = Mapping[str, Any]
Look = dict[str, Any]
"""Colour, marker, its filling and line, as matplotlib calls them."""

_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = "osD^vPX*<>pdh"
_LINES = ("-", "--", "-.", ":")
_TASKS = {"pos": "POS accuracy, %", "ner": "NER span F1, %"}
_STYLE: Any = {
    "svg.hashsalt": "hyperx-cl", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9,
    "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True, "lines.linewidth": 1.4,
    "lines.markersize": 5, "legend.frameon": False, "figure.facecolor": "white",
}  # fmt: skip


def expect_matplotlib() -> None:
    """Refuse to draw without matplotlib.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError("Plots need matplotlib, which is not installed: pip install 'hyperx-cl[plot]'") from error


def draw(results: Path, folder: Path | None = None) -> list[Path]:
    """Draw all plots of a results file.

    Of ``add-language``: ``NAME-curves.svg`` (loss and POS against tokens processed), ``NAME-scores.svg`` (score by
    method with its interval) and ``NAME-loss.svg`` (report loss against task score, a point a cell); of ``few-shot``:
    ``NAME-sizes.svg`` (score against labelled sentences). A plot that there is nothing for is left out.

    Args:
        results: The JSON file that the bench has written.
        folder: Gets the plots; by default the file's own.

    Returns:
        The files.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not the results of a bench, or of a version before there were plots.
        UsageError: matplotlib is not installed.
    """
    expect_matplotlib()
    table = _read(results)
    import matplotlib as mpl

    made = []
    folder = folder or results.parent
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's own settings are
        mpl.rcParams.update(_STYLE)
        for name, plot in _PLOTS[table["bench"]].items():
            try:
                figure = plot(table)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _unusable(results) from error
            if figure:
                file = folder / f"{results.stem}-{name}.svg"
                figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
                made.append(file)
    return made


def curves(table: Results) -> "Figure | None":
    """Loss on the stop part, and POS where it was watched, against tokens processed: a column a language."""
    cells = [cell for cell in table["cells"] if cell["curve"]]
    watched = {cell["language"] for cell in cells if any(pos is not None for *_, pos in cell["curve"])}
    codes = _in_order(table, watched or {cell["language"] for cell in cells})
    if not codes:
        return None
    looks, rows, drawn = _looks(table["rows"]), 2 if watched else 1, _drawn_once(cells)
    figure, axes = _panels(rows * len(codes), columns=len(codes), width=2.7)
    for place, code in enumerate(codes):
        column = axes[place :: len(codes)]
        for cell in (cell for cell in cells if cell["language"] == code and cell["method"] in drawn):
            tokens, loss, pos = zip(*cell["curve"], strict=True)
            apart = -(-len(tokens) // 5)  # a few markers tell lines apart, and those of two methods seldom meet
            how: Any = {"label": drawn[cell["method"]], "markevery": ([*looks].index(cell["method"]) % apart, apart)}
            how |= looks[cell["method"]]
            thousands = [count / 1000 for count in tokens]
            column[0].plot(thousands, loss, **how)
            if scored := [(at, 100 * share) for at, share in zip(thousands, pos, strict=True) if share is not None]:
                column[1].plot(*zip(*scored, strict=True), **how | {"markevery": 1})
        _name(column[0], code, "tokens processed, thousands", "" if place else "MLM loss on the stop part, nats")
        if watched:
            _name(column[1], "", "tokens processed, thousands", "" if place else _TASKS["pos"])
            _level(column[1], [c for c in table["cells"] if (c["language"], c["method"]) == (code, "mean")])
    return _with_legend(figure, axes, [drawn.get(name, name) for name in looks])


def scores(table: Results) -> "Figure | None":
    """The mean over languages of every method, with its 95 % interval: a panel for each group and task."""
    panels = list(dict.fromkeys((row["group"], row["task"]) for row in table["macro"]))
    if not panels:
        return None
    looks = _looks(table["rows"])
    most = max(sum((row["group"], row["task"]) == panel for row in table["macro"]) for panel in panels)
    figure, axes = _panels(len(panels), columns=2, width=4.4, height=1.2 + 0.22 * most)
    for (group, task), axis in zip(panels, axes, strict=True):
        mine = [row for row in table["macro"] if (row["group"], row["task"]) == (group, task)]
        codes = max((row["languages"] for row in mine), key=len)
        for place, row in enumerate(mine):
            value, low, high = (100 * row[name] for name in ("score", "low", "high"))
            how: Any = looks[row["method"]] | {"linestyle": "none"}
            axis.errorbar(value, place, xerr=[[value - low], [high - value]], capsize=3, elinewidth=1.2, **how)
        names = [
            row["method"] + ("" if row["languages"] == codes else f" ({', '.join(row['languages'])} only)")
            for row in mine
        ]
        axis.set_yticks(range(len(mine)), names)
        axis.set_ylim(len(mine) - 0.5, -0.5)
        axis.grid(False, axis="y")
        seeds = sorted({seed for row in mine for seed in row["seeds"]})
        axis.set_title(f"{group} languages: {', '.join(codes)}")
        axis.set_xlabel(f"{_TASKS[task]}\nmean over languages, 95 % interval; seed {', '.join(map(str, seeds))}")
    return figure


def losses(table: Results) -> "Figure | None":
    """Report loss against task score, a point a cell: a panel for each task and language."""
    cells = [cell for cell in table["cells"] if cell["loss"] is not None]
    codes = _in_order(table, {cell["language"] for cell in cells})
    panels = [
        (task, code, mine)
        for task in _TASKS
        for code in codes
        if (mine := [cell for cell in cells if cell["language"] == code and task in cell["scores"]])
    ]
    if not panels:
        return None
    looks = _looks(table["rows"])
    figure, axes = _panels(len(panels), columns=3)
    for (task, code, mine), axis in zip(panels, axes, strict=True):
        for cell in mine:
            how: Any = looks[cell["method"]] | {"linestyle": "none", "label": cell["method"]}
            axis.plot(cell["loss"], 100 * cell["scores"][task], markersize=6.5, markeredgecolor="white",
                      markeredgewidth=0.4, **how)  # fmt: skip
        axis.margins(0.12)
        _name(axis, code, "MLM loss on the report part, nats", _TASKS[task])
    return _with_legend(figure, axes, looks)


def sizes(table: Results) -> "Figure | None":
    """Score against labelled sentences, with bars from the lowest to the highest draw: a panel a task and language."""
    rows = table["rows"]
    panels = sorted({(list(_TASKS).index(row["task"]), row["language"]) for row in rows})
    if not panels:
        return None
    looks = _looks(row["method"] for row in rows)
    figure, axes = _panels(len(panels), columns=3)
    for (number, code), axis in zip(panels, axes, strict=True):
        task = list(_TASKS)[number]
        mine = [row for row in rows if (row["task"], row["language"]) == (task, code)]
        methods, counts = list(dict.fromkeys(row["method"] for row in mine)), sorted({0, *(row["n"] for row in mine)})
        for place, method in enumerate(methods):
            aside = 0.1 * (place - (len(methods) - 1) / 2)
            _sizes(axis, looks[method], [row for row in mine if row["method"] == method], counts, aside)
        axis.set_xticks(range(len(counts)), [str(n) for n in counts])
        _name(axis, code, "labelled sentences", _TASKS[task])
    return _with_legend(figure, axes, looks)


_PLOTS: dict[str, dict[str, Callable[[Results], "Figure | None"]]] = {
    "add-language": {"curves": curves, "scores": scores, "loss": losses},
    "few-shot": {"sizes": sizes},
}


def _read(results: Path) -> Results:
    try:
        table = json.loads(results.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"There is no results file {results}; `hyperx-cl bench` writes one at --results.") from None
    except (OSError, ValueError) as error:
        raise _unusable(results) from error
    if not isinstance(table, dict) or table.get("bench") not in _PLOTS:
        raise _unusable(results)
    return table


def _unusable(results: Path) -> DataError:
    return DataError(
        f"{results} is not what a bench of this version writes; run the same bench command again, which only writes "
        "the file anew where all cells are there."
    )


def _drawn_once(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Methods whose curves are drawn, to the legend's text: those that went on from the same learning share a line."""
    curves: dict[str, set[str]] = {}
    for cell in sorted(cells, key=lambda cell: bool(cell["method"] != DEFAULT)):
        curves.setdefault(cell["method"], set()).add(json.dumps([cell["language"], cell["seed"], cell["curve"]]))
    shared: dict[str, list[str]] = {}
    for method, mine in curves.items():
        leader = next((first for first in shared if mine <= curves[first]), method)
        shared.setdefault(leader, []).append(method)
    return {leader: ", ".join(methods) for leader, methods in shared.items()}


def _level(axis: "Axes", cells: Sequence[Mapping[str, Any]]) -> None:
    """A dotted line where the POS of cells lies on average: what nothing was learnt for."""
    found = [100 * cell["scores"]["pos"] for cell in cells if "pos" in cell["scores"]]
    if found:
        level = sum(found) / len(found)
        axis.axhline(level, color="#555555", linewidth=1, linestyle=(0, (1, 2)), label="mean")


def _sizes(axis: "Axes", look: Look, rows: Sequence[Mapping[str, Any]], counts: Sequence[int], aside: float) -> None:
    """One method's line, moved aside a little, so that its bars cover no other's."""
    zero = {"n": 0, **{name: rows[0]["zero_shot"] for name in ("score", "lowest", "highest")}}
    points = sorted([zero, *rows], key=lambda row: int(row["n"]))
    middle = [100 * row["score"] for row in points]
    bars = [[m - 100 * row["lowest"] for m, row in zip(middle, points, strict=True)],
            [100 * row["highest"] - m for m, row in zip(middle, points, strict=True)]]  # fmt: skip
    axis.errorbar(
        [counts.index(row["n"]) + aside for row in points], middle, yerr=bars, capsize=2, elinewidth=0.8,
        label=rows[0]["method"], **look,
    )  # fmt: skip


def _looks(methods: Iterable[str]) -> dict[str, Look]:
    """Colour, marker and line of each method, the same in all plots of a file; the default's are the plainest."""
    order = list(dict.fromkeys(methods))
    names = [DEFAULT, *(name for name in order if name != DEFAULT)]
    fills = ["full"] * len(_MARKERS) + ["left"] * len(_MARKERS)  # where markers come again, they are half filled
    each = zip(names, cycle(_COLOURS), cycle(_MARKERS), cycle(_LINES), cycle(fills), strict=False)
    made = {
        name: {"color": colour, "marker": marker, "linestyle": line, "fillstyle": fill}
        for name, colour, marker, line, fill in each
    }
    return {name: made[name] for name in order}


def _in_order(table: Results, codes: Iterable[str]) -> list[str]:
    """Languages as the groups name them."""
    known = [code for group in table["groups"].values() for code in group]
    return sorted(set(codes), key=lambda code: (known.index(code) if code in known else len(known), code))


def _panels(count: int, *, columns: int, width: float = 2.9, height: float = 2.4) -> "tuple[Figure, list[Axes]]":
    """A figure with so many panels, row by row; sizes in inches, of one panel."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(width * columns, 4.2), height * rows + 0.5), layout="constrained")
    axes = [axis for line in figure.subplots(rows, columns, squeeze=False) for axis in line]
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def _name(axis: "Axes", title: str, x: str, y: str) -> None:
    """Say what a panel shows."""
    axis.set_title(title)
    axis.set_xlabel(x)
    axis.set_ylabel(y)


def _with_legend(figure: "Figure", axes: "Sequence[Axes]", order: Collection[str]) -> "Figure":
    """Put one legend of all panels under them, each method once."""
    found: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    names = [*(name for name in order if name in found), *(found.keys() - set(order))]
    columns = min(max(1, int(figure.get_figwidth() / 1.35)), len(names))
    figure.legend([found[name] for name in names], names, loc="outside lower center", ncols=columns)
    return figure
