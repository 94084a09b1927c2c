"""`bench`: measurements that take hours; stopped at any moment, the same command goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from hyperx_cl.cli.options import Common, Config, DataDir, command, group
from hyperx_cl.cli.words import codes, names
from hyperx_cl.config import AddOptions, ModelOptions, read_toml, resolve
from hyperx_cl.errors import UsageError, did_you_mean
from hyperx_cl.registry.home import home

app = group("bench", "Measurements that take hours, resumable, with all their controls.")

EXAMPLE = "hyperx-cl bench add-language --backbone DIR --data-dir DIR --lang hsb,yo --seeds 1 --minutes 120"


def add_language(
    common: Common,
    flags: Annotated[dict[str, Any], AddOptions],
    backbone: Annotated[
        str | None, typer.Option("--backbone", help="Folder or Hub id of the backbone.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    work_dir: Annotated[
        Path | None,
        typer.Option("--work-dir", help="Keeps base runs, checkpoints and cells.", show_default="bench in HYPERX_HOME"),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Gets the table as FILE.json and FILE.md.", metavar="FILE", show_default=False),
    ] = None,
    fold: Annotated[str, typer.Option("--fold", help="Which languages are new: main, second or third.")] = "main",
    lang: Annotated[
        str | None, typer.Option("--lang", help="New languages.", show_default="the fold's development ones")
    ] = None,
    method: Annotated[str | None, typer.Option("--method", help="Methods.", show_default="all")] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds of base runs and learning.")] = "1",
    minutes: Annotated[
        float, typer.Option("--minutes", min=0, help="Begin nothing new after so many (0: no limit).")
    ] = 0,
    config: Config = None,
) -> None:
    """Compare ways of adding a language, each beside its controls, and write the league table."""
    if backbone is None or data_dir is None:
        raise UsageError("--backbone and --data-dir are both needed: name the backbone, and the folder with the data")
    if "seed" in flags:
        raise UsageError("--seed is one of many here: give them all with --seeds, such as --seeds 1,2,3")
    options = resolve(AddOptions, file=config, flags=flags)
    changed = read_toml(config) if config else {}

    from hyperx_cl.bench.drive import drive
    from hyperx_cl.bench.league import league, to_markdown
    from hyperx_cl.bench.machine import describe
    from hyperx_cl.bench.outcome import load
    from hyperx_cl.bench.plan import BASE, FOLDS, METHODS, Bench, cells

    if fold not in FOLDS:
        raise UsageError(f"unknown fold {fold!r}{did_you_mean(fold, FOLDS)}: choose from {', '.join(FOLDS)}")
    place = str(Path(backbone).resolve()) if Path(backbone).is_dir() else backbone
    folder = (work_dir or home() / "bench").absolute() / fold
    bench = Bench(
        place, data_dir.absolute(), folder, train=replace(BASE, **changed.get("train", {})),
        shape=ModelOptions(**changed.get("model", {})), add=options, fold=FOLDS[fold],
    )  # fmt: skip
    languages = codes(lang) or list(bench.fold.development or bench.fold.final)
    wanted = cells(bench.fold, _seeds(seeds), languages, names(method) or list(METHODS))
    left = drive(bench, wanted, minutes=minutes, quiet=common.out.quiet, say=common.out.note)
    done = [outcome for cell in wanted if (outcome := load(cell, folder / "cells"))]
    table = league(bench.fold, done)
    about = {
        "backbone": Path(place).name, "fold": fold, "machine": describe(), "train": asdict(bench.train),
        "model": asdict(bench.shape), "add_language": asdict(options), "models": sorted({o.model for o in done}),
        "gold": {f"{task}:{o.cell.language}": found for o in done for task, found in o.facts["gold"].items()},
        "text": {o.cell.language: o.facts["text"] for o in done},
    }  # fmt: skip
    table |= {"about": about, "missing": [cell.name for cell in left]}
    if results:
        write_results(results, table, to_markdown(table))
    common.out.result(
        table, ids=[cell.name for cell in wanted if cell not in left],
        show=[*to_markdown(table).splitlines(), f"{len(done)} cells of {len(wanted)} are done" + (
            "; run the same command again to go on" if left else ""
        )],
    )  # fmt: skip


command(app, "add-language", example=EXAMPLE)(add_language)


def write_results(file: Path, table: Mapping[str, Any], markdown: str) -> None:
    """Write the table beside each other as JSON and as Markdown."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
    file.with_suffix(".json").write_text(text, encoding="utf-8")
    file.with_suffix(".md").write_text(markdown, encoding="utf-8")


def _seeds(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",") if word.strip()]
    except ValueError:
        raise UsageError(f"--seeds {text}: give whole numbers with commas between them, such as 1,2,3") from None
