"""`languages redo`: after base training anew, the new languages of the model before are learnt for the new model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.cli.completion import complete_language, complete_model
from hyperx_cl.cli.loading import find_model
from hyperx_cl.cli.options import BackbonePlace, Common, Device, Resume, Yes
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.redo_item import DONE, MISSING, TO_DO, Item, Wanted
from hyperx_cl.cli.redo_left import Left, left_over
from hyperx_cl.cli.redo_lineage import TEXT
from hyperx_cl.cli.words import pairs
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry

EXAMPLE = "hyperx-cl languages redo --model mbert-2 --from mbert-1 --texts ~/texts --dry-run"


def redo(
    common: Common,
    model: Annotated[
        str,
        typer.Option(
            "--model", help="The model that is to get the languages.", show_default=False, autocompletion=complete_model
        ),
    ],
    code: Annotated[
        list[str] | None,
        typer.Argument(metavar="CODE", help="These languages alone.", autocompletion=complete_language),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", help="The model that has them.", show_default="the only other one", autocompletion=complete_model
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="CODE=FILE", help="Where a language's text is now.", show_default=False),
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", metavar="FOLDER", help="Look here for texts and sentences.", show_default=False),
    ] = None,
    other_text: Annotated[
        bool, typer.Option("--other-text", help="What --text names may be another text than before.")
    ] = False,
    new_version: Annotated[
        bool, typer.Option("--new-version", help="Beside a version that was made in another way.")
    ] = False,
    backbone: BackbonePlace = None,
    resume: Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Yes = False,
    device: Device = "auto",
) -> None:
    """Learn the new languages of one model for another: same texts, found by their hashes, options and seeds.

    A text is looked for where it was, and in --texts. What is there already is left alone, so that the same
    command goes on where it was stopped. Few-shot updates are redone from the same sentences.

    Where something cannot be redone, the rest is, and the exit code is that of the first obstacle: 3 where a text or
    sentences are not found.
    """
    from hyperx_cl.cli.redo_plan import plan  # takes along what reads data: no other command on languages does

    with common.registry(readonly=dry_run) as registry:
        new = find_model(registry, model, backbone)
        wanted = _wanted(
            common, registry, new, origin, text or (), texts or (), other_text=other_text, new_version=new_version
        )
        named = list(dict.fromkeys(canonical(one) for one in code or ()))
        chains = plan(registry, wanted, named)
        _expect_used(wanted, chains)
        left = left_over(registry, wanted.old, new, chains, named)
        todo = [item for items in chains for item in items if item.state == TO_DO]
        if not dry_run and todo:
            _do(common, registry, wanted, chains, left, todo, resume=resume, yes=yes, backbone=backbone, device=device)
    _show(common, wanted, chains, left, dry_run=dry_run)
    _end(wanted, chains)


def _wanted(
    common: Common, registry: Registry, new: ModelRecord, origin: str | None, text: Sequence[str],
    texts: Sequence[Path], *, other_text: bool, new_version: bool,
) -> Wanted:  # fmt: skip
    """Words to values.

    Raises:
        UsageError: Several models could be meant, or words that do not go together.
        NotFoundError: There is no such model, file or folder.
    """
    given: dict[str, Path] = {}
    for word, file in pairs(text, flag="--text", form="CODE=FILE, such as mt=wiki.txt"):
        short, place = canonical(word), Path(file).expanduser()
        if short in given:
            raise UsageError(f"--text {word}={file}: this language has a file already, leave one of them out")
        if not place.is_file():
            raise NotFoundError(f"there is no file {file}: check the path")
        given[short] = place
    if other_text and not given:
        raise UsageError("--other-text is about what --text CODE=FILE names: name a file for each such language")
    old = _old(registry, new, origin)

    from hyperx_cl.data.finding import Finder

    finder = Finder([folder.expanduser() for folder in texts], common.out.note)
    return Wanted(old, new, given, other_text=other_text, new_version=new_version, finder=finder)


def _old(registry: Registry, new: ModelRecord, origin: str | None) -> ModelRecord:
    """The model whose languages are redone."""
    if origin is None:
        others = [known for known in registry.list_models() if known.name != new.name]
        if not others:
            raise NotFoundError(
                f"{new.name} is the only model: train another one, or name the one to get them as --model"
            )
        if len(others) > 1:
            names = ", ".join(known.name for known in others)
            raise UsageError(f"say with --from which model has the languages: {names}")
        return others[0]
    old = registry.model(origin)
    if old.name == new.name:
        raise UsageError(f"--model and --from both name {new.name}: give the model before as --from")
    return old


def _expect_used(wanted: Wanted, chains: Sequence[Sequence[Item]]) -> None:
    """Refuse a text for a language that is not learnt from one.

    Raises:
        UsageError: There is one.
    """
    known = [items[0].code for items in chains if items[0].step.method == TEXT]
    idle = [code for code in wanted.given if code not in known]
    if idle:
        raise UsageError(
            f"--text names {', '.join(idle)}: choose from the languages that were learnt from a text "
            f"({', '.join(known) or 'none'})"
        )


def _do(
    common: Common, registry: Registry, wanted: Wanted, chains: Sequence[Sequence[Item]], left: Sequence[Left],
    todo: Sequence[Item], *, resume: bool, yes: bool, backbone: str | None, device: str,
) -> None:  # fmt: skip
    from hyperx_cl.cli.redo_plan import expect_no_checkpoints

    if not resume:
        expect_no_checkpoints(chains, wanted.new)
    for item in (item for items in chains for item in items if item.error is not None):
        common.out.note(f"Not redone: {item.what} of {item.code}: {item.why}.")
    for one in left:
        common.out.note(f"Not carried over: {one.what} ({one.why}): {one.command}")
    languages = ", ".join(dict.fromkeys(item.code for item in todo))
    confirm(f"Redo {languages} for {wanted.new.name}, which took {_time(todo)} before?", yes=yes)

    from hyperx_cl.cli.redo_work import work

    for items in chains:
        work(common, registry, wanted, items, resume=resume, backbone=backbone, device=device)


def _show(
    common: Common, wanted: Wanted, chains: Sequence[Sequence[Item]], left: Sequence[Left], *, dry_run: bool
) -> None:
    items = [item for found in chains for item in found]
    todo = [item for item in items if item.state == TO_DO]
    rows = [(item.code, item.what, item.state, f"{item.steps:,}", _time([item]), _about(item)) for item in items]
    show: list[str | Grid] = [f"new languages of {wanted.old.name} for {wanted.new.name}:"]
    header = ("code", "what", "state", "steps before", "time before", "")
    show += [Grid(header, rows)] if rows else [f"{wanted.old.name} has none"]
    if left:
        shown = [(one.what, one.why, one.command) for one in left]
        show += ["not carried over:", Grid(("what", "why", "what to type"), shown)]
    if todo:
        show.append(f"{len(todo)} to do, which took {_time(todo)} before")
    common.out.result(
        {
            "model": wanted.new.name, "from": wanted.old.name, "dry_run": dry_run,
            "languages": [_data(item, wanted) for item in items],
            "left": [{"what": one.what, "why": one.why, "command": one.command} for one in left],
            "seconds": sum(item.seconds for item in todo),
        },
        ids=[
            f"{item.code}@{item.version.version}"
            for item in items
            if item.version is not None and item.state == DONE
        ],
        show=show,
    )  # fmt: skip


def _about(item: Item) -> str:
    words = [str(item.file)] if item.file is not None else []
    if item.version is not None and item.state == DONE:
        words.append(f"version {item.version.version}")
    return "; ".join([*words, *(["another text"] if item.other_text else []), *([item.why] if item.why else [])])


def _data(item: Item, wanted: Wanted) -> dict[str, Any]:
    version = item.version if item.version is not None and item.version.model == wanted.new.name else None
    return {
        "language": item.code, "method": item.step.method, "task": item.step.told.get("task"), "state": item.state,
        "why": item.why or None, "file": str(item.file) if item.file else None, "text": item.hash or None,
        "other_text": item.other_text, "last": item.step.config.get("text") or item.step.config.get("data"),
        "steps_before": item.steps, "seconds_before": item.seconds,
        "version": version.version if version else None, "hash": version.hash if version else None,
    }  # fmt: skip


def _time(items: Sequence[Item]) -> str:
    seconds = sum(item.seconds for item in items)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _end(wanted: Wanted, chains: Sequence[Sequence[Item]]) -> None:
    """End with the exit code of the first obstacle, what is missing before the rest.

    Raises:
        HyperXError: Something could not be redone.
    """
    stopped = [item for items in chains for item in items if item.error is not None]
    stopped.sort(key=lambda item: item.state != MISSING)
    if not stopped:
        return
    first, codes = stopped[0], ", ".join(dict.fromkeys(item.code for item in stopped))
    assert first.error is not None
    raise type(first.error)(
        f"{codes} could not be redone for {wanted.new.name} ({first.what} of {first.code}: {first.why}); see to that, "
        "and run the same command again"
    )
