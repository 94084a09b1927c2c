"""The languages of a registry and their versions: each call works inside the caller's session."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hyperx_cl import __version__, languages
from hyperx_cl.artefact import LanguageRecord, from_bytes, to_bytes
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.registry import blobs
from hyperx_cl.registry.clock import now
from hyperx_cl.registry.records import LoadedLanguage, StoredLanguage
from hyperx_cl.registry.tables import LanguageRow, ModelRow, VersionRow

_LONGEST, _LONGEST_TIME = 64, 40

CORRECTABLE = ("source", "licence")
"""What may be said anew of numbers that are stored already: people get it wrong, and no learning depends on it."""


def add(
    session: Session, record: LanguageRecord, *, facts: dict[str, Any], new_version: bool, run: int | None = None
) -> VersionRow:
    """Store a record as the language's next version and let its name point there.

    Equal content is stored once: as a new version it means that the name points at the old one again.
    """
    there = by_hash(session, record.hash)
    if there is not None:
        if new_version:
            there.language.current = there.number
        _correct(there, record.provenance, run)
        return there
    model = _model_of(session, record)
    expect_addable(session, record.language, model, new_version=new_version)
    row = append(session, record, facts=facts)
    row.language.current = row.number
    session.flush()
    return row


def append(
    session: Session, record: LanguageRecord, *, facts: Mapping[str, Any], number: int | None = None
) -> VersionRow:
    """Store a record that is not there yet behind the language's other versions; its name stays where it points.

    Args:
        session: The caller's.
        record: What to store.
        facts: What goes before the record's provenance.
        number: Of the version, above all that the language has had; the next one by default.
    """
    model = _model_of(session, record)
    language = _language(session, record.language, model) or LanguageRow(model=model, code=record.language, last=0)
    blob = blobs.keep(session, to_bytes(record))
    provenance = _provenance(record, model, facts)
    language.last = max(language.last + 1, number or 0)
    session.add(language)
    session.flush()
    row = VersionRow(
        language_id=language.id,
        number=language.last,
        hash=record.hash,
        blob=blob,
        embedding=record.tensors["embedding"].astype("<f4").tobytes(),
        numbers=record.numbers,
        tasks=list(record.tasks),
        method=provenance["method"],
        parent=provenance["parent"],
        created=provenance["created"],
        provenance=provenance,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def expect_addable(session: Session, code: str, model: ModelRow, *, new_version: bool) -> VersionRow | None:
    """Refuse a language that is there already, unless another version of it is wanted; return its current version."""
    language = _language(session, languages.canonical(code), model)
    if language is None or language.current is None:
        return None
    if not new_version:
        raise ConflictError(
            f"language {language.code!r} is already stored for model {model.name!r} (version {language.current}): "
            "pass --new-version to store another version beside it"
        )
    return _numbered(session, language, language.current)


def find(session: Session, code: str, model: ModelRow, version: int | None) -> VersionRow:
    """One version of a language, the current one for None."""
    language = _known(session, code, model)
    wanted = language.current if version is None else version
    row = _numbered(session, language, wanted)
    if row is None:
        there = ", ".join(str(known.number) for known in _history(session, language))
        raise NotFoundError(
            f"language {language.code!r} of model {model.name!r} has no version {wanted}: it has {there}"
        )
    return row


def by_hash(session: Session, digest: str) -> VersionRow | None:
    """The version with a content hash, of whichever model."""
    return session.scalar(select(VersionRow).where(VersionRow.hash == digest))


def language_row(session: Session, code: str, model: ModelRow) -> LanguageRow | None:
    """The row of a language, which outlives its versions; None where the model never had one."""
    return _language(session, languages.canonical(code), model)


def load(session: Session, row: VersionRow) -> LoadedLanguage:
    """The numbers of a version, verified against both of their hashes."""
    where = f"version {row.number} of language {row.language.code!r} in the registry"
    data = blobs.read(session, row.blob)
    if data is None:
        raise DataError(f"{where} is damaged: `hyperx-cl languages use` another version, or restore the registry")
    record = from_bytes(data, provenance=row.provenance, source=where)
    if (record.hash, record.language, record.model) != (row.hash, row.language.code, row.language.model.fingerprint):
        raise DataError(f"{where} holds the numbers of another record: restore the registry from a copy")
    return LoadedLanguage(record, stored(row))


def current(session: Session, model: ModelRow) -> list[VersionRow]:
    """The current version of every language of a model, by code."""
    wanted = (LanguageRow.model_id == model.id) & (LanguageRow.current == VersionRow.number)
    return list(session.scalars(select(VersionRow).join(VersionRow.language).where(wanted).order_by(LanguageRow.code)))


def history(session: Session, code: str, model: ModelRow) -> list[VersionRow]:
    """All versions of a language, oldest first."""
    return _history(session, _known(session, code, model))


def use(session: Session, code: str, model: ModelRow, version: int) -> VersionRow:
    """Let the language's name point at one of its versions."""
    row = find(session, code, model, version)
    row.language.current = row.number
    return row


def rollback(session: Session, code: str, model: ModelRow) -> VersionRow:
    """Let the name point at the version that the one in use was learnt from, else at the newest of those before it.

    Raises:
        ConflictError: There is no version before it.
    """
    row = find(session, code, model, None)
    rows = [other for other in _history(session, row.language) if other.id != row.id]
    parents = [other for other in rows if other.hash == row.parent]
    before = [other for other in rows if other.number < row.number]
    if not parents and not before:
        raise ConflictError(
            f"version {row.number} of language {row.language.code!r} is the first: choose another with "
            f"`hyperx-cl languages use {row.language.code} VERSION`, or learn one with --new-version"
        )
    row.language.current = (parents or before)[-1].number
    return (parents or before)[-1]


