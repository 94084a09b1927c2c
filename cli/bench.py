"""`bench`: measurements that take hours; stopped at any moment, the same command goes on."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperx_cl.cli.options import Common, Config, DataDir, command, group
from hyperx_cl.cli.words import codes, names
from hyperx_cl.config import AddOptions, FewshotOptions, ModelOptions
from hyperx_cl.errors import UsageError, did_you_mean
from hyperx_cl.registry.home import home
from hyperx_cl.settings import read_toml, resolve

if TYPE_CHECKING:
    from hyperx_cl.bench.plan import Bench
    from hyperx_cl.bench.report import Report

app = group("bench", "Measurements that take hours, resumable, with all their controls.")

ADD_EXAMPLE = "hyperx-cl bench add-language --backbone DIR --data-dir DIR --lang hsb,yo --seeds 1 --minutes 120"
FEW_EXAMPLE = "hyperx-cl bench few-shot --backbone DIR --data-dir DIR --lang hsb,ta --task pos --n 20 --draws 5"
STREAM_EXAMPLE = "hyperx-cl bench stream --backbone DIR --data-dir DIR --lang hsb,yo,ta,mt,ug,fo --seeds 1,2,3"
TOGETHER_EXAMPLE = "hyperx-cl bench together results/main.json results/second.json --results results/folds"
PLOT_EXAMPLE = "hyperx-cl bench plot benchmarks/results/add_language.json"

Backbone = Annotated[
    str | None, typer.Option("--backbone", help="Folder or Hub id of the backbone.", show_default=False)
]
WorkDir = Annotated[
    Path | None,
    typer.Option("--work-dir", help="Keeps base runs, checkpoints and cells.", show_default="bench in HYPERX_HOME"),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        help="Keeps the cells' results, small files that a table can be made of anywhere.",
        show_default="the work folder",
    ),
]
Results = Annotated[
    Path | None,
    typer.Option("--results", help="Gets the table as FILE.json and FILE.md.", metavar="FILE", show_default=False),
]
Plots = Annotated[bool, typer.Option("--plots", help="Draw plots beside the results, as SVG.")]
FoldName = Annotated[str, typer.Option("--fold", help="Which languages are new: main, second or third.")]
Lang = Annotated[str | None, typer.Option("--lang", help="New languages.", show_default="the fold's development ones")]
Seeds = Annotated[str, typer.Option("--seeds", help="Seeds of base runs and learning.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Cells that run side by side, each without progress.")]
Minutes = Annotated[float, typer.Option("--minutes", min=0, help="Begin nothing new after so many (0: no limit).")]


def add_language(
    common: Common,
    flags: Annotated[dict[str, Any], AddOptions],
    backbone: Backbone = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    keep: Keep = None,
    results: Results = None,
    plots: Plots = False,
    fold: FoldName = "main",
    lang: Lang = None,
    method: Annotated[str | None, typer.Option("--method", help="Methods.", show_default="all")] = None,
    seeds: Seeds = "1",
    jobs: Jobs = 1,
    minutes: Minutes = 0,
    config: Config = None,
) -> None:
    """Compare ways of adding a language, each beside its controls, and write the league table."""
    if "seed" in flags:
        raise UsageError("--seed is one of many here: give them all with --seeds, such as --seeds 1,2,3")
    bench = _bench(backbone, data_dir, work_dir, keep, results, plots, fold, config, flags)

    from hyperx_cl.bench.plan import METHODS, cells
    from hyperx_cl.bench.report import add_language_bench

    wanted = cells(bench.fold, _numbers("--seeds", seeds), _languages(bench, lang), names(method) or list(METHODS))
    report = add_language_bench(
        bench,
        wanted,
        results=results,
        plots=plots,
        jobs=jobs,
        minutes=minutes,
        quiet=common.out.quiet,
        say=common.out.note,
    )
    _show(common, report)


def few_shot(
    common: Common,
    backbone: Backbone = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    keep: Keep = None,
    results: Results = None,
    plots: Plots = False,
    fold: FoldName = "main",
    lang: Lang = None,
    task: Annotated[str, typer.Option("--task", help="Tasks.")] = "pos,ner",
    method: Annotated[
        str | None, typer.Option("--method", help="Methods.", show_default="default,mean,madx,full")
    ] = None,
    n: Annotated[str, typer.Option("--n", help="Labelled sentences, for every method; 0 is always measured.")] = "20",
    curve: Annotated[str, typer.Option("--curve", help="More such numbers, for the default alone (none).")] = "5,10,50",
    draws: Annotated[int, typer.Option("--draws", min=1, help="Draws of each number of sentences.")] = 5,
    seeds: Seeds = "1",
    jobs: Jobs = 1,
    minutes: Minutes = 0,
    config: Config = None,
) -> None:
    """Compare what a few labelled sentences bring, after `bench add-language` has learnt the languages."""
    bench = _bench(backbone, data_dir, work_dir, keep, results, plots, fold, config, {})

    from hyperx_cl.bench.fewshot_plan import FEW_METHODS, FewBench, few_cells
    from hyperx_cl.bench.report import few_shot_bench

    few = FewBench(bench, resolve(FewshotOptions, file=config))
    wanted, without = few_cells(
        few, seeds=_numbers("--seeds", seeds), languages=_languages(bench, lang), tasks=names(task),
        methods=names(method) or FEW_METHODS, sizes=_numbers("--n", n),
        curve=[] if curve == "none" else _numbers("--curve", curve), draws=draws,
    )  # fmt: skip
    for reason in without:
        common.out.note(f"not measured: {reason}")
    report = few_shot_bench(
        few, wanted, without=without, results=results, plots=plots, jobs=jobs, minutes=minutes,
        quiet=common.out.quiet, say=common.out.note,
    )  # fmt: skip
    _show(common, report)


def stream(
    common: Common,
    backbone: Backbone = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    keep: Keep = None,
    results: Results = None,
    fold: FoldName = "main",
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="New languages, in the order of their addition.", show_default="all of the fold"),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="How they were learnt.")] = "default",
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds of base runs and learning: a stream each.")] = "1",
    jobs: Jobs = 1,
    minutes: Minutes = 0,
    config: Config = None,
) -> None:
    """Add languages one after another and score all after each: R matrix, ACC, BWT, FWT and forgetting.

    `bench add-language` has learnt them before.
    """
    bench = _bench(backbone, data_dir, work_dir, keep, results, False, fold, config, {})

    from hyperx_cl.bench.report import stream_bench
    from hyperx_cl.bench.stream_plan import stream_cells

    order = codes(lang) or list(bench.fold.new)
    wanted = stream_cells(bench, seeds=_numbers("--seeds", seeds), order=order, method=method)
    report = stream_bench(
        bench, wanted, results=results, jobs=jobs, minutes=minutes, quiet=common.out.quiet, say=common.out.note
    )
    _show(common, report)


def together(
    common: Common,
    files: Annotated[
        list[Path], typer.Argument(help="Results of `bench add-language`, one of each fold.", show_default=False)
    ],
    task: Annotated[str, typer.Option("--task", help="Which scores: pos or ner.")] = "pos",
    results: Results = None,
) -> None:
    """Hold the default against others over the final languages of several folds: Wilcoxon's signed-rank test."""
    from hyperx_cl.bench.report import write_results
    from hyperx_cl.bench.together import read_results, to_markdown
    from hyperx_cl.bench.together import together as hold

    found = hold(read_results(files), task)
    markdown = to_markdown(found)
    made = write_results(results, found, markdown) if results else []
    codes = [row["language"] for row in found["comparisons"][0]["rows"]]
    common.out.result(found, ids=codes, show=[*markdown.splitlines(), *(f"written: {file}" for file in made)])


