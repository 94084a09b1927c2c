"""`push`: languages of a model, and the model, into a repository on the Hugging Face Hub."""

from typing import Annotated, Any

import typer

from hyperx_cl.cli.completion import complete_language, complete_model
from hyperx_cl.cli.options import Common, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.words import codes

EXAMPLE = "hyperx-cl push org/name --lang mt,ug --licence CC-BY-SA-4.0"

Repository = Annotated[str, typer.Argument(metavar="ORG/NAME", help="Repository on the Hub.")]


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "push", example=EXAMPLE)(push)


def push(
    common: Common,
    repository: Repository,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang", metavar="LANGS", help="Their versions in use.", show_default="all, with the model",
            autocompletion=complete_language,
        ),
    ] = None,
    model: Annotated[bool, typer.Option("--model", help="The model, with its base languages.")] = False,
    of: Annotated[
        str | None,
        typer.Option(
            "--of", metavar="NAME", help="Of which model.", show_default="the default model",
            autocompletion=complete_model,
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    tag: Annotated[str | None, typer.Option("--tag", help="Name the commit, such as v1.", show_default=False)] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    licence: Annotated[
        str | None,
        typer.Option("--licence", help="Of data of which the records name none.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look everything up, send nothing.")] = False,
) -> None:  # fmt: skip
    """Push languages and a model to the Hugging Face Hub, in one commit; what is there stays.

    Matrices travel in fp16. Where that rounds a record, the rounded one is a new version, in use here too, so that
    everybody computes with the same numbers.
    """
    from hyperx_cl.registry.hub import push as pushing

    with common.registry(readonly=dry_run) as registry:
        done = pushing(
            repository, languages=codes(lang) if lang else None, model=model, of=of, private=private, tag=tag,
            create_pr=create_pr, dry_run=dry_run, licence=licence, registry=registry, tell=common.out.note,
        )  # fmt: skip
    published = done.published
    would = "would be " if dry_run else ""
    if done.rounded:
        common.out.note(
            f"{', '.join(done.rounded)}: {would}rounded to fp16, a new version that {'would be' if dry_run else 'is'} "
            "in use here too."
        )
    if published.kept_card:
        common.out.note("The card there is somebody's own, and stays as it is.")
    data: dict[str, Any] = {
        "repository": published.repo_id, "commit": published.commit, "url": published.url,
        "changed": published.changed, "created": published.created, "dry_run": dry_run, "model": done.model,
        "with_model": done.with_model, "languages": dict(done.languages), "tasks": dict(done.tasks),
        "rounded": list(done.rounded), "lists": list(done.lists), "tag": tag, "files": dict(published.files),
    }  # fmt: skip
    common.out.result(data, ids=[published.commit or ""], show=_shown(data))


def _shown(data: dict[str, Any]) -> list[str | Grid]:
    if not data["changed"]:
        return [f"{data['repository']} has all of it already, at commit {data['commit']}"]
    rows = [(path, f"{size:,}") for path, size in data["files"].items()]
    done = "would be pushed to" if data["dry_run"] else "pushed to"
    made = " (a new repository)" if data["created"] else ""
    where = f": {data['url']}" if data["url"] else ""
    return [Grid(("file", "bytes"), rows), f"{len(rows)} files {done} {data['repository']}{made}{where}"]
