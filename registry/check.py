"""Re-reads everything that a registry holds and says, row by row, what is wrong."""

import hashlib
import re
from collections.abc import Iterator

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hyperx_cl.errors import DataError
from hyperx_cl.languages import canonical
from hyperx_cl.registry import tasks, versions
from hyperx_cl.registry.records import Problem
from hyperx_cl.registry.runs import ENDS
from hyperx_cl.registry.tables import BlobRow, LanguageRow, ModelRow, RunRow, TaskRow, VersionRow

_HASH = re.compile(r"[0-9a-f]{64}")


def check(session: Session) -> Iterator[Problem]:
    """Yield every problem: damaged files, blobs, versions, tasks, names that point nowhere, no default model."""
    yield from _file(session)
    yield from _blobs(session)
    unread = False
    for table, look in ((ModelRow, _model), (VersionRow, _version), (TaskRow, _task), (RunRow, _run)):
        for number in session.scalars(select(table.id).order_by(table.id)).all():
            try:
                yield from look(session, number)
            except ValueError as error:  # json's own: the row cannot be read at all
                unread = True
                yield Problem(f"row {number} of {table.__tablename__}", f"a column of it is no JSON ({error})")
            session.expunge_all()  # one row in memory at a time
    if not unread:
        yield from _names(session)


def _file(session: Session) -> Iterator[Problem]:
    if session.get_bind().dialect.name != "sqlite":
        return
    for (said,) in session.execute(text("PRAGMA integrity_check")):
        if said != "ok":
            yield Problem("the file", str(said))
    for table, number, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        yield Problem(f"row {number} of {table}", f"points at a row of {parent} that does not exist")


def _blobs(session: Session) -> Iterator[Problem]:
    used = {*session.scalars(select(VersionRow.blob)), *session.scalars(select(TaskRow.blob))}
    for name in session.scalars(select(BlobRow.sha256).order_by(BlobRow.sha256)).all():
        size, data = session.execute(select(BlobRow.size, BlobRow.data).where(BlobRow.sha256 == name)).one()
        if hashlib.sha256(data or b"").hexdigest() != name:
            yield Problem(f"blob {name[:12]}", "its bytes do not have the hash that is its name")
        elif size != len(data):
            yield Problem(f"blob {name[:12]}", f"has {len(data)} bytes, but says {size}")
        if name not in used:
            yield Problem(f"blob {name[:12]}", "no version or task holds it")


def _version(session: Session, number: int) -> Iterator[Problem]:
    row = session.get_one(VersionRow, number)
    where = f"version {row.number} of {row.language.code} (model {row.language.model.name})"
    try:
        record = versions.load(session, row).record
    except DataError as error:
        yield Problem(where, str(error))
        return
    if record.tensors["embedding"].astype("<f4").tobytes() != row.embedding:
        yield Problem(where, "the embedding kept for searching differs from the stored numbers")
    if (record.numbers, list(record.tasks)) != (row.numbers, row.tasks):
        yield Problem(where, "count of numbers or tasks differ from the stored numbers")
    told = (row.provenance.get("method"), row.provenance.get("parent"), row.provenance.get("created"))
    if told != (row.method, row.parent, row.created):
        yield Problem(where, "method, parent or time differ from its provenance")


def _model(session: Session, number: int) -> Iterator[Problem]:
    row = session.get_one(ModelRow, number)
    for what, value in (("fingerprint", row.fingerprint), ("fingerprint of the backbone", row.backbone_fingerprint)):
        if not _HASH.fullmatch(value):
            yield Problem(f"model {row.name}", f"its {what} is not one: {value!r}")


def _run(session: Session, number: int) -> Iterator[Problem]:
    row = session.get_one(RunRow, number)
    if row.status not in ("running", *ENDS):
        yield Problem(f"run {number}", f"its status is none that a run can have: {row.status!r}")


def _task(session: Session, number: int) -> Iterator[Problem]:
    row = session.get_one(TaskRow, number)
    where = f"task {row.name} (model {row.model.name})"
    try:
        record = tasks.load(session, row).record
    except DataError as error:
        yield Problem(where, str(error))
        return
    if (record.name, record.numbers) != (row.name, row.numbers):
        yield Problem(where, "name or count of numbers differ from the stored numbers")
    if (row.provenance.get("method"), row.provenance.get("created")) != (row.method, row.created):
        yield Problem(where, "method or time differ from its provenance")


def _names(session: Session) -> Iterator[Problem]:
    for language in session.scalars(select(LanguageRow).order_by(LanguageRow.id)):
        numbers = set(session.scalars(select(VersionRow.number).where(VersionRow.language_id == language.id)))
        where = f"language {language.code} (model {language.model.name})"
        if canonical(language.code) != language.code:
            yield Problem(where, f"its canonical code is {canonical(language.code)}: nobody finds it under this one")
        if language.current not in numbers and (numbers or language.current is not None):
            yield Problem(where, f"its name points at version {language.current}, which does not exist")
        if numbers and max(numbers) > language.last:
            yield Problem(where, f"has version {max(numbers)}, but counts only to {language.last}")
    models = session.scalars(select(ModelRow.is_default)).all()
    if models and sum(models) != 1:
        yield Problem("models", "none of them is the default one")
