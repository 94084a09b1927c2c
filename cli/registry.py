"""`registry`: the database itself: brought up, checked, copied, and its records out into files and back."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hyperx_cl.cli.options import Common, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.words import codes
from hyperx_cl.errors import DataError
from hyperx_cl.registry.transfer import Moved

app = group("registry", "The database: its schema, a check of all it holds, copies, and records as files.")


def upgrade(common: Common) -> None:
    """Bring the registry to the schema of this version, or make an empty one."""
    from hyperx_cl.registry.upgrade import upgrade

    done = upgrade(common.address, tell=common.out.note)
    if done.before == done.after:
        told = f"{done.where} has schema {done.after} already, which is this version's"
    else:
        told = f"{done.where} is brought from {f'schema {done.before}' if done.before else 'empty'} to {done.after}"
    common.out.result(
        {"registry": done.where, "before": done.before, "after": done.after}, ids=[done.after], show=[told]
    )


def check(common: Common) -> None:
    """Hash everything anew and follow every name; what is wrong is named row by row, and ends with exit code 6."""
    with common.registry(readonly=True) as registry:
        problems, where = registry.check(), registry.where
    common.out.result(
        {"registry": where, "problems": [asdict(problem) for problem in problems]},
        ids=[problem.where for problem in problems],
        show=[Grid(("where", "what is wrong"), [(problem.where, problem.what) for problem in problems])]
        if problems
        else [f"{where} is sound: every hash is that of its numbers, and every name points at something"],
    )
    if problems:
        raise DataError(
            f"{len(problems)} things are wrong in {where}: restore it from a copy, or remove what is named and learn "
            "or import it again"
        )


def export(
    common: Common,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.", show_default=False)],
    model: Annotated[str | None, typer.Option("--model", help="One model alone.", show_default="all of them")] = None,
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="CODES", help="These languages alone.", show_default="all")
    ] = None,
) -> None:
    """Write models, all versions of their languages and their learnt tasks into a folder of files."""
    from hyperx_cl.registry.transfer import export

    with common.registry(readonly=True) as registry:
        moved = export(registry, folder, model=model, codes=codes(lang))
    common.out.result(
        {"folder": str(folder.absolute()), **asdict(moved)}, ids=[str(folder)], show=[f"{_told(moved)} are in {folder}"]
    )


def import_(
    common: Common,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `registry export` wrote.", show_default=False)],
    model_dir: Annotated[
        Path | None, typer.Option("--model-dir", help="Where the model lies here.", show_default="where it lay")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify all, and only say what would be stored.")] = False,
) -> None:
    """Store an exported folder: every file is verified first, then all is stored or nothing."""
    from hyperx_cl.registry.taking_in import import_folder

    with common.registry() as registry:
        taken = import_folder(registry, folder, dry_run=dry_run, model_dir=model_dir)
    common.out.result(
        {"new": asdict(taken.new), "known": asdict(taken.known), "dry_run": dry_run},
        ids=[str(taken.new.versions)],
        show=[
            f"{'would be stored' if dry_run else 'stored'}: {_told(taken.new)}",
            f"there already, and left as they are: {_told(taken.known)}",
        ],
    )


def backup(
    common: Common,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
) -> None:
    """Copy an SQLite registry into one file, consistent even while others write."""
    from hyperx_cl.registry.backup import backup

    path = backup(file, common.address)
    size = path.stat().st_size
    common.out.result(
        {"file": str(path), "bytes": size}, ids=[str(path)],
        show=[f"{path} is a copy of the registry ({size:,} bytes); use it with --registry, or put it in its place"],
    )  # fmt: skip


def _told(moved: Moved) -> str:
    counts = asdict(moved)
    words = {"models": "model", "languages": "language", "versions": "version", "tasks": "learnt task"}
    parts = [f"{count:,} {words[key]}{'' if count == 1 else 's'}" for key, count in counts.items()]
    return f"{parts[0]}, {parts[1]} in {parts[2]}, {parts[3]}"


command(app, "upgrade", example="hyperx-cl registry upgrade")(upgrade)
command(app, "check", example="hyperx-cl registry check --json")(check)
command(app, "export", example="hyperx-cl registry export records --lang mt,ug")(export)
command(app, "import", example="hyperx-cl registry import records --dry-run")(import_)
command(app, "backup", example="hyperx-cl registry backup registry-copy.sqlite3")(backup)
