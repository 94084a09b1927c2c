"""`demo`: the whole path, offline, on a family of artificial languages, into a registry of its own."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hyperx_cl.cli.keeping import keep_model
from hyperx_cl.cli.options import Common, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.proving import proof_lines
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.engine import shown
from hyperx_cl.registry.home import home
from hyperx_cl.registry.store import Registry
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.synthetic.demo import Demo

NAME = "demo"
OWN_REGISTRY = "registry.db"
SYNTHETIC = "All of this is synthetic data: it shows that the parts work, and is no result."


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "demo", example="hyperx-cl demo --seed 1")(demo)


def demo(
    common: Common,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="Gets everything.", show_default="demo in HYPERX_HOME")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of languages, data and training.")] = 1,
) -> None:
    """Run the whole path on synthetic languages: it proves mechanisms and is no result."""
    from hyperx_cl.synthetic.demo import run_demo

    folder = (output_dir or home() / "demo").absolute()
    expect_free(common.address, folder)
    with reporting("demo", 1, quiet=common.out.quiet) as reporter:
        done = run_demo(folder, seed=seed, reporter=reporter)
    registry = common.address or str(folder / OWN_REGISTRY)
    with Registry.open(registry) as store:
        keep_model(
            store, done.trained, NAME, folder / "model", backbone=str(folder / "backbone"), shape=done.shape,
            options=done.options,
        )  # fmt: skip
        for record in done.records:
            known = store.expect_addable(record.language, model=NAME, new_version=True)
            store.add_language(record, parent=known.hash if known else None, new_version=True)
    _show(common, done, registry)


def expect_free(address: str | None, folder: Path) -> None:
    """Refuse before minutes of work what the registry would refuse after them.

    Raises:
        ConflictError: It has a model of that name. The demo's own registry is made anew, whatever it holds.
    """
    if address is None or Path(shown(address)).absolute() == folder / OWN_REGISTRY:
        return
    with Registry.open(address, readonly=True) as store:
        if NAME in [model.name for model in store.list_models()]:
            raise ConflictError(
                f"the registry {store.where} has a model {NAME!r} already: name another with --registry, or forget "
                f"that one with `hyperx-cl models remove {NAME} --cascade --registry {store.where}`"
            )


def _show(common: Common, done: "Demo", registry: str) -> None:
    new, learnt = done.added.record.language, done.learnt
    rows = [(row.way, f"{row.loss:.3f}" if row.loss else "", f"{100 * row.pos:.1f}", f"{100 * row.ner:.1f}")
            for row in done.rows]  # fmt: skip
    folds = ", ".join(f"{name} {100 * score:.1f}" for name, score in learnt.folds.items())
    common.out.result(
        {
            "synthetic": True, "language": new, "rows": [asdict(row) for row in done.rows], "registry": registry,
            "folder": str(done.folder), "picture": str(done.picture), "model": done.trained.fingerprint,
            "chosen": learnt.chosen, "proof": done.added.proof.holds and learnt.proof.holds, "seconds": done.seconds,
        },
        ids=[str(done.folder)],
        show=[
            SYNTHETIC,
            f"{new} was in no base training. Running it with:",
            Grid(("", "MLM loss, nats", "POS accuracy %", "NER F1 %"), rows),
            f"start of the vector: {done.added.start}; few-shot by k-fold: {folds}; chosen: {learnt.chosen}",
            *proof_lines(done.added.proof),
            f"picture of the language vectors: {done.picture}",
            f"{done.seconds:.0f} s. What to type next:",
            f"  hyperx-cl languages list --registry {registry}",
            f"  hyperx-cl evaluate --registry {registry} --data-dir {done.folder / 'data'} --lang {new}",
            "  hyperx-cl train --help    # base training on real languages, then add-language for yours",
        ],
    )  # fmt: skip
