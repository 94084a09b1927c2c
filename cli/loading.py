"""From a model in the registry to one that runs: its folder, its backbone, and the languages stored for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.share.travel import JOINT as JOINT

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX


def find_model(registry: Registry, name: str | None, backbone: str | None) -> ModelRecord:
    """A model of the registry whose files are where they were; nothing is loaded.

    Raises:
        NotFoundError: No such model, or its folder or its backbone's is gone.
    """
    record = registry.model(name)
    if not (Path(record.path) / "config.json").is_file():
        raise NotFoundError(
            f"model {record.name!r} is not in {record.path} any more: put the folder back, "
            f"or forget it with `hyperx-cl models remove {record.name} --cascade`"
        )
    place = Path(backbone or str(record.config.get("backbone", "")))
    if place.is_absolute() and not place.is_dir():  # what is not absolute may be a name on the Hub
        raise NotFoundError(
            f"the backbone of model {record.name!r} is not in {place}: name the folder it lies in with --backbone DIR"
        )
    return record


def load_model(
    registry: Registry, record: ModelRecord, *, backbone: str | None, device: str, precision: str,
    versions: Mapping[str, int] | None = None,
) -> "HyperX":  # fmt: skip
    """Load a model over its backbone with the languages and tasks stored for it, and put it where it shall compute.

    Args:
        registry: Where it is known.
        record: Of `find_model`.
        backbone: Folder or Hub id of its backbone, where that is another place than in training.
        device: As typed.
        precision: As typed.
        versions: The languages to attach, and which version of each; the one in use of every language by default.

    Raises:
        NotFoundError: The backbone cannot be found.
        ConflictError: It is another backbone than the model's, or the folder holds another model now.
        DataError: A file or a stored language is damaged.
    """
    from hyperx_cl.model.backbone import fast_dtype
    from hyperx_cl.model.devices import choose_device
    from hyperx_cl.model.hyperx import HyperX

    kept = str(record.config.get("backbone", ""))
    model = HyperX.from_pretrained(record.path, backbone=backbone or (kept if Path(kept).is_dir() else None))
    if model.fingerprint() != record.fingerprint:
        raise ConflictError(
            f"the model in {record.path} has fingerprint {model.fingerprint()[:12]}, but {record.name!r} was stored "
            f"with {record.fingerprint[:12]}: put its files back, "
            f"or forget it with `hyperx-cl models remove {record.name} --cascade`"
        )
    stored = registry.languages(record.name)
    if versions is not None:
        stored = [registry.language(code, record.name, number).stored for code, number in versions.items()]
    for code in {*model.languages()} - {language.language for language in stored}:
        model.forget(code)  # a base language that was removed from the registry
    if record.tasks:  # before the languages: some may have something of their own for one
        model.attach_task(*(registry.task(task["name"], record.name).record for task in record.tasks))
    added = [language.language for language in stored if language.method != JOINT]
    model.attach(*(registry.language(code, record.name, (versions or {}).get(code)).record for code in added))
    place = choose_device(device)
    return model.place(place, fast_dtype(precision, place))


def tasks_of(record: ModelRecord) -> dict[str, Task]:
    """The tasks of a model, those learnt since among them, without loading it."""
    return {task["name"]: Task(**task) for task in [*record.config["tasks"], *record.tasks]}


def task_of(record: ModelRecord, name: str, *, labelling: bool = True) -> Task:
    """One task of a model.

    Args:
        record: The model.
        name: The task's name.
        labelling: Whether it has to label words.

    Raises:
        NotFoundError: The model was not trained for it.
        UsageError: It labels no words.
    """
    tasks = tasks_of(record)
    known = [task.name for task in tasks.values() if task.kind != "mlm" or not labelling]
    if name in tasks and name not in known:
        raise UsageError(f"task {name!r} labels no words: choose from {', '.join(known)}")
    if name not in known:
        raise NotFoundError(
            f"model {record.name!r} has no task {name!r}{did_you_mean(name, known)}: it has {', '.join(known)}"
        )
    return tasks[name]
