"""`pull`: languages and models out of a repository on the Hugging Face Hub, verified before they are stored."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from hyperx_cl.cli.options import Common, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.words import names

EXAMPLE = "hyperx-cl pull org/name@v1 --lang mt"


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "pull", example=EXAMPLE)(pull)


def pull(
    common: Common,
    repository: Annotated[
        str, typer.Argument(metavar="ORG/NAME[@REVISION]", help="Repository on the Hub; branch, tag or commit.")
    ],
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang", metavar="LANGS", help="Languages; mt@HASH for a version that is not the newest.",
            show_default="all, with the model",
        ),
    ] = None,
    model: Annotated[bool, typer.Option("--model", help="The model, with its base languages.")] = False,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What to call the model.", show_default="the repository's name"),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Serve from the cache alone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look everything up, store nothing.")] = False,
) -> None:  # fmt: skip
    """Pull languages and a model from the Hugging Face Hub; all is verified before anything is stored."""
    from hyperx_cl.registry.hub import pull as pulling

    repo_id, _, revision = repository.partition("@")
    with common.registry(readonly=dry_run) as registry:
        done = pulling(
            repo_id, languages=names(lang) if lang else None, model=model, name=name, revision=revision or None,
            dry_run=dry_run, offline=offline, registry=registry, tell=common.out.note,
        )  # fmt: skip
    versions = {stored.language: stored.version for stored in done.languages}
    for code, hashes in done.others.items():
        common.out.note(
            f"{code} has {len(hashes) + 1} versions there, side by side; one was taken. Another one: "
            f"--lang {code}@{hashes[0][:8]}"
        )
    rows = [
        (code, str(versions.get(code, "")), mark[:12], _state(code, versions, done.there, dry_run))
        for code, mark in done.wanted.items()
    ]
    told = f"model {done.model}{' (new)' if done.new_model else ''}, from {done.repo_id} at commit {done.revision}"
    common.out.result(
        {
            "repository": done.repo_id, "revision": done.revision, "model": done.model, "new_model": done.new_model,
            "languages": dict(done.wanted), "versions": versions, "there": list(done.there), "tasks": list(done.tasks),
            "others": {code: list(hashes) for code, hashes in done.others.items()}, "bytes": done.bytes,
            "dry_run": dry_run,
        },
        ids=[done.model] if done.new_model else list(done.wanted),
        show=[*([Grid(("language", "version", "hash", ""), rows)] if rows else []), told],
    )  # fmt: skip


def _state(code: str, versions: Mapping[str, int], there: Sequence[str], dry_run: bool) -> str:
    return "new" if code in versions else "there already" if code in there else "would be new" if dry_run else ""
