"""A bench from its cells to its files: what is missing is run, then table, Markdown and plots are written."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hyperx_cl.bench.base import run_ground
from hyperx_cl.bench.cell import goes_through, run_cell
from hyperx_cl.bench.drive import Work, drive
from hyperx_cl.bench.fewshot_cell import FORMAT as FEW_FORMAT
from hyperx_cl.bench.fewshot_cell import expect_ready, few_work, load_few
from hyperx_cl.bench.fewshot_league import few_league, few_markdown
from hyperx_cl.bench.fewshot_plan import FewBench, FewCell
from hyperx_cl.bench.kept import Named, machines
from hyperx_cl.bench.league import league, to_markdown
from hyperx_cl.bench.lineage import expect_one_run
from hyperx_cl.bench.outcome import FORMAT, load
from hyperx_cl.bench.plan import Bench, Cell
from hyperx_cl.bench.plots import draw, expect_matplotlib
from hyperx_cl.bench.stream import FORMAT as STEP_FORMAT
from hyperx_cl.bench.stream import expect_addable, expect_one_stream, load_step, stream_work
from hyperx_cl.bench.stream_league import stream_league, stream_markdown
from hyperx_cl.bench.stream_plan import StepCell

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What a bench has to tell.

    Args:
        table: JSON.
        markdown: The same to read.
        done: Names of the cells that have a result.
        missing: Names of those that have none yet.
        files: What was written.
    """

    table: Mapping[str, Any]
    markdown: str
    done: Sequence[str]
    missing: Sequence[str]
    files: Sequence[Path]


def add_language_bench(
    bench: Bench, cells: Sequence[Cell], *, results: Path | None = None, plots: bool = False, jobs: int = 1,
    minutes: float = 0, quiet: bool = False, say: Say = lambda text: None,
) -> Report:  # fmt: skip
    """Compare ways of adding a language.

    Args:
        bench: Where and how.
        cells: Wanted; a seed's base run goes before its first cell.
        results: Gets the table as ``.json`` and ``.md``; nothing is written without.
        plots: Draw the plots beside them too.
        jobs: Cells that run side by side.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Raises:
        ConflictError: Cells of one seed stand on two runs, or would.
        HyperXError: A piece of work failed.
        UsageError: Plots were asked for, and matplotlib is missing.
    """
    if plots:
        expect_matplotlib()
    expect_one_run(bench, cells)
    work = Work(bench.cells, partial(run_ground, bench), partial(run_cell, bench), partial(goes_through, bench))
    left = drive(work, cells, jobs=jobs, minutes=minutes, quiet=quiet, say=say)
    done = [outcome for cell in cells if (outcome := load(cell, work.cells))]
    about = _about(bench, work, cells, FORMAT) | {
        "train": asdict(bench.train), "model": asdict(bench.shape), "add_language": asdict(bench.add),
        "models": sorted({o.model for o in done}),
        "gold": {f"{task}:{o.cell.language}": found for o in done for task, found in o.facts["gold"].items()},
        "text": {o.cell.language: o.facts["text"] for o in done},
    }  # fmt: skip
    table = {"bench": "add-language", **league(bench.fold, done), "about": about}
    return _report(table, to_markdown(table), cells, left, results, plots)


def few_shot_bench(
    few: FewBench, cells: Sequence[FewCell], *, without: Sequence[str] = (), results: Path | None = None,
    plots: bool = False, jobs: int = 1, minutes: float = 0, quiet: bool = False, say: Say = lambda text: None,
) -> Report:  # fmt: skip
    """Compare what methods make of a few labelled sentences.

    Args:
        few: Where and how.
        cells: Wanted, of `few_cells`.
        without: What there are too few sentences for; told in the table.
        results: Gets the table as ``.json`` and ``.md``; nothing is written without.
        plots: Draw the plot beside them too.
        jobs: Cells that run side by side.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Raises:
        NotFoundError: The add-language bench has not learnt what is to be gone on from.
        HyperXError: A piece of work failed.
        UsageError: Plots were asked for, and matplotlib is missing.
    """
    if plots:
        expect_matplotlib()
    work = few_work(few)
    expect_ready(few, work.missing(cells))
    left = drive(work, cells, jobs=jobs, minutes=minutes, quiet=quiet, say=say)
    done = [outcome for cell in cells if (outcome := load_few(few, cell))]
    about = _about(few.bench, work, cells, FEW_FORMAT) | {
        "fewshot": asdict(few.options), "epochs": few.epochs, "madx_rate": few.madx_rate, "full_rate": few.full_rate,
        "max_tokens": few.max_tokens, "source_steps": few.source_steps, "source_rate": few.source_rate,
        "models": sorted({o.model for o in done}),
    }  # fmt: skip
    table = {"bench": "few-shot", **few_league(done), "without": list(without), "about": about}
    return _report(table, few_markdown(table), cells, left, results, plots)


def stream_bench(
    bench: Bench, cells: Sequence[StepCell], *, results: Path | None = None, jobs: int = 1, minutes: float = 0,
    quiet: bool = False, say: Say = lambda text: None,
) -> Report:  # fmt: skip
    """Add languages one after another, and score them all after each.

    Args:
        bench: Where and how.
        cells: Wanted, of `stream_cells`: one order and method.
        results: Gets the table as ``.json`` and ``.md``; nothing is written without.
        jobs: Cells that run side by side.
        minutes: Begin nothing new after so many (0: no limit).
        quiet: Show no progress.
        say: Told of every piece of work before it begins.

    Raises:
        NotFoundError: The add-language bench has not learnt what is to be added.
        ConflictError: A language was learnt anew between two steps.
        HyperXError: A piece of work failed.
    """
    work = stream_work(bench)
    expect_addable(bench, work.missing(cells))
    left = drive(work, cells, jobs=jobs, minutes=minutes, quiet=quiet, say=say)
    done = [outcome for cell in cells if (outcome := load_step(bench, cell))]
    for seed in {outcome.cell.seed for outcome in done}:
        expect_one_stream(bench, [outcome for outcome in done if outcome.cell.seed == seed])
    about = _about(bench, work, cells, STEP_FORMAT)
    about |= {"precision": bench.add.precision, "models": sorted({o.model for o in done})}
    gold = {f"{task}:{code}": found for o in done for code, of in o.gold.items() for task, found in of.items()}
    what = {"method": cells[0].method, "order": list(cells[0].order)}
    table = {"bench": "stream", **what, **stream_league(done), "about": about | {"gold": gold}}
    return _report(table, stream_markdown(table), cells, left, results, plots=False)


def _about(bench: Bench, work: Work[Any], cells: Sequence[Named], form: str) -> dict[str, Any]:
    return {
        "backbone": Path(bench.backbone).name, "fold": bench.folder.name,
        "machines": machines(cells, work.cells, form),
    }  # fmt: skip


def _report(
    table: dict[str, Any], markdown: str, cells: Sequence[Named], left: Sequence[Named], results: Path | None,
    plots: bool,
) -> Report:  # fmt: skip
    missing = [cell.name for cell in left]
    table["missing"] = missing
    files = write_results(results, table, markdown) if results else []
    if results and plots:
        files += draw(files[0])
    gone = set(missing)
    return Report(table, markdown, [cell.name for cell in cells if cell.name not in gone], missing, files)


def write_results(file: Path, table: Mapping[str, Any], markdown: str) -> list[Path]:
    """Write a table as JSON and, beside it, as Markdown."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = [file.with_suffix(".json"), file.with_suffix(".md")]
    made[0].write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    made[1].write_text(markdown, encoding="utf-8")
    return made