def remove(session: Session, code: str, model: ModelRow, version: int | None) -> list[StoredLanguage]:
    """Remove one version, or all; the name then points at the newest that is left."""
    language = _known(session, code, model)
    rows = _history(session, language) if version is None else [find(session, code, model, version)]
    removed = [stored(row) for row in rows]
    session.execute(delete(VersionRow).where(VersionRow.id.in_([row.id for row in rows])))
    blobs.forget(session, [row.blob for row in rows])
    left = [row.number for row in _history(session, language)]
    if language.current not in left:
        language.current = max(left, default=None)
    return removed


def stored(row: VersionRow) -> StoredLanguage:
    """What is handed out for a row."""
    return StoredLanguage(
        language=row.language.code,
        model=row.language.model.name,
        fingerprint=row.language.model.fingerprint,
        version=row.number,
        current=row.language.current == row.number,
        hash=row.hash,
        parent=row.parent,
        method=row.method,
        created=row.created,
        numbers=row.numbers,
        tasks=tuple(row.tasks),
        provenance=row.provenance,
    )


def _correct(row: VersionRow, told: Mapping[str, Any], run: int | None) -> None:
    """Take over what is said anew of where a version's text is from, and keep what was said before."""
    new = {key: told[key] for key in CORRECTABLE if told.get(key) not in (None, row.provenance.get(key))}
    if not new:
        return
    correction = {"at": now(), "run": run, "was": {key: row.provenance.get(key) for key in new}, "is": new}
    row.provenance = {**row.provenance, **new, "corrections": [*row.provenance.get("corrections", ()), correction]}


def _known(session: Session, code: str, model: ModelRow) -> LanguageRow:
    """The row of a language that has versions.

    Raises:
        NotFoundError: It has none; the message says where there are some, or what is near.
    """
    short = languages.canonical(code)
    language = _language(session, short, model)
    if language is not None and language.current is not None:
        return language
    here = f"language {short!r} ({languages.name(short)}) is not stored for model {model.name!r}"
    everywhere = list(session.scalars(select(LanguageRow).where(LanguageRow.current.is_not(None))))
    other = next((row.model.name for row in everywhere if row.code == short), None)
    if other is not None:
        raise NotFoundError(
            f"{here}, only for model {other!r}: pass --model {other}, or learn it for this model with "
            f"`hyperx-cl add-language {short} --model {model.name} --mlm FILE`"
        )
    near = did_you_mean(short, [row.code for row in everywhere if row.model_id == model.id])
    raise NotFoundError(f"{here}{near}: learn it with `hyperx-cl add-language {short} --mlm FILE`")


def _language(session: Session, code: str, model: ModelRow) -> LanguageRow | None:
    return session.scalar(select(LanguageRow).where(LanguageRow.model_id == model.id, LanguageRow.code == code))


def _numbered(session: Session, language: LanguageRow, number: int | None) -> VersionRow | None:
    return session.scalar(select(VersionRow).where(VersionRow.language_id == language.id, VersionRow.number == number))


def _history(session: Session, language: LanguageRow) -> list[VersionRow]:
    chosen = select(VersionRow).where(VersionRow.language_id == language.id)
    return list(session.scalars(chosen.order_by(VersionRow.number)))


def _model_of(session: Session, record: LanguageRecord) -> ModelRow:
    if languages.canonical(record.language) != record.language:
        raise UsageError(
            f"the record of {record.language!r} has to be made under its canonical code "
            f"{languages.canonical(record.language)!r}"
        )
    model = session.scalar(select(ModelRow).where(ModelRow.fingerprint == record.model))
    if model is None:
        raise ConflictError(
            f"language {record.language!r} was learnt for model {record.model[:12]}…, which is not in the registry: "
            "add that model first"
        )
    return model


def _provenance(record: LanguageRecord, model: ModelRow, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the record says of itself, what the caller adds, and what the registry knows.

    Raises:
        UsageError: No method is named.
        ConflictError: It names another backbone than the model's.
    """
    told = {**record.provenance, **{key: value for key, value in facts.items() if value is not None}}
    if not isinstance(told.get("method"), str):
        raise UsageError(f"language {record.language!r} cannot be stored without the method that made it: name it")
    backbone = {"id": model.backbone_id, "revision": model.backbone_revision, "fingerprint": model.backbone_fingerprint}
    named = dict(told.get("backbone") or backbone).get("fingerprint")
    if named != model.backbone_fingerprint:
        raise ConflictError(
            f"language {record.language!r} was learnt on backbone {str(named)[:12]}…, but model {model.name!r} "
            f"belongs to backbone {model.backbone_fingerprint[:12]}…: learn it again with that backbone"
        )
    here = {"parent": None, "created": now(), "hyperx_cl": __version__}
    return expect_kinds({**here, **told, "backbone": backbone}, f"language {record.language!r}")


def expect_kinds(provenance: dict[str, Any], what: str) -> dict[str, Any]:
    """Refuse a provenance whose method, time or parent are not what a column can hold; return it.

    Raises:
        DataError: One of them is no text, or too long.
    """
    for key, longest in (("method", _LONGEST), ("created", _LONGEST_TIME), ("parent", _LONGEST)):
        value = provenance.get(key)
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= longest):
            raise DataError(f"the {key} of {what} is {value!r:.60}: a text of at most {longest} characters is expected")
    return provenance
