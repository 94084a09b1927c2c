"""`add-language`: a new language from raw text, or without any out of others; nothing else of the model changes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.fetching import data_home, have, origin
from hyperx_cl.cli.loading import find_model, load_model
from hyperx_cl.cli.options import BackbonePlace, Common, Config, Device, ModelName, Resume, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.recording import recording
from hyperx_cl.cli.words import codes
from hyperx_cl.config import AddOptions, as_dict
from hyperx_cl.data.hub.source import TEXT, data_file
from hyperx_cl.data.hub.work import Wanted
from hyperx_cl.errors import HyperXError, NotFoundError, UsageError
from hyperx_cl.languages import canonical, name
from hyperx_cl.registry.home import home
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.relatives import Relative, relatives
from hyperx_cl.settings import resolve
from hyperx_cl.train.progress import Silent, reporting

if TYPE_CHECKING:
    from hyperx_cl.data.text import Text
    from hyperx_cl.model.hyperx import HyperX
    from hyperx_cl.train.add_language import Added
    from hyperx_cl.train.proof import Proof
    from hyperx_cl.transliteration import Transliteration

WIKIPEDIA = "wikipedia"
"""Said instead of a file: text of Wikipedia, from the Hub."""

EXAMPLE = 'hyperx-cl add-language mt --mlm wiki.txt --source "Maltese Wikipedia" --licence CC-BY-SA-4.0'


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "add-language", example=EXAMPLE)(add_language)


def add_language(
    common: Common,
    flags: Annotated[dict[str, Any], AddOptions],
    code: Annotated[str, typer.Argument(metavar="CODE", help="Code of the new language: BCP 47 or ISO 639-3.")],
    mlm: Annotated[
        Path | None,
        typer.Option(
            "--mlm",
            metavar="FILE|wikipedia",
            help="Raw text, a sentence a line: txt, gz, bz2, xz; or from Wikipedia.",
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
    """
    short, alike = canonical(code), codes(like)
    options = resolve(AddOptions, file=config, flags=flags)
    if mlm is not None and alike:
        raise UsageError("give either --mlm FILE, the language's text, or --like LANGS, languages that it resembles")
    fetched = mlm is not None and str(mlm) == WIKIPEDIA and not mlm.exists()
    if mlm is not None and not fetched and not mlm.is_file():
        raise NotFoundError(f"there is no file {mlm}: check the path, or take Wikipedia's with --mlm {WIKIPEDIA}")
    if mlm is None:
        _expect_no_learning(flags, output_dir=output_dir, resume=resume)
    facts = {key: value for key, value in (("source", source), ("licence", licence), ("author", author)) if value}
    with common.registry() as registry:
        record = find_model(registry, model, backbone)
        parent = registry.expect_addable(short, model=record.name, new_version=new_version)
        for other in alike:
            registry.history(other, record.name)
        letters = _Letters(transliteration, short)
        if fetched:
            mlm, told = _from_wikipedia(common, short, options.max_lines or None)
            facts = told | facts
        work = _Work(registry, record, parent, short, options, letters, backbone, device, facts)
        if mlm is None:
            near = [] if alike else relatives(short, _learnt(registry, record))
            others = alike or [other.language for other in near]
            _show_like(common, work.like(common, others, near), others, near)
        else:
            folder = (output_dir or home() / "checkpoints" / f"{record.name}-{short}") / "checkpoint"
            if resume and not folder.is_dir():
                common.out.note(f"There is no checkpoint in {folder}: learning starts from the beginning.")
            stored, added = work.learn(common, mlm, folder, resume=resume)
            _show(common, stored, added)


