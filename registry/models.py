"""The models of a registry: each call works inside the caller's session."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hyperx_cl.errors import ConflictError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.file_names import is_device
from hyperx_cl.registry import blobs
from hyperx_cl.registry.clock import now
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.tables import LanguageRow, ModelRow, TaskRow, VersionRow
from hyperx_cl.share.layout import CONFIG, WEIGHTS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[0-9a-f]{4,64}")
_BACKBONE = ("id", "revision", "fingerprint", "model_type")


def add(
    session: Session,
    *,
    name: str,
    fingerprint: str,
    path: str | os.PathLike[str],
    backbone: Mapping[str, str],
    config: Mapping[str, Any],
    created: str | None,
) -> ModelRow:
    """Add a model, or note where a model already known lies now."""
    expect_model(name, fingerprint, backbone)
    place = os.path.abspath(path)
    for known in session.scalars(
        select(ModelRow).where((ModelRow.name == name) | (ModelRow.fingerprint == fingerprint))
    ):
        if known.fingerprint != fingerprint:
            raise ConflictError(
                f"the name {name!r} belongs to another model ({known.fingerprint[:12]}…, this one is "
                f"{fingerprint[:12]}…): choose another name, or `hyperx-cl models remove {name}` first"
            )
        if known.name != name:
            raise ConflictError(f"this model is already in the registry as {known.name!r}: use that name")
        known.path = place
        return known
    row = ModelRow(
        name=name,
        fingerprint=fingerprint,
        path=place,
        backbone_id=backbone["id"],
        backbone_revision=backbone["revision"],
        backbone_fingerprint=backbone["fingerprint"],
        backbone_type=backbone["model_type"],
        config=dict(config),
        created=created or now(),
        is_default=session.scalar(select(func.count()).select_from(ModelRow)) == 0,
    )
    session.add(row)
    session.flush()
    return row


def listing(session: Session) -> list[ModelRow]:
    """All models, oldest first."""
    return list(session.scalars(select(ModelRow).order_by(ModelRow.id)))


def find(session: Session, wanted: str | None) -> ModelRow:
    """The model of a name or of the beginning of a fingerprint; the default one for None."""
    rows = listing(session)
    if not rows:
        raise NotFoundError("no model yet: train one with `hyperx-cl train`, or try `hyperx-cl demo`")
    if wanted is None:
        chosen = next((row for row in rows if row.is_default), None)
        if chosen is None:
            names = ", ".join(row.name for row in rows)
            raise NotFoundError(f"no model is the default one: choose with `hyperx-cl models use NAME` from {names}")
        return chosen
    hits = [row for row in rows if row.name == wanted]
    if not hits and _PREFIX.fullmatch(wanted):
        hits = [row for row in rows if row.fingerprint.startswith(wanted)]
    if len(hits) > 1:
        raise ConflictError(f"{wanted!r} fits the models {', '.join(row.name for row in hits)}: give a name")
    if not hits:
        near = did_you_mean(wanted, [row.name for row in rows])
        raise NotFoundError(f"no model {wanted!r} in the registry{near}: `hyperx-cl models list` names them all")
    return hits[0]


def use(session: Session, wanted: str) -> ModelRow:
    """Make a model the default one."""
    row = find(session, wanted)
    session.execute(update(ModelRow).where(ModelRow.is_default).values(is_default=False))
    session.execute(update(ModelRow).where(ModelRow.id == row.id).values(is_default=True))
    session.refresh(row)
    return row


def remove(session: Session, wanted: str, *, cascade: bool) -> ModelRow:
    """Forget a model; its files stay. The oldest of the others becomes the default where it was."""
    row = find(session, wanted)
    mine = select(LanguageRow.id).where(LanguageRow.model_id == row.id)
    held = list(
        session.scalars(select(LanguageRow).where(LanguageRow.model_id == row.id, LanguageRow.current.is_not(None)))
    )
    if held and not cascade:
        codes = ", ".join(sorted(language.code for language in held))
        raise ConflictError(
            f"model {row.name!r} still has languages ({codes}): remove them with `hyperx-cl languages remove` first, "
            "or pass --cascade to remove them too"
        )
    if row.tasks and not cascade:
        names = ", ".join(task.name for task in row.tasks)
        raise ConflictError(
            f"model {row.name!r} still has learnt tasks ({names}): remove them with `hyperx-cl tasks remove` first, or "
            "pass --cascade to remove them too"
        )
    freed = list(session.scalars(select(TaskRow.blob).where(TaskRow.model_id == row.id)))
    session.execute(delete(TaskRow).where(TaskRow.model_id == row.id))
    freed += list(session.scalars(select(VersionRow.blob).where(VersionRow.language_id.in_(mine))))
    session.execute(delete(VersionRow).where(VersionRow.language_id.in_(mine)))
    blobs.forget(session, freed)
    session.execute(delete(LanguageRow).where(LanguageRow.model_id == row.id))
    session.execute(delete(ModelRow).where(ModelRow.id == row.id))
    heir = session.scalar(select(ModelRow).order_by(ModelRow.id).limit(1))
    if row.is_default and heir is not None:
        heir.is_default = True
    return row


def record(row: ModelRow) -> ModelRecord:
    """What is handed out for a row."""
    backbone = {
        "id": row.backbone_id,
        "revision": row.backbone_revision,
        "fingerprint": row.backbone_fingerprint,
        "model_type": row.backbone_type,
    }
    tasks = tuple(task.definition for task in row.tasks)
    return ModelRecord(row.name, row.fingerprint, row.path, backbone, row.config, row.created, row.is_default, tasks)


def expect_name(name: str) -> None:
    """Refuse a name that no model can be stored under.

    Raises:
        UsageError: It is no slug, or Windows could have no folder of that name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a model: use up to 64 of the letters A-Z a-z, digits, '.', '_' and '-', "
            "the first a letter or a digit"
        )
    if is_device(name):
        raise UsageError(f"{name!r} cannot name a model, as Windows can have no folder of that name: choose another")


def fingerprint_in(folder: Path) -> str | None:
    """The fingerprint that the model in a folder says it has, None where no finished model lies there."""
    try:
        described = json.loads((folder / CONFIG).read_bytes())
        return str(described["fingerprint"]) if (folder / WEIGHTS).is_file() else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def expect_model(name: str, fingerprint: str, backbone: Mapping[str, str]) -> None:
    """Refuse a model that cannot be stored.

    Raises:
        UsageError: Its name, its fingerprint or its backbone cannot be one.
    """
    expect_name(name)
    missing = [key for key in _BACKBONE if not isinstance(backbone.get(key), str)]
    if missing:
        raise UsageError(f"the backbone of model {name!r} is described without {', '.join(missing)}: name it too")
    for what, value in (("model", fingerprint), ("backbone", backbone["fingerprint"])):
        if not _FINGERPRINT.fullmatch(value):
            raise UsageError(f"{value!r} is not the fingerprint of a {what}: 64 hexadecimal digits are expected")
