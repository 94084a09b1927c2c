"""The runs of a registry: each call works inside the caller's session."""

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.registry.clock import now
from hyperx_cl.registry.records import RunRecord
from hyperx_cl.registry.tables import RunRow

ENDS = ("done", "failed", "interrupted")


def start(
    session: Session,
    *,
    command: str,
    config: Mapping[str, Any],
    seed: int | None,
    versions: Mapping[str, str],
    data_hashes: Mapping[str, str],
) -> RunRow:
    """Note that a command has begun."""
    row = RunRow(
        command=command,
        config=_plain(config),
        seed=seed,
        versions=_plain(versions),
        data_hashes=_plain(data_hashes),
        status="running",
        metrics={},
        started=now(),
    )
    session.add(row)
    session.flush()
    return row


def log(
    session: Session, number: int, metrics: Mapping[str, Any], data_hashes: Mapping[str, str] | None = None
) -> RunRow:
    """Add metrics and hashes of data to a run; those of the same name are replaced."""
    row = session.get(RunRow, number)
    if row is None:
        raise NotFoundError(f"the registry has no run {number}: `hyperx-cl runs list` names them all")
    row.metrics = {**row.metrics, **_plain(metrics)}
    row.data_hashes = {**row.data_hashes, **_plain(data_hashes or {})}
    return row


def finish(
    session: Session,
    number: int,
    status: str,
    metrics: Mapping[str, Any],
    data_hashes: Mapping[str, str] | None = None,
) -> RunRow:
    """Note how a run ended."""
    if status not in ENDS:
        raise UsageError(f"{status!r} is no way for a run to end: {', '.join(ENDS)}")
    row = log(session, number, metrics, data_hashes)
    row.status, row.finished = status, now()
    return row


def listing(session: Session, limit: int | None) -> list[RunRow]:
    """The runs, newest first."""
    return list(session.scalars(select(RunRow).order_by(RunRow.id.desc()).limit(limit)))


def record(row: RunRow) -> RunRecord:
    """What is handed out for a row."""
    return RunRecord(
        id=row.id,
        command=row.command,
        config=row.config,
        seed=row.seed,
        versions=row.versions,
        data_hashes=row.data_hashes,
        status=row.status,
        metrics=row.metrics,
        started=row.started,
        finished=row.finished,
    )


def _plain(value: Any) -> Any:
    """A value as JSON holds it: numbers of numpy made plain, paths made text, NaN and infinities made null.

    A run that took hours must not fail at its end because one metric has diverged.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