class _Work:
    """One language to add, after everything cheap was checked."""

    def __init__(
        self, registry: Registry, record: ModelRecord, parent: StoredLanguage | None, code: str, options: AddOptions,
        letters: "_Letters", backbone: str | None, device: str, facts: dict[str, Any],
    ) -> None:  # fmt: skip
        self.registry, self.record, self.parent, self.code = registry, record, parent, code
        self.options, self.letters, self.facts = options, letters, facts
        self._backbone, self._device = backbone, device

    def like(self, common: Common, others: list[str], near: Sequence[Relative]) -> StoredLanguage:
        """Make the language out of others: those that were named, or those that are near."""
        import torch

        from hyperx_cl.train.add_language import like

        model = self._load()
        rules = self.letters.rules(model.tokenizer, common)
        config = {
            "model": self.record.name, "language": self.code, "like": others, "threads": torch.get_num_threads(),
            "transliteration": self.letters.wanted, **self.facts,
        }  # fmt: skip
        facts = self.facts | ({"method": "code", "near": [asdict(other) for other in near]} if near else {})
        data = {code: self.registry.language(code, self.record.name).stored.hash for code in others}
        with recording(
            self.registry, "add-language", config=config, seed=None, reporter=Silent(), data=data
        ) as run:  # fmt: skip
            made = like(model, self.code, others, facts, transliteration=rules)
            stored = self._store(common, made, run.begin())
            run.metrics |= _like_summary(stored, others, near)
        return stored

    def learn(self, common: Common, file: Path, folder: Path, *, resume: bool) -> "tuple[StoredLanguage, Added]":
        """Learn the language from its text."""
        import torch

        from hyperx_cl.data.text import read_text
        from hyperx_cl.train.add_language import add_language
        from hyperx_cl.train.checkpoint import remove_checkpoint

        with reporting("reading the text", file.stat().st_size, quiet=common.out.quiet) as bar:
            text: Text = read_text(
                file,
                progress=None if common.out.quiet else lambda done, _: bar.step(done, f"{done / 1e6:,.0f} MB"),
            )
        if account := text.account():
            common.out.note(account)
        model = self._load()
        rules = self.letters.rules(model.tokenizer, common)
        config = {
            "model": self.record.name, "language": self.code, "add_language": as_dict(self.options),
            "transliteration": self.letters.wanted, "text": str(file), "threads": torch.get_num_threads(), **self.facts,
        }  # fmt: skip
        with (
            reporting(f"learning {self.code}", self.options.steps, quiet=common.out.quiet) as reporter,
            recording(
                self.registry, "add-language", config=config, seed=self.options.seed, reporter=reporter,
                data={"text": text.sha256},
            ) as run,
        ):  # fmt: skip
            added = add_language(
                model, self.code, text, self.options, transliteration=rules, checkpoint=folder, resume=resume,
                provenance=self.facts, reporter=run,
            )  # fmt: skip
            expect_proof(added.proof)
            stored = self._store(common, added.record, run.begin())
            run.metrics |= _summary(stored, added)
        remove_checkpoint(folder)
        if common.out.quiet:  # else they were said when learning began
            for warning in added.warnings:
                common.out.warn(warning)
        return stored, added

    def _load(self) -> "HyperX":
        return load_model(
            self.registry, self.record, backbone=self._backbone, device=self._device, precision=self.options.precision
        )

    def _store(self, common: Common, record: LanguageRecord, run: int) -> StoredLanguage:
        parent = self.parent.hash if self.parent else None
        stored = self.registry.add_language(record, parent=parent, new_version=self.parent is not None, run=run)
        for correction in stored.provenance.get("corrections", ()):
            if correction["run"] == run:
                common.out.note(
                    f"Version {stored.version} has these very numbers. Corrected with it: "
                    f"{', '.join(correction['is'])}; what was said before is kept."
                )
        return stored


class _Letters:
    """The transliteration that is wanted: a table, one that is known and needed, or none.

    Args:
        wanted: The table's file, ``auto`` or ``none``.
        code: The language.

    Raises:
        DataError: The table is none.
        NotFoundError: There is no such file.
    """

    def __init__(self, wanted: str, code: str) -> None:
        from hyperx_cl.data.transliteration import read_transliteration

        self.wanted, self._code = wanted, code
        self._table = () if wanted in ("auto", "none") else read_transliteration(wanted)

    def rules(self, tokenizer: Any, common: Common) -> "Transliteration":
        """The rules, and a word about those that nobody has named."""
        from hyperx_cl.data.transliteration import needed_transliteration

        if self.wanted != "auto":
            return self._table
        rules = needed_transliteration(self._code, tokenizer)
        if rules:
            common.out.note(
                f"The backbone does not know all letters of '{self._code}': they are read as the table of this package "
                "says (another one: --transliteration FILE; none: --transliteration none)."
            )
        return rules


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


def expect_proof(proof: "Proof") -> None:
    """Refuse to store what has changed anything else.

    Raises:
        HyperXError: It has.
    """
    if not proof.holds:
        raise HyperXError("; ".join(proof_lines(proof)) + ": nothing was stored, please report this")


