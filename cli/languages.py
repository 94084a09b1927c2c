"""`languages`: the stored languages of a model, their versions, and which are near."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.cli.language_story import story, tree
from hyperx_cl.cli.language_table import described, kinds_of, language_listing
from hyperx_cl.cli.options import Common, LanguageCode, ModelName, Yes, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.redo import EXAMPLE as REDO
from hyperx_cl.cli.redo import redo
from hyperx_cl.cli.words import codes
from hyperx_cl.errors import UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.languages import name as name_of
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.registry.search import Wanted
from hyperx_cl.registry.store import Registry

app = group("languages", "The languages stored for a model, with their versions.")

LISTED = 5
"""Items of a list that are shown one by one."""

Version = Annotated[int | None, typer.Option("--version", min=1, help="A version's number.", show_default=False)]


def list_languages(
    common: Common,
    model: ModelName = None,
    all_models: Annotated[bool, typer.Option("--all-models", help="Of every model, not of one alone.")] = False,
    code: Annotated[str, typer.Option("--code", metavar="CODES", help="These languages.", show_default=False)] = "",
    name: Annotated[str, typer.Option("--name", help="A part of the English name.", show_default=False)] = "",
    family: Annotated[
        str, typer.Option("--family", help="A family of languages or a group of one.", show_default=False)
    ] = "",
    script: Annotated[
        str, typer.Option("--script", help="What it is written in: Cyrl or Cyrillic.", show_default=False)
    ] = "",
    task: Annotated[
        str, typer.Option("--task", help="It has something of its own for it, or scores.", show_default=False)
    ] = "",
    author: Annotated[str, typer.Option("--author", help="A part of who made it.", show_default=False)] = "",
) -> None:
    """List a model's languages, each in the version in use; options narrow, and all of them have to fit."""
    if all_models and model:
        raise UsageError("--model and --all-models exclude each other: leave one of them out")
    wanted = Wanted(codes=codes(code), name=name, family=family, script=script, task=task, author=author)
    with common.registry(readonly=True) as registry:
        models = registry.list_models()
        known = registry.search(wanted, model, everywhere=all_models, brief=True) if models or model else []
    kinds = kinds_of(models)
    none = "No language yet: `hyperx-cl train` or `hyperx-cl add-language` makes some."
    if wanted != Wanted():
        none = "No stored language fits: `hyperx-cl languages list` without options names them all."
    common.out.result(
        {"languages": [described(stored, kinds) for stored in known] if common.out.json else []},  # may be thousands
        ids=[stored.language for stored in known],
        show=[language_listing(known, kinds, models=all_models) if known else none],
    )


def show(common: Common, code: LanguageCode, model: ModelName = None, version: Version = None) -> None:
    """Show one version of a language: what it is, what made it and from what, and all that is kept of it."""
    with common.registry(readonly=True) as registry:
        loaded = registry.language(code, model, version)
        versions, owner = registry.history(code, model), registry.model(model)
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
    shown, kinds = {**facts, **_flat(stored.provenance)}, kinds_of([owner])
    more = {
        "pieces": list(pieces), "transliteration": dict(rules),
        "tensors": {name: list(values.shape) for name, values in loaded.record.tensors.items()},
        "provenance": dict(stored.provenance),
    }  # fmt: skip
    common.out.result(
        {"language": described(stored, kinds) | more},
        ids=[f"{stored.language}@{stored.version}"],
        show=[*story(loaded, versions, owner, kinds), Grid(("", ""), list(shown.items()))],
    )


def history(common: Common, code: LanguageCode, model: ModelName = None) -> None:
    """Show all versions of a language as a tree, each below the one it was learnt from; a star marks the one in use."""
    with common.registry(readonly=True) as registry:
        found, kinds = registry.history(code, model), kinds_of(registry.list_models())
    common.out.result(
        {"versions": [described(stored, kinds) for stored in found]},
        ids=[f"{stored.language}@{stored.version}" for stored in found],
        show=[tree(found)],
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
        _say_used(common, registry, stored)


def rollback(common: Common, code: LanguageCode, model: ModelName = None) -> None:
    """Go back to the version that the one in use was learnt from, or else to the one before it; none is removed."""
    with common.registry() as registry:
        stored = registry.rollback_language(code, model)
        _say_used(common, registry, stored)


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
        kinds = kinds_of(registry.list_models())
    told = f"{'would remove' if dry_run else 'removed'} {what} of {canonical(code)} from model {found[0].model}"
    common.out.result(
        {"removed": [described(stored, kinds) for stored in doomed], "dry_run": dry_run},
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


def _say_used(common: Common, registry: Registry, stored: StoredLanguage) -> None:
    told = f"{stored.language} of model {stored.model} is version {stored.version} now"
    data = {"language": described(stored, kinds_of(registry.list_models()))}
    common.out.result(data, ids=[f"{stored.language}@{stored.version}"], show=[told])


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


command(app, "list", example="hyperx-cl languages list --family Turkic --script Cyrl")(list_languages)
command(app, "show", example="hyperx-cl languages show mt --version 1")(show)
command(app, "history", example="hyperx-cl languages history mt")(history)
command(app, "use", example="hyperx-cl languages use mt 1")(use)
command(app, "rollback", example="hyperx-cl languages rollback mt")(rollback)
command(app, "remove", example="hyperx-cl languages remove mt --version 2 --yes")(remove)
command(app, "near", example="hyperx-cl languages near mt -k 3")(near)
command(app, "redo", example=REDO)(redo)
