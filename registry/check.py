"""Re-reads everything that a registry holds and says, row by row, what is wrong."""

import hashlib
from collections.abc import Iterator

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hyperx_cl.errors import DataError
from hyperx_cl.registry import tasks, versions
from hyperx_cl.registry.records import Problem
from hyperx_cl.registry.tables import BlobRow, LanguageRow, ModelRow, TaskRow, VersionRow


def check(session: Session) -> Iterator[Problem]:
    """Yield every problem: damaged files, blobs, versions, tasks, names that point nowhere, no default model."""
    yield from _file(session)
    yield from _blobs(session)
    for number in session.scalars(select(VersionRow.id).order_by(VersionRow.id)).all():
        yield from _version(session, number)
        session.expunge_all()  # one version in memory at a time
    for row in session.scalars(select(TaskRow).order_by(TaskRow.id)):
        yield from _task(session, row)
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
        data = session.scalar(select(BlobRow.data).where(BlobRow.sha256 == name)) or b""
        if hashlib.sha256(data).hexdigest() != name:
            yield Problem(f"blob {name[:12]}", "its bytes do not have the hash that is its name")
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


def _task(session: Session, row: TaskRow) -> Iterator[Problem]:
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
        if language.current not in numbers and (numbers or language.current is not None):
            yield Problem(where, f"its name points at version {language.current}, which does not exist")
        if numbers and max(numbers) > language.last:
            yield Problem(where, f"has version {max(numbers)}, but counts only to {language.last}")
    models = session.scalars(select(ModelRow.is_default)).all()
    if models and sum(models) != 1:
        yield Problem("models", "none of them is the default one")