def plot(
    common: Common,
    results: Annotated[Path, typer.Argument(help="The JSON file that a bench has written.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the plots.", show_default="the file's")] = None,
) -> None:
    """Draw the plots of a results file anew, as SVG."""
    from hyperx_cl.bench.plots import draw

    made = [str(file) for file in draw(results, out)]
    common.out.result({"files": made}, ids=made, show=made)


command(app, "add-language", example=ADD_EXAMPLE)(add_language)
command(app, "few-shot", example=FEW_EXAMPLE)(few_shot)
command(app, "stream", example=STREAM_EXAMPLE)(stream)
command(app, "together", example=TOGETHER_EXAMPLE)(together)
command(app, "plot", example=PLOT_EXAMPLE)(plot)


def _bench(
    backbone: str | None, data_dir: Path | None, work_dir: Path | None, keep: Path | None, results: Path | None,
    plots: bool, fold: str, config: Path | None, flags: dict[str, Any],
) -> "Bench":  # fmt: skip
    """What all benches share, from the words of the command line."""
    if backbone is None or data_dir is None:
        raise UsageError("--backbone and --data-dir are both needed: name the backbone, and the folder with the data")
    if plots and results is None:
        raise UsageError("--plots are drawn beside the results: say where with --results")
    options, changed = resolve(AddOptions, file=config, flags=flags), read_toml(config) if config else {}

    from hyperx_cl.bench.plan import BASE, FOLDS, Bench

    if fold not in FOLDS:
        raise UsageError(f"unknown fold {fold!r}{did_you_mean(fold, FOLDS)}: choose from {', '.join(FOLDS)}")
    return Bench(
        str(Path(backbone).resolve()) if Path(backbone).is_dir() else backbone, data_dir.absolute(),
        (work_dir or home() / "bench").absolute() / fold, train=replace(BASE, **changed.get("train", {})),
        shape=ModelOptions(**changed.get("model", {})), add=options, fold=FOLDS[fold],
        keep=keep.absolute() / fold if keep else None,
    )  # fmt: skip


def _languages(bench: "Bench", lang: str | None) -> list[str]:
    return codes(lang) or list(bench.fold.development or bench.fold.final)


def _numbers(flag: str, text: str) -> list[int]:
    try:
        return [int(word) for word in names(text)]
    except ValueError:
        raise UsageError(f"{flag} {text}: give whole numbers with commas between them, such as 1,2,3") from None


def _show(common: Common, report: "Report") -> None:
    count, of = len(report.done), len(report.done) + len(report.missing)
    end = "; run the same command again to go on" if report.missing else ""
    common.out.result(
        report.table, ids=report.done,
        show=[*report.markdown.splitlines(), *(f"written: {file}" for file in report.files),
              f"{count} cells of {of} are done{end}"],
    )  # fmt: skip
