"""`add-language`: a new language from raw text, or without any out of others; nothing else of the model changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hyperx_cl.cli.adding import Adding, Asked, Letters, checkpoint_of, learnt, read
from hyperx_cl.cli.fetching import data_home, have, origin
from hyperx_cl.cli.loading import find_model
from hyperx_cl.cli.options import BackbonePlace, Common, Config, Device, ModelName, Resume, command
from hyperx_cl.cli.shared import Told, each
from hyperx_cl.cli.telling import told, told_finished, told_like
from hyperx_cl.cli.words import codes, names
from hyperx_cl.config import AddOptions
from hyperx_cl.data.hub.source import TEXT, data_file
from hyperx_cl.data.hub.work import Wanted
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import NotFoundError, UsageError, did_you_mean
from hyperx_cl.languages import canonical
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.relatives import relatives
from hyperx_cl.settings import resolve
from hyperx_cl.train.peers import Peers, peers

WIKIPEDIA = "wikipedia"
"""Said instead of a file: text of Wikipedia, from the Hub."""

EXAMPLE = 'hyperx-cl add-language mt --mlm wiki.txt --source "Maltese Wikipedia" --licence CC-BY-SA-4.0'


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "add-language", example=EXAMPLE, shared=True)(add_language)


def add_language(
    common: Common,
    flags: Annotated[dict[str, Any], AddOptions],
    code: Annotated[
        str,
        typer.Argument(metavar="CODE[,CODE…]", help="Code of the new language: BCP 47 or ISO 639-3; or of several."),
    ],
    mlm: Annotated[
        Path | None,
        typer.Option(
            "--mlm",
            metavar="FILE|DIR|wikipedia",
            help="Raw text, a sentence a line: txt, gz, bz2, xz; a data folder; or from Wikipedia.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="LANGS", help="No text: the mean of these.", show_default=False)
    ] = None,
    model: ModelName = None,
    backbone: BackbonePlace = None,
    source: Annotated[str | None, typer.Option("--source", help="Where the text is from.", show_default=False)] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="The text's licence.", show_default=False)] = None,
    author: Annotated[str | None, typer.Option("--author", help="Who makes the record.", show_default=False)] = None,
    transliteration: Annotated[
        str,
        typer.Option(
            "--transliteration",
            metavar="FILE|auto|none",
            help="Letters read as others: a table, one that is known and needed, or none.",
        ),
    ] = "auto",
    new_version: Annotated[bool, typer.Option("--new-version", help="Beside the version that is there.")] = False,
    config: Config = None,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", help="Keeps checkpoints.", show_default="checkpoints/MODEL-CODE in HYPERX_HOME"),
    ] = None,
    resume: Resume = False,
    device: Device = "auto",
) -> None:
    """Add a language from raw text: only its own part and shift are learnt, and what else is wanted.

    With --mlm wikipedia the text is fetched from the Hub, --max-lines of it (20,000 lines unless said).

    With CODE alone nothing is learnt: it is the mean of the nearest stored languages by family tree and map.

    Where the backbone cannot read the language's letters, a table of transliteration (letters, a tab, their replacement
    on each line) lets it read them as others; what is tagged stays as it is written.

    Several languages (mt,ug) are learnt side by side, none from another; their texts are in a data folder, as
    mlm/CODE.txt, or Wikipedia's. Processes that torchrun has started share them out.
    """
    alike = codes(like)

    def prepare(meeting: Peers) -> tuple[ModelRecord, AddOptions, list[Asked], dict[str, int] | None]:
        shorts, options = (
            list(dict.fromkeys(map(canonical, names(code)))),
            resolve(AddOptions, file=config, flags=flags),
        )
        _expect_text(mlm, alike, shorts, transliteration)
        if mlm is None:
            _expect_no_learning(flags, output_dir=output_dir, resume=resume)
        facts = {key: value for key, value in (("source", source), ("licence", licence), ("author", author)) if value}
        with common.registry(readonly=not meeting.first) as registry:
            record = find_model(registry, model, backbone)
            # On --resume a version that is there may be what the run to go on with has stored.
            beside = new_version or (resume and mlm is not None)
            parents = [registry.expect_addable(one, model=record.name, new_version=beside) for one in shorts]
            for other in alike:
                registry.history(other, record.name)
            now = {stored.language: stored.version for stored in registry.languages(record.name)}
        asked = []
        for short, parent in zip(shorts, parents, strict=True):
            letters, (file, known) = Letters(transliteration, short), _text_of(common, mlm, short, options)
            asked.append(Asked(short, parent, letters, file, known | facts))
        return record, options, asked, now if len(asked) > 1 else None

    with peers() as meeting:
        record, options, asked, versions = meeting.turn(lambda: prepare(meeting))
        # What one language becomes must not depend on which of the others is done by then.
        versions, wanted = meeting.told(versions), {one.code: one for one in asked}
        with common.registry() as registry:

            def add(short: str) -> Told:
                one = wanted[short]
                work = Adding(registry, record, one, options, backbone, device, versions)
                if one.file is None:
                    near = [] if alike else relatives(short, learnt(registry, record, versions))
                    others = alike or [other.language for other in near]
                    return told_like(work.like(common, others, near), others, near)
                folder = checkpoint_of(record.name, short, output_dir, alone=len(asked) == 1)
                if resume and not folder.is_dir():
                    common.out.note(f"There is no checkpoint in {folder}: learning starts from the beginning.")
                text = read(common, one.file)
                if resume and (stored := work.finished(text, folder)):
                    common.out.note(
                        f"Version {stored.version} was learnt from this text with these options: nothing is left to do."
                    )
                    return told_finished(stored)
                registry.expect_addable(short, model=record.name, new_version=new_version)
                return told(common, *work.learn(common, text, folder, resume=resume))

            each(common.out, meeting, list(wanted), add, what="languages")


def _expect_text(mlm: Path | None, alike: Sequence[str], shorts: Sequence[str], transliteration: str) -> None:
    """Refuse a text that is not there, or that cannot be that of every language.

    Raises:
        UsageError: Or NotFoundError: it is so.
    """
    if not shorts:
        raise UsageError("no language is named: give a code, or several such as mt,ug")
    if mlm is not None and alike:
        raise UsageError("give either --mlm FILE, the language's text, or --like LANGS, languages that it resembles")
    if mlm is not None and not mlm.exists() and str(mlm) != WIKIPEDIA:
        raise NotFoundError(f"there is no file {mlm}: check the path, or take Wikipedia's with --mlm {WIKIPEDIA}")
    if len(shorts) > 1 and mlm is not None and mlm.is_file():
        raise UsageError(
            f"{mlm} is the text of one language: give for several the data folder that has mlm/CODE.txt of each"
        )
    if len(shorts) > 1 and transliteration not in ("auto", "none"):
        raise UsageError("a table of transliteration is of one language: add that one by itself")


def _text_of(common: Common, mlm: Path | None, code: str, options: AddOptions) -> tuple[Path | None, dict[str, Any]]:
    """The file with a language's text, and what is known of where it is from.

    Raises:
        NotFoundError: It is not in the data folder.
    """
    if mlm is None or mlm.is_file():
        return mlm, {}
    if not mlm.exists():
        return _from_wikipedia(common, code, options.max_lines or None)
    file = DataRoot(mlm).text(code)
    if file is None:
        have = DataRoot(mlm).languages("mlm")
        raise NotFoundError(
            f"{mlm} has no text of {code!r}{did_you_mean(code, have)}: put it into mlm/{code}.txt there"
        )
    return file, {}


def _from_wikipedia(common: Common, code: str, max_lines: int | None) -> tuple[Path, dict[str, Any]]:
    """The file with the language's text, fetched if need be, and where it is from."""
    (done,) = have(common, [Wanted("mlm", code)], max_lines=max_lines)
    facts = {"source": f"Wikipedia: {origin(done.source)}", "licence": done.source.licence}
    return data_file(data_home(), "mlm", code, TEXT), facts


def _expect_no_learning(flags: Mapping[str, Any], **others: Any) -> None:
    """Refuse flags that count for nothing where nothing is learnt; the precision is that of the model's place.

    Raises:
        UsageError: Some were typed.
    """
    idle = [key for key in flags if key != "precision"] + [key for key, value in others.items() if value]
    if idle:
        words = ", ".join(f"--{key.replace('_', '-')}" for key in idle)
        raise UsageError(
            f"nothing is learnt without --mlm FILE, for which {words} would count: leave that out, or give --mlm FILE"
        )