def proof_lines(proof: "Proof") -> list[str]:
    """What a command says to prove that nothing else has changed."""
    same = "unchanged" if proof.before == proof.after else f"CHANGED to {proof.after}"
    probe = "bit-identical" if proof.probe else "NOT identical"
    return [
        f"hash of {proof.covers}: {proof.before}, afterwards {same}",
        f"logits of {proof.languages} other languages on a fixed probe: {probe}",
    ]


def proof_data(proof: "Proof") -> dict[str, Any]:
    """The same for JSON and the registry."""
    return {"before": proof.before, "after": proof.after, "probe": proof.probe, "holds": proof.holds}


def _summary(stored: StoredLanguage, added: "Added") -> dict[str, Any]:
    told = added.record.provenance
    return {
        "model": stored.model, "language": stored.language, "version": stored.version, "hash": stored.hash,
        "losses": dict(added.losses), "start": added.start, "nearest": added.nearest, "steps": added.steps,
        "tokens": added.tokens, "seconds": added.seconds, "proof": proof_data(added.proof),
        **{what: told[what] for what in ("transliteration", "patch", "self_training") if told.get(what)},
    }  # fmt: skip


def _self_lines(added: "Added") -> list[str]:
    """A line for each task that has learnt on from its own labels."""
    return [
        f"{task}: learnt on from its own labels of {taught['sentences']:,} sentences, "
        f"{100 * taught['kept']:.0f} % of the words, in {taught['steps']:,} steps"
        for task, taught in added.record.provenance.get("self_training", {}).items()
    ]


def _reading_lines(added: "Added") -> list[str]:
    """What transliteration and token patch have done, where there are some."""
    told = added.record.provenance
    lines = []
    for what, title, count in (("transliteration", "transliteration", "rules"), ("patch", "token patch", "pieces")):
        if found := told.get(what):
            before, after = (100 * found[f"unknown_words_{when}"] for when in ("before", "after"))
            lines.append(f"{title}: {found[count]} {count}; words with unknown pieces {before:.1f} % -> {after:.1f} %")
    return lines


def _show(common: Common, stored: StoredLanguage, added: "Added") -> None:
    common.out.result(
        _summary(stored, added),
        ids=[f"{stored.language}@{stored.version}"],
        show=[
            f"{stored.language} ({name(stored.language)}), version {stored.version} of model {stored.model}: started "
            f"from {added.start}, {added.steps} steps, {added.tokens:,} tokens, {added.seconds:.0f} s; "
            f"it keeps {added.record.numbers:,} numbers",
            *_reading_lines(added),
            *_self_lines(added),
            Grid(("vector", "MLM loss on the report part"), [(k, f"{v:.4f}") for k, v in added.losses.items()]),
            f"nearest stored language: {added.nearest}",
            *proof_lines(added.proof),
        ],
    )


def _learnt(registry: Registry, model: ModelRecord) -> list[str]:
    """The stored languages that have learnt something, unlike those made out of others."""
    stored = registry.languages(model.name)
    return [one.language for one in stored if one.first_method not in ("like", "code")]


def _like_summary(stored: StoredLanguage, others: list[str], near: Sequence[Relative]) -> dict[str, Any]:
    return {
        "model": stored.model, "language": stored.language, "version": stored.version, "hash": stored.hash,
        "relatives": others, **({"near": [asdict(other) for other in near]} if near else {}),
    }  # fmt: skip


def _show_like(common: Common, stored: StoredLanguage, others: list[str], near: Sequence[Relative]) -> None:
    made = ", ".join(map(str, near) if near else others)
    common.out.result(
        _like_summary(stored, others, near),
        ids=[f"{stored.language}@{stored.version}"],
        show=[
            f"{stored.language} ({name(stored.language)}), version {stored.version} of model {stored.model}: "
            f"the mean of {made}, no text was read"
        ],
    )
    if near:
        little = "its relatives give" if near[0].group else "its neighbours on the map give, none of them related"
        common.out.warn(
            f"nothing was learnt of {stored.language}, so expect at most what {little}; with a text, even a small "
            f"one, learn it: hyperx-cl add-language {stored.language} --mlm FILE --new-version"
        )
