"""Data that no path is given for: fetched from the Hub into HYPERX_HOME/data, or used from there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from hyperx_cl.cli.options import Common
from hyperx_cl.data.hub.fetch import Fetched, Wanted, fetch
from hyperx_cl.errors import NotFoundError
from hyperx_cl.registry.home import home

MaxLines = Annotated[
    int | None,
    typer.Option("--max-lines", min=1, help="Of Wikipedia: most lines a language.", show_default="20000"),
]
Treebank = Annotated[
    str | None,
    typer.Option(
        "--treebank", metavar="NAMES", help="Of Universal Dependencies, such as mt_mudt.",
        show_default="the one with the largest training file",
    ),
]  # fmt: skip


def data_home() -> Path:
    """Where fetched data is kept unless ``--data-dir`` names another folder."""
    return home() / "data"


def have(
    common: Common, wanted: Iterable[Wanted], *, max_lines: int | None = None, dry_run: bool = False
) -> list[Fetched]:
    """See to it that data is in `data_home`.

    Args:
        common: Told on stderr what is fetched, before it is.
        wanted: Tasks and languages.
        max_lines: Most lines of text.
        dry_run: Fetch nothing.

    Raises:
        NotFoundError: With `dry_run`, something is not there yet; or the Hub does not have it.
        NetworkError: It is not there, and the Hub cannot be reached.
    """
    done = fetch(data_home(), wanted, max_lines=max_lines, dry_run=dry_run, tell=common.out.note)
    lacking = [each.source for each in done if each.new] if dry_run else []
    if lacking:
        pairs = ", ".join(f"{source.task} in {source.language}" for source in lacking)
        raise NotFoundError(
            f"{pairs} would have to be fetched from the Hub first: hyperx-cl data get "
            f"--lang {','.join(dict.fromkeys(source.language for source in lacking))} "
            f"--task {','.join(dict.fromkeys(source.task for source in lacking))}"
        )
    return done
