"""Which stored languages fit what is looked for; rows come without their numbers, so that thousands are listed at once.

The database chooses by model alone: names, families and scripts are facts of `hyperx_cl.languages` and `relatives`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from hyperx_cl.languages import canonical, name, script_code, scripts
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.registry.tables import LanguageRow, ModelRow, VersionRow

Fits = Callable[[StoredLanguage], bool]

_COLUMNS = (
    LanguageRow.code, ModelRow.name, ModelRow.fingerprint, VersionRow.number, LanguageRow.current, VersionRow.hash,
    VersionRow.parent, VersionRow.method, VersionRow.created, VersionRow.numbers, VersionRow.tasks,
)  # fmt: skip

_FEWSHOT = VersionRow.method == "fewshot"
_BRIEF = {
    "losses": VersionRow.provenance["losses"],
    "scores": VersionRow.provenance["scores"],
    "task": case((_FEWSHOT, VersionRow.provenance["task"])),
    "after": case((_FEWSHOT, VersionRow.provenance["after"])),
    "author": VersionRow.provenance["author"].as_string(),
}
"""What a list tells of a provenance: reading all of it would be most of the time that thousands of rows take."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for among the languages in use; what is left empty does not narrow, all the rest has to fit."""

    codes: Sequence[str] = ()
    """Codes in any form that `canonical` knows; one of them."""
    name: str = ""
    """A part of the English name, in any case."""
    family: str = ""
    """A family or a group of one, as Glottolog calls it, in any case."""
    script: str = ""
    """A script that the language is usually written in: its ISO 15924 code or English name."""
    task: str = ""
    """A task that the version holds something of its own for, or was scored in."""
    author: str = ""
    """A part of what the provenance names as its author, in any case."""


def search(session: Session, wanted: Wanted, model: ModelRow | None, *, brief: bool = False) -> list[StoredLanguage]:
    """The versions in use that fit, by code; of one model, or of all of them by name; see `Registry.search`.

    Raises:
        NotFoundError: A code, family or script that does not exist.
    """
    told = _BRIEF.values() if brief else [VersionRow.provenance]
    chosen = select(*_COLUMNS, *told).select_from(VersionRow).join(VersionRow.language).join(LanguageRow.model)
    chosen = chosen.where(LanguageRow.current == VersionRow.number).order_by(ModelRow.name, LanguageRow.code)
    if model is not None:
        chosen = chosen.where(LanguageRow.model_id == model.id)
    fits = _conditions(wanted)
    rows: Iterable[Any] = session.execute(chosen)
    found = (_stored(*row) for row in rows)
    return [stored for stored in found if all(fit(stored) for fit in fits)]


def _conditions(wanted: Wanted) -> list[Fits]:
    found: list[Fits] = []
    if wanted.codes:
        codes = {canonical(code) for code in wanted.codes}
        found.append(lambda stored: stored.language in codes)
    if wanted.name:
        part = wanted.name.strip().lower()
        found.append(lambda stored: part in name(stored.language).lower())
    if wanted.family:
        from hyperx_cl.relatives import branch, group_named

        group = group_named(wanted.family)
        found.append(lambda stored: group in branch(stored.language))
    if wanted.script:
        script = script_code(wanted.script)
        found.append(lambda stored: script in scripts(stored.language))
    if wanted.task:
        found.append(lambda stored: wanted.task in {*stored.tasks, *stored.scores})
    if wanted.author:
        author = wanted.author.strip().lower()
        found.append(lambda stored: author in str(stored.provenance.get("author") or "").lower())
    return found


def _stored(
    code: str, model: str, fingerprint: str, number: int, current: int, digest: str, parent: str | None, method: str,
    created: str, numbers: int, tasks: list[str], *told: Any,
) -> StoredLanguage:  # fmt: skip
    provenance = told[0] if len(told) == 1 else dict(zip(_BRIEF, told, strict=True))
    return StoredLanguage(
        language=code, model=model, fingerprint=fingerprint, version=number, current=current == number, hash=digest,
        parent=parent, method=method, created=created, numbers=numbers, tasks=tuple(tasks), provenance=provenance,
    )  # fmt: skip
