"""The learnt tasks of a registry: each call works inside the caller's session."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hyperx_cl import __version__
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.registry import blobs, versions
from hyperx_cl.registry.clock import now
from hyperx_cl.registry.records import LoadedTask, StoredTask
from hyperx_cl.registry.tables import ModelRow, TaskRow
from hyperx_cl.task_record import TaskRecord, task_from_bytes, task_to_bytes


def add(session: Session, record: TaskRecord) -> TaskRow:
    """Store a task; the very same one again is the one that is there."""
    known = session.scalar(select(TaskRow).where(TaskRow.hash == record.hash))
    if known is not None:
        return known
    model = session.scalar(select(ModelRow).where(ModelRow.fingerprint == record.model))
    if model is None:
        raise ConflictError(
            f"task {record.name!r} was learnt for model {record.model[:12]}…, which is not in the registry: add that "
            "model first"
        )
    expect_addable(session, record.name, model)
    if not isinstance(record.provenance.get("method"), str):
        raise UsageError(f"task {record.name!r} cannot be stored without the method that made it: name it")
    blob = blobs.keep(session, task_to_bytes(record))
    provenance = {"created": now(), "hyperx_cl": __version__, **record.provenance}
    row = TaskRow(
        model_id=model.id, name=record.name, hash=record.hash, blob=blob, numbers=record.numbers,
        definition=record.definition, method=provenance["method"], created=provenance["created"],
        provenance=provenance,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def expect_addable(session: Session, name: str, model: ModelRow) -> None:
    """Refuse a name that base training or a task learnt since has taken."""
    if name in [task.get("name") for task in model.config.get("tasks", ())]:
        raise ConflictError(f"model {model.name!r} was trained for a task {name!r} already: choose another name")
    if _named(session, name, model) is not None:
        raise ConflictError(
            f"task {name!r} is already stored for model {model.name!r}: choose another name, or remove it with "
            f"`hyperx-cl tasks remove {name}`"
        )


def find(session: Session, name: str, model: ModelRow) -> TaskRow:
    """The learnt task of a name."""
    row = _named(session, name, model)
    if row is None:
        near = did_you_mean(name, [known.name for known in listing(session, model)])
        raise NotFoundError(
            f"no task {name!r} was added to model {model.name!r}{near}: learn it with `hyperx-cl add-task {name}`"
        )
    return row


def load(session: Session, row: TaskRow) -> LoadedTask:
    """The numbers of a task, verified against both of their hashes."""
    where = f"task {row.name!r} in the registry"
    data = blobs.read(session, row.blob)
    if data is None:
        raise DataError(f"{where} is damaged: remove it with `hyperx-cl tasks remove`, or restore the registry")
    record = task_from_bytes(data, provenance=row.provenance, source=where)
    told = (record.hash, record.definition, record.model)
    if told != (row.hash, row.definition, row.model.fingerprint):
        raise DataError(f"{where} holds the numbers of another record: restore the registry from a copy")
    return LoadedTask(record, stored(row))


def listing(session: Session, model: ModelRow) -> list[TaskRow]:
    """All learnt tasks of a model, by name."""
    return list(session.scalars(select(TaskRow).where(TaskRow.model_id == model.id).order_by(TaskRow.name)))


def remove(session: Session, name: str, model: ModelRow) -> StoredTask:
    """Remove a task that no language in use has something of its own for."""
    row = find(session, name, model)
    holders = [v.language.code for v in versions.current(session, model) if name in v.tasks]
    if holders:
        raise ConflictError(
            f"{', '.join(holders)} of model {model.name!r} hold something of their own for task {name!r}: go back to "
            "another of their versions with `hyperx-cl languages use` first"
        )
    removed = stored(row)
    session.execute(delete(TaskRow).where(TaskRow.id == row.id))
    blobs.forget(session, [row.blob])
    return removed


def stored(row: TaskRow) -> StoredTask:
    """What is handed out for a row."""
    definition: dict[str, Any] = row.definition
    return StoredTask(
        task=row.name, model=row.model.name, fingerprint=row.model.fingerprint, hash=row.hash,
        definition=definition, method=row.method, created=row.created, numbers=row.numbers, provenance=row.provenance,
    )  # fmt: skip


def _named(session: Session, name: str, model: ModelRow) -> TaskRow | None:
    return session.scalar(select(TaskRow).where(TaskRow.model_id == model.id, TaskRow.name == name))
