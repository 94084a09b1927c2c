"""Takes an exported folder into a registry: every file is verified first, then all is stored in one transaction."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hyperx_cl.artefact import LanguageRecord, load_record
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.registry import models, tasks, versions
from hyperx_cl.registry.model_file import Exported, ExportedModel, read_model
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.tables import ModelRow, TaskRow, VersionRow
from hyperx_cl.registry.transfer import Moved
from hyperx_cl.share.facts import expect_facts
from hyperx_cl.share.verify import Fits, expect_bounds, expect_code, expect_fits, expect_task_fits
from hyperx_cl.task_record import TaskRecord, load_task


@dataclass(frozen=True)
class TakenIn:
    """What came in, and what was there already."""

    new: Moved
    known: Moved


def import_folder(
    registry: Registry,
    folder: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    model_dir: str | os.PathLike[str] | None = None,
) -> TakenIn:
    """Store what `hyperx_cl.registry.transfer.export` wrote: all of it, or nothing.

    What the registry has already stays as it is: a model its name and path, a language the version in use; versions
    that are new to it get its next numbers. A language that is new keeps numbers and version in use.

    Args:
        registry: Where to.
        folder: What to read.
        dry_run: Do all but store it.
        model_dir: Where the one model of the folder lies here; by default where the export says, or the registry.

    Raises:
        UsageError: `model_dir` is given, and there are several models.
        NotFoundError: The folder holds no exported model, or a file of it is missing.
        DataError: A file is damaged, or belongs to another record.
        ConflictError: A name belongs to another model or task, or a record to another backbone.
    """
    place = Path(folder).expanduser().absolute()
    found = _models(place)
    if model_dir is not None:
        found = [_placed(found, Path(model_dir).expanduser().absolute())]
    for model in found:
        for _ in (*_records(place, model), *_tasks(place, model)):
            pass  # reading verifies
    with registry._writing() as session:
        counts = [_store(session, place, model, moved=model_dir is not None) for model in found]
        if dry_run:
            session.rollback()
    return TakenIn(_sum([new for new, _ in counts]), _sum([known for _, known in counts]))


def _models(place: Path) -> list[ExportedModel]:
    """The models of a folder, the default one of where they came from first, so that it is of an empty registry too."""
    files = sorted((place / "models").glob("*.json"))
    if not files:
        raise NotFoundError(f"{place} holds no exported model: name a folder that `hyperx-cl registry export` has made")
    return sorted((read_model(file) for file in files), key=lambda model: not model.default)


def _placed(found: Sequence[ExportedModel], folder: Path) -> ExportedModel:
    """The one model, in a folder where it really is."""
    if len(found) != 1:
        raise UsageError(f"--model-dir is of one model, and {len(found)} are there: export one alone with --model")
    (model,) = found
    mark = models.fingerprint_in(folder)
    if mark is None:
        raise NotFoundError(f"{folder} holds no model: name the folder that `hyperx-cl train` has made")
    if mark != model.fingerprint:
        raise ConflictError(
            f"{folder} holds model {mark[:12]}…, the records belong to {model.fingerprint[:12]}…: name its folder"
        )
    return replace(model, path=str(folder))


def _store(session: Session, place: Path, model: ExportedModel, *, moved: bool) -> tuple[Moved, Moved]:
    """Store one model with what belongs to it; count what was new and what was known."""
    row = session.scalar(select(ModelRow).where(ModelRow.fingerprint == model.fingerprint))
    news, known = {"models": int(row is None)}, {"models": int(row is not None)}
    if row is None:
        row = models.add(
            session, name=model.name, fingerprint=model.fingerprint, path=model.path, backbone=model.backbone,
            config=model.config, created=model.created,
        )  # fmt: skip
    elif moved:
        row.path = model.path
    added = [_store_task(session, record) for record in _tasks(place, model)]
    news["tasks"], known["tasks"] = added.count(True), added.count(False)
    counted = [_store_language(session, place, model, code, row) for code in model.languages]
    news["languages"], known["languages"] = (sum(new is wanted for new, _, _ in counted) for wanted in (True, False))
    news["versions"], known["versions"] = sum(new for _, new, _ in counted), sum(old for _, _, old in counted)
    return Moved(**news), Moved(**known)


def _store_task(session: Session, record: TaskRecord) -> bool:
    new = session.scalar(select(TaskRow.id).where(TaskRow.hash == record.hash)) is None
    if new:
        tasks.add(session, record)
    return new


def _store_language(
    session: Session, place: Path, model: ExportedModel, code: str, row: ModelRow
) -> tuple[bool, int, int]:
    """Store one language's versions; its name stays where it points, if it points somewhere.

    Returns:
        Whether the language is new, how many versions are, and how many were known.
    """
    exported, language = model.languages[code], versions.language_row(session, code, row)
    new, old, fresh = 0, 0, language is None
    for number, version in exported.versions.items():
        if _known(session, version.hash) is not None:
            old += 1
            continue
        record = _record(place, model, code, version)
        stored = versions.append(session, record, facts={}, number=number if fresh else None)
        language = stored.language
        session.expunge(stored)  # one version in memory at a time
        new += 1
    assert language is not None  # an exported language has at least one version
    if fresh:
        language.last = exported.last
    if language.current is None:
        language.current = _known(session, exported.versions[exported.current].hash)
    session.flush()
    return fresh, new, old


def _known(session: Session, digest: str) -> int | None:
    """The number of the version with a content hash, None where it is not there."""
    return session.scalar(select(VersionRow.number).where(VersionRow.hash == digest))


def _records(place: Path, model: ExportedModel) -> Iterator[LanguageRecord]:
    for code, language in model.languages.items():
        for version in language.versions.values():
            yield _record(place, model, code, version)


def _record(place: Path, model: ExportedModel, code: str, version: Exported) -> LanguageRecord:
    file = place / "languages" / f"{version.hash}.safetensors"
    record = load_record(file)
    _expect_note(file, version)
    if (record.hash, record.language, record.model) != (version.hash, code, model.fingerprint):
        raise DataError(f"{file} is the record of another language or model than its place says: export it again")
    expect_code(code, str(file))
    _expect_right(record, file, f"language {code!r}")
    expect_fits(record, replace(Fits.of(model.config), tasks=None), str(file))  # an old version outlives a task
    return record


def _tasks(place: Path, model: ExportedModel) -> Iterator[TaskRecord]:
    for name, task in model.tasks.items():
        file = place / "tasks" / f"{task.hash}.safetensors"
        record = load_task(file)
        _expect_note(file, task)
        if (record.hash, record.name, record.model) != (task.hash, name, model.fingerprint):
            raise DataError(f"{file} is the record of another task or model than its place says: export it again")
        _expect_right(record, file, f"task {name!r}")
        expect_task_fits(record, Fits.of(model.config), str(file))
        yield record


def _expect_note(file: Path, exported: Exported) -> None:
    """Refuse a description that was damaged or changed: the hash of a record covers its numbers alone."""
    note = file.with_suffix(".json")
    if hashlib.sha256(note.read_bytes()).hexdigest() != exported.note:
        raise DataError(f"{note} is damaged or was changed (its hash is another): restore it from where it came")


def _expect_right(record: LanguageRecord | TaskRecord, file: Path, what: str) -> None:
    """Refuse numbers beyond all bounds, and a provenance that nothing here would have left."""
    expect_bounds(record, str(file))
    if not record.provenance.get("method"):
        raise DataError(f"{what} of {file} cannot be stored without the method that made it: export it again")
    provenance = versions.expect_kinds(dict(record.provenance), what)
    try:
        expect_facts(provenance)
    except ValueError as error:
        note = file.with_suffix(".json")
        raise DataError(f"{note} tells what cannot be of {what} ({error}): export it again") from error


def _sum(moved: Sequence[Moved]) -> Moved:
    return Moved(*(sum(column) for column in zip(*(astuple(one) for one in moved), strict=True)))
