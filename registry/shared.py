"""What comes from the Hub, or has been made ready to go there, into the tables: inside the caller's session."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry import models, tasks, versions
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.task_record import TaskRecord


def add(
    session: Session, records: Sequence[LanguageRecord], *, learnt: Sequence[TaskRecord],
    model: Mapping[str, Any] | None, in_use: bool,
) -> list[StoredLanguage]:  # fmt: skip
    """Store a model, learnt tasks and languages; a new version is the one in use.

    Args:
        session: The caller's.
        records: Verified; their provenance names the method, and is kept as it is.
        learnt: Tasks, verified.
        model: What `models.add` takes.
        in_use: Let the names point at versions that are there already, too; else those change nothing.

    Returns:
        The versions that are new, in their order.
    """
    if model is not None:
        models.add(session, **model)
    for task in learnt:
        tasks.add(session, task)
    new = []
    for record in records:
        there = versions.by_hash(session, record.hash)
        if there is None or in_use:
            row = versions.add(session, record, facts={}, new_version=True)
            new += [row] if there is None else []
    return [versions.stored(row) for row in new]
