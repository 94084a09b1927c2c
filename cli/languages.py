"""`languages`: the stored languages of a model, their versions, and which are near."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.cli.options import Common, LanguageCode, ModelName, Yes, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.redo import EXAMPLE as REDO
from hyperx_cl.cli.redo import redo
from hyperx_cl.languages import canonical
from hyperx_cl.languages import name as name_of
from hyperx_cl.registry.records import StoredLanguage

app = group("languages", "The languages stored for a model, with their versions.")

LISTED = 5
"""Items of a list that are shown one by one."""

Version = Annotated[int | None, typer.Option("--version", min=1, help="A version's number.", show_default=False)]


def list_languages(common: Common, model: ModelName = None) -> None:
    """List a model's languages, each in the version in use."""
    with common.registry(readonly=True) as registry:
        known = registry.languages(model) if registry.list_models() or model else []
    common.out.result(
        {"languages": [_data(stored) for stored in known]},
        ids=[stored.language for stored in known],
        show=[_grid(known)]
        if known
        else ["No language yet: `hyperx-cl train` or `hyperx-cl add-language` makes some."],
    )


def show(common: Common, code: LanguageCode, model: ModelName = None, version: Version = None) -> None:
    """Show one version of a language: its numbers, tasks and where it came from."""
    with common.registry(readonly=True) as registry:
        loaded = registry.language(code, model, version)
    stored, pieces, rules = loaded.stored, loaded.record.pieces, loaded.record.transliteration
    facts = {
        "language": f"{stored.language} ({name_of(stored.language)})",
        "model": stored.model,
        "version": f"{stored.version}{' (in use)' if stored.current else ''}",
        "hash": stored.hash,
        "parent": stored.parent or "",
        "numbers": f"{stored.numbers:,}",
        "pieces of its token patch": str(len(pieces)),
        "rules of its transliteration": str(len(rules)),
        "tasks of its own": ", ".join(stored.tasks),
    }
    shown = {**facts, **_flat(stored.provenance)}
    common.out.result(
        {
            "language": _data(stored)
            | {"pieces": list(pieces), "transliteration": dict(rules), "provenance": dict(stored.provenance)}
        },
        ids=[f"{stored.language}@{stored.version}"],
        show=[Grid(("", ""), list(shown.items()))],
    )


def history(common: Common, code: LanguageCode, model: ModelName = None) -> None:
    """List all versions of a language, oldest first."""
    with common.registry(readonly=True) as registry:
        found = registry.history(code, model)
    common.out.result(
        {"versions": [_data(stored) for stored in found]},
        ids=[f"{stored.language}@{stored.version}" for stored in found],
        show=[_grid(found)],
    )


def use(
    common: Common,
    code: LanguageCode,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version's number.")],
    model: ModelName = None,
) -> None:
    """Choose the version of a language that is used."""
    with common.registry() as registry:
        stored = registry.use_language(code, version, model)
    told = f"{stored.language} of model {stored.model} is version {stored.version} now"
    common.out.result({"language": _data(stored)}, ids=[f"{stored.language}@{stored.version}"], show=[told])


def remove(
    common: Common,
    code: LanguageCode,
    version: Version = None,
    model: ModelName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
) -> None:
    """Remove one version of a language, or all of them."""
    with common.registry(readonly=dry_run) as registry:
        found = registry.history(code, model)
        doomed = [registry.language(code, model, version).stored] if version else found
        what = f"version {version}" if version else f"all {len(found)} versions"
        if not dry_run:
            confirm(f"Remove {what} of {canonical(code)} from model {found[0].model}?", yes=yes)
            doomed = registry.remove_language(code, version, model)
    told = f"{'would remove' if dry_run else 'removed'} {what} of {canonical(code)} from model {found[0].model}"
    common.out.result(
        {"removed": [_data(stored) for stored in doomed], "dry_run": dry_run},
        ids=[f"{stored.language}@{stored.version}" for stored in doomed],
        show=[told],
    )


def near(
    common: Common,
    code: LanguageCode,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="How many.")] = 5,
    model: ModelName = None,
) -> None:
    """List the stored languages whose vectors are nearest, by cosine."""
    with common.registry(readonly=True) as registry:
        found = registry.near(canonical(code), count, model)
    rows = [(n.language, name_of(n.language), str(n.version), f"{n.cosine:.4f}") for n in found]
    common.out.result(
        {"near": [asdict(neighbour) for neighbour in found]},
        ids=[neighbour.language for neighbour in found],
        show=[Grid(("code", "language", "version", "cosine"), rows)],
    )


def _grid(known: list[StoredLanguage]) -> Grid:
    header = ("", "code", "language", "version", "method", "tasks of its own", "numbers", "created", "hash")
    return Grid(
        header,
        [
            (
                "*" if s.current else "", s.language, name_of(s.language), str(s.version), s.method,
                " ".join(s.tasks), f"{s.numbers:,}", s.created, s.hash[:12],
            )
            for s in known
        ],
    )  # fmt: skip


def _data(stored: StoredLanguage) -> dict[str, Any]:
    kept = asdict(stored)
    del kept["provenance"]
    return kept | {"name": name_of(stored.language), "tasks": list(stored.tasks)}


def _short(value: Any) -> str:
    """A list of hashes or losses fills a screen; its length is enough there."""
    return f"{len(value)} of them (--json has all)" if isinstance(value, list) and len(value) > LISTED else str(value)


def _flat(values: Any, before: str = "") -> dict[str, str]:
    """Nested values as lines: ``losses.learnt``, ``corrections.1.was.source``."""
    if isinstance(values, list) and values and all(isinstance(value, dict) for value in values):
        values = dict(enumerate(values, 1))
    if not isinstance(values, dict):
        return {before: _short(values)}
    found: dict[str, str] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}.{key}" if before else str(key))
    return found


command(app, "list", example="hyperx-cl languages list --model mbert-d32")(list_languages)
command(app, "show", example="hyperx-cl languages show mt --version 1")(show)
command(app, "history", example="hyperx-cl languages history mt")(history)
command(app, "use", example="hyperx-cl languages use mt 1")(use)
command(app, "remove", example="hyperx-cl languages remove mt --version 2 --yes")(remove)
command(app, "near", example="hyperx-cl languages near mt -k 3")(near)
command(app, "redo", example=REDO)(redo)
