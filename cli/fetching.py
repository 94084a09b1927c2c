"""Data that no path is given for: fetched from the Hub into HYPERX_HOME/data, or used from there."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from hyperx_cl.cli.options import Common
from hyperx_cl.cli.words import NONE, codes, pairs
from hyperx_cl.data.hub.fetch import fetch
from hyperx_cl.data.hub.source import Source
from hyperx_cl.data.hub.work import Fetched, Wanted
from hyperx_cl.data.tasks import POS, Task
from hyperx_cl.errors import NotFoundError, UsageError
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


def origin(source: Source) -> str:
    """Where fetched data is from, for a record that travels."""
    return f"{source.dataset}, {source.config}, commit {source.revision}"


def on_hub(task: Task) -> str | None:
    """The built-in task whose files on the Hub a task can be read from; None where there are none of its kind.

    Any task that labels words is a column of Universal Dependencies; names are those of WikiANN.
    """
    if task.kind == "spans":
        return task.name if task.name == "ner" else None
    return "mlm" if task.kind == "mlm" else "pos"


def have(
    common: Common, wanted: Iterable[Wanted], *, max_lines: int | None = None, dry_run: bool = False,
    lenient: bool = False,
) -> list[Fetched]:  # fmt: skip
    """See to it that data is in `data_home`.

    Args:
        common: Told on stderr what is fetched, before it is.
        wanted: Tasks and languages.
        max_lines: Most lines of text.
        dry_run: Fetch nothing.
        lenient: Say what the Hub does not have, and go on without.

    Raises:
        NotFoundError: With `dry_run`, something is not there yet; or the Hub does not have it.
        NetworkError: It is not there, and the Hub cannot be reached.
    """
    say = common.out.note
    done = fetch(
        data_home(), wanted, max_lines=max_lines, dry_run=dry_run, tell=say,
        lacking=(lambda text: say(f"Left out: {text}.")) if lenient else None,
    )  # fmt: skip
    lacking = [each.source for each in done if each.new] if dry_run else []
    if lacking:
        raise NotFoundError(
            f"{', '.join(f'{source.task} in {source.language}' for source in lacking)} would have to be fetched from "
            f"the Hub first: hyperx-cl data get --lang {','.join(dict.fromkeys(each.language for each in lacking))} "
            f"--task {','.join(dict.fromkeys(each.task for each in lacking))}"
        )
    return done


def from_hub(
    common: Common, wanted: Mapping[str, str | None], own: Sequence[str], *, leave_out: str | None,
    max_lines: int | None, dry_run: bool,
) -> tuple[dict[str, str], list[str]]:  # fmt: skip
    """Fetch what a base training without ``--data-dir`` names, and leave out what it does not name.

    Not "all there is": what was fetched for something else, a new language above all, must not get into a base.

    Args:
        common: Told what is fetched.
        wanted: For ``mlm``, ``pos`` and ``ner`` languages as typed, ``none``, or None for all that there are.
        own: ``NAME=LANGUAGES`` of other tasks, which are columns of Universal Dependencies.
        leave_out: Languages that are not fetched.
        max_lines: Most lines of text a language.
        dry_run: Fetch nothing.

    Returns:
        As `wanted` and `own`, without what is left out, and with ``none`` for what was not named.

    Raises:
        UsageError: Nothing is named.
    """
    left_out = set(codes(leave_out))
    named = {name: codes(text) for name, text in wanted.items()}
    others = {name: codes(text) for name, text in pairs(own, flag="--task", form="NAME=LANGUAGES, such as xpos=en,tr")}
    if not any((*named.values(), *others.values())):
        raise UsageError(
            "there is nothing to train on: name languages with --mlm, --pos and --ner, whose data is fetched from the "
            "Hub, or with --data-dir a folder that holds ud/LANG/train.conllu, ner/LANG/train.conll and mlm/LANG.txt"
        )
    every = [*named.items(), *((POS.name, found) for found in others.values())]
    todo = [Wanted(name, code) for name, found in every for code in found if code not in left_out]
    have(common, todo, max_lines=max_lines, dry_run=dry_run)

    def words(found: Iterable[str]) -> str:
        return ",".join(code for code in found if code not in left_out) or NONE

    return (
        {name: words(found) for name, found in named.items()},
        [f"{name}={words(found)}" for name, found in others.items()],
    )  # fmt: skip
