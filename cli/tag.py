"""`tag`: CoNLL-U, split words or raw text in, labels out; one language or many in one call."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hyperx_cl.cli.completion import complete_language, complete_task
from hyperx_cl.cli.loading import find_model, load_model, task_of, tasks_of
from hyperx_cl.cli.options import BackbonePlace, Common, Device, ModelName, Precision, command
from hyperx_cl.cli.output import SCHEMA_VERSION, Output
from hyperx_cl.cli.words import names
from hyperx_cl.document import Document, looks_like_conllu
from hyperx_cl.errors import ConflictError, DataError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.registry.store import Registry
from hyperx_cl.rows import read_utf8
from hyperx_cl.segment import ExternalSegmenter, Segmenter, segmenter, segmenter_for

EXAMPLE = 'echo "Il-kelb qed jiġri." | hyperx-cl tag --lang mt --task pos'

STDIN = "-"


@dataclass(frozen=True)
class Piece:
    """One text of one language: where it comes from, and what it became."""

    language: str
    source: str
    document: Document


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "tag", example=EXAMPLE)(tag)


def tag(
    common: Common,
    lang: Annotated[
        list[str],
        typer.Option(
            "--lang", metavar="CODE[=FILE]", help="The language; give several, each with its file, to tag many.",
            autocompletion=complete_language,
        ),
    ],
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="What to tag; - or nothing is stdin.", show_default=False)
    ] = STDIN,
    task: Annotated[
        str | None,
        typer.Option("--task", help="Tasks, such as pos,ner.", show_default="all", autocompletion=complete_task),
    ] = None,
    source: Annotated[
        Literal["auto", "text", "words", "conllu"],
        typer.Option("--input", help="text: raw; words: split, a sentence a line; auto: text or conllu."),
    ] = "auto",
    form: Annotated[
        Literal["conllu", "iob2", "json"], typer.Option("--format", help="What to write; --json is --format json.")
    ] = "conllu",
    tokenizer: Annotated[
        str | None,
        typer.Option("--tokenizer", metavar="CMD", help="Splits raw text: stdin to CoNLL-U.", show_default=False),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option("--segmenter", help="unicode or unicode-clitics.", show_default="what suits the language"),
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="Write a file for each input there.", show_default=False)
    ] = None,
    model: ModelName = None,
    backbone: BackbonePlace = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:  # fmt: skip
    """Tag texts. Many languages in one call: --lang mt=a.txt --lang ug=b.txt, written in that order."""
    wanted = _inputs(lang, file)
    form = "json" if common.out.json else form
    with common.registry(readonly=True) as registry:
        known = registry.model(model)
        for code, _ in wanted:
            registry.history(code, known.name)
        record = find_model(registry, model, backbone)
        labelling = [name for name, kind in tasks_of(record).items() if kind.kind != "mlm"]
        tasks = [task_of(record, name).name for name in names(task)] or labelling
        pieces = [
            Piece(code, place, _read(place, source, _segmenter(code, tokenizer, rules))) for code, place in wanted
        ]
        targets = _targets(pieces, output_dir, form)
        _label(registry, record, pieces, tasks, {"backbone": backbone, "device": device, "precision": precision})
    if any(piece.document.multiword == "whole" for piece in pieces):
        common.out.note("Multiword tokens stay whole: every surface token carries one label.")
    if output_dir is None:
        common.out.text(_written(pieces, tasks, form, known.name))
    for piece, target in zip(pieces, targets, strict=False):
        _write(common.out, target, _written([piece], tasks, form, known.name))


def _inputs(lang: Sequence[str], file: str) -> list[tuple[str, str]]:
    """Language and place of each input.

    Raises:
        UsageError: Several languages without a file each, or a file twice given.
        NotFoundError: An unknown language.
    """
    split = [item.partition("=") for item in lang]
    if len(split) == 1 and not split[0][1]:
        return [(canonical(split[0][0]), file)]
    if not all(separator and place for _, separator, place in split):
        raise UsageError("several languages need a file each: --lang mt=a.txt --lang ug=b.txt")
    if file != STDIN:
        raise UsageError(f"{file} is one file too many: each --lang has named its own")
    return [(canonical(code), place) for code, _, place in split]


def _segmenter(code: str, tokenizer: str | None, rules: str | None) -> Segmenter:
    if tokenizer and rules:
        raise UsageError("--tokenizer and --segmenter exclude each other: give one of them")
    if tokenizer:
        return ExternalSegmenter(tokenizer)
    return segmenter(rules) if rules else segmenter_for(code)


def _read(place: str, source: str, splits: Segmenter) -> Document:
    text, title = (_stdin(), "the standard input") if place == STDIN else (read_utf8(Path(place)), place)
    if source == "conllu" or (source == "auto" and looks_like_conllu(text)):
        return Document.from_conllu(text, name=title)
    if source == "words":
        return Document.from_words(text, name=title)
    return Document.from_text(text, splits, name=title)


def _stdin() -> str:
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"the standard input is not UTF-8 (byte {error.start}): convert it to UTF-8 first") from error
    if "\0" in text:
        raise DataError("the standard input is binary (it holds a zero byte): give text")
    return text


def _label(
    registry: Registry, record: Any, pieces: Sequence[Piece], tasks: Sequence[str], place: dict[str, Any]
) -> None:
    from hyperx_cl.predict import tag_many

    model = load_model(registry, record, **place)
    tag_many(model, [(piece.document, piece.language) for piece in pieces], tasks)


def _written(pieces: Sequence[Piece], tasks: Sequence[str], form: str, model: str) -> str:
    """The whole output; where there are several pieces, each says in a comment whose it is."""
    if form == "json":
        documents = [
            {"language": piece.language, "file": piece.source, **json.loads(piece.document.to_json())}
            for piece in pieces
        ]
        for document in documents:
            del document["schema_version"]
        content = {"schema_version": SCHEMA_VERSION, "model": model, "tasks": list(tasks), "documents": documents}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    texts = [piece.document.to_iob2(*tasks) if form == "iob2" else piece.document.to_conllu() for piece in pieces]
    if len(texts) == 1:
        return texts[0]
    heads = [f"# language = {piece.language}\n# source = {piece.source}\n" for piece in pieces]
    return "".join(head + text for head, text in zip(heads, texts, strict=True))


def _targets(pieces: Sequence[Piece], folder: Path | None, form: str) -> list[Path]:
    """The files to write; none without a folder.

    Raises:
        ConflictError: One is there already, or two are the same.
    """
    if folder is None:
        return []
    stems = [Path(piece.source).name.split(".")[0] if piece.source != STDIN else "stdin" for piece in pieces]
    targets = [folder / f"{stem}.{piece.language}.{form}" for stem, piece in zip(stems, pieces, strict=True)]
    for number, target in enumerate(targets):
        if target.exists() or target in targets[:number]:
            raise ConflictError(f"{target} is there already: choose another --output-dir")
    return targets


def _write(output: Output, target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="")
    output.note(f"wrote {target}")
