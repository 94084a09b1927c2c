"""`info`: how many numbers a model trains, of a model in the registry or of a shape, with hashes and versions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hyperx_cl.cli.counts import stored_norms, trainable
from hyperx_cl.cli.options import Common, ModelName, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.recording import versions
from hyperx_cl.config import ModelOptions
from hyperx_cl.errors import UsageError
from hyperx_cl.settings import resolve

EXAMPLE = "hyperx-cl info --projected 192 --languages 16 --tasks 3"


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "info", example=EXAMPLE)(info)


def info(
    common: Common,
    flags: Annotated[dict[str, Any], ModelOptions],
    model: ModelName = None,
    languages: Annotated[
        int | None, typer.Option("--languages", min=1, help="Of a shape: base languages.", show_default=False)
    ] = None,
    tasks: Annotated[int, typer.Option("--tasks", min=1, help="Of a shape: tasks.")] = 3,
    layers: Annotated[int, typer.Option("--layers", min=1, help="Of a shape: the backbone's layers.")] = 12,
    hidden: Annotated[int, typer.Option("--hidden", min=1, help="Of a shape: its hidden width.")] = 768,
) -> None:
    """Count the trained numbers outside the heads: of a model, or with --languages of a shape of BERT's type."""
    about: dict[str, Any]
    norms = None
    if languages is not None:
        if model is not None:
            raise UsageError("--model and --languages exclude each other: a stored model has its own languages")
        options = resolve(ModelOptions, flags=flags)
        about = {"layers": layers, "hidden": hidden, "languages": languages, "tasks": tasks}
    else:
        if flags:
            raise UsageError(f"--{next(iter(flags)).replace('_', '-')} is of a shape: give --languages and --tasks too")
        with common.registry(readonly=True) as registry:
            record = registry.model(model)
        kept = record.config
        options = ModelOptions(**kept["model"])
        about = {
            "name": record.name, "fingerprint": record.fingerprint, "path": record.path,
            "backbone": dict(record.backbone), "layers": kept["layers"], "hidden": kept["hidden"],
            "languages": len(kept["languages"]), "tasks": len(kept["tasks"]),
        }  # fmt: skip
        norms = stored_norms(Path(record.path))
        if norms is None:
            common.out.note(f"There is no model in {record.path}: its LayerNorms are counted as BERT has them.")
    shape = {name: int(about[name]) for name in ("layers", "hidden", "languages", "tasks")}
    counts = trainable(options, **shape, norms=norms)
    _show(common, about, counts)


def _show(common: Common, about: dict[str, Any], counts: dict[str, int]) -> None:
    total = sum(counts.values())
    backbone = about.get("backbone", {})
    rows = [(kind, f"{count:,}") for kind, count in {**counts, "total": total}.items()]
    lines = [f"{about['name']} in {about['path']}", f"fingerprint {about['fingerprint']}"] if "name" in about else []
    lines += [f"backbone {backbone['id']}, fingerprint {backbone['fingerprint']}"] if backbone else []
    common.out.result(
        {**about, "parameters": {**counts, "total": total}, "versions": versions()},
        ids=[str(total)],
        show=[
            *lines,
            f"{about['layers']} layers of width {about['hidden']}, {about['languages']} base languages, "
            f"{about['tasks']} tasks",
            Grid(("trained outside the heads", "numbers"), rows),
            ", ".join(f"{package} {number}" for package, number in versions().items()),
        ],
    )
