"""The bytes of records: each kept once under its SHA-256, verified whenever it is read, gone with its last holder."""

import hashlib

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hyperx_cl.registry.tables import BlobRow, TaskRow, VersionRow


def keep(session: Session, data: bytes) -> str:
    """Keep bytes that may be there already; return their name."""
    name = hashlib.sha256(data).hexdigest()
    if session.get(BlobRow, name) is None:
        session.add(BlobRow(sha256=name, size=len(data), data=data))
        session.flush()
    return name


def read(session: Session, name: str) -> bytes | None:
    """The bytes of that name, or None where they are missing or damaged."""
    data = session.scalar(select(BlobRow.data).where(BlobRow.sha256 == name))
    return data if data is not None and hashlib.sha256(data).hexdigest() == name else None


def forget(session: Session, names: list[str]) -> None:
    """Delete those of some blobs that no version and no task points at any more."""
    unused = BlobRow.sha256.not_in(select(VersionRow.blob)), BlobRow.sha256.not_in(select(TaskRow.blob))
    session.execute(delete(BlobRow).where(BlobRow.sha256.in_(names), *unused))
