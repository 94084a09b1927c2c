"""Records out of a registry into a folder of files, and back: verified before anything is stored, all or nothing.

``models/FINGERPRINT.json`` is a model's row (`hyperx_cl.registry.model_file`); ``languages/HASH.safetensors`` and
``.json`` are a version (`hyperx_cl.artefact`), ``tasks/HASH.…`` a learnt task (`hyperx_cl.task_record`). Runs stay
where they were made.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hyperx_cl.artefact import save_record
from hyperx_cl.errors import ConflictError, HyperXError, NotFoundError
from hyperx_cl.registry import models, tasks, versions
from hyperx_cl.registry.model_file import Exported, ExportedLanguage, ExportedModel, write_model
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.tables import LanguageRow, ModelRow
from hyperx_cl.task_record import save_task


@dataclass(frozen=True)
class Moved:
    """What went out of a registry, or came into one: counts."""

    models: int = 0
    languages: int = 0
    versions: int = 0
    tasks: int = 0


def export(
    registry: Registry, folder: str | os.PathLike[str], *, model: str | None = None, codes: Sequence[str] = ()
) -> Moved:
    """Write models with all versions of their languages and their learnt tasks into a new folder.

    Args:
        registry: Where from; what others write meanwhile is not seen.
        folder: It must not exist, or be empty. It appears whole or not at all.
        model: One model alone; all of them for None.
        codes: These languages alone, in any form that `hyperx_cl.languages.canonical` knows; all for none.

    Raises:
        NotFoundError: No such model or language, or no model at all.
        ConflictError: The folder holds something.
        DataError: A stored record is damaged.
        HyperXError: The folder cannot be written.
    """
    place = Path(folder).expanduser().absolute()
    with registry._reading() as session, _whole_folder(place) as made:
        chosen = models.listing(session) if model is None else [models.find(session, model)]
        if not chosen:
            raise NotFoundError("there is no model to export: train one with `hyperx-cl train`")
        wanted = _wanted(session, chosen, codes)
        found = [_export_model(session, row, made, wanted.get(row.id, [])) for row in chosen]
    languages = [language for told in found for language in told.languages.values()]
    return Moved(
        len(found), len(languages), sum(len(language.versions) for language in languages),
        sum(len(told.tasks) for told in found),
    )  # fmt: skip


def _wanted(session: Session, chosen: Sequence[ModelRow], codes: Sequence[str]) -> dict[int, list[str]]:
    """Codes of the languages to export, by model.

    Raises:
        NotFoundError: None of the models has one that was asked for.
    """
    found: dict[int, list[str]] = {}
    if not codes:
        rows = select(LanguageRow.model_id, LanguageRow.code).where(LanguageRow.current.is_not(None))
        for number, code in session.execute(rows.order_by(LanguageRow.code)):
            found.setdefault(number, []).append(code)
        return found
    for code in codes:
        held = {row.id: versions.language_row(session, code, row) for row in chosen}
        holders = [row for row in chosen if (language := held[row.id]) is not None and language.current is not None]
        for row in holders or chosen[:1]:  # of none the first one says what is near
            found.setdefault(row.id, []).append(versions.find(session, code, row, None).language.code)
    return found


def _export_model(session: Session, row: ModelRow, folder: Path, codes: Sequence[str]) -> ExportedModel:
    record = models.record(row)
    told = ExportedModel(
        record.name, record.fingerprint, record.path, record.backbone, record.config, record.created, record.default,
        {code: _export_language(session, row, code, folder / "languages") for code in dict.fromkeys(codes)},
        {task.name: _export_task(session, task.name, row, folder / "tasks") for task in tasks.listing(session, row)},
    )  # fmt: skip
    (folder / "models").mkdir(exist_ok=True)
    write_model(told, folder / "models")
    return told


def _export_language(session: Session, model: ModelRow, code: str, folder: Path) -> ExportedLanguage:
    rows, files = versions.history(session, code, model), {}
    current, last = rows[0].language.current, rows[0].language.last
    for row in rows:
        files[row.number] = _exported(save_record(versions.load(session, row).record, folder))
        session.expunge(row)  # one version in memory at a time
    return ExportedLanguage(current or max(files), last, files)


def _export_task(session: Session, name: str, model: ModelRow, folder: Path) -> Exported:
    return _exported(save_task(tasks.load(session, tasks.find(session, name, model)).record, folder))


def _exported(path: Path) -> Exported:
    return Exported(path.stem, hashlib.sha256(path.with_suffix(".json").read_bytes()).hexdigest())


@contextmanager
def _whole_folder(place: Path) -> Iterator[Path]:
    """A folder beside the place that becomes it at the end.

    Raises:
        ConflictError: There is something at that place.
        HyperXError: It cannot be written.
    """
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ConflictError(f"{place} is there already and holds something: name a new folder")
    made: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        yield made
        made.chmod(0o755)
        made.rename(place)
    except OSError as error:
        raise HyperXError(
            f"{place} cannot be written ({error.strerror}): choose a folder that you may write and that has room"
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
