"""A model on disk: ``model.safetensors``, ``config.json``; the backbone's weights are named and checked, not kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as in_bytes

from hyperx_cl.config import ModelOptions, shape_identity
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, DataError, NetworkError, NotFoundError, UsageError
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.writing import told, whole

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX

FORMAT = "hyperx-cl/model@1"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def identity(model: "HyperX") -> str:
    """What belongs to a model's identity besides its tensors, as canonical JSON."""
    return json.dumps(_identity(model), sort_keys=True, ensure_ascii=False)


def save(model: "HyperX", folder: Path) -> str:
    """Write a model to a folder, whole or not at all.

    Args:
        model: The model.
        folder: Made if absent; the two files in it are replaced.

    Returns:
        The model's fingerprint.

    Raises:
        StorageError: They cannot be written.
    """
    mark = model.fingerprint()
    config = _identity(model) | {"backbone": asdict(model.backbone.info), "fingerprint": mark}
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.saved_tensors().items()}
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # The configuration comes last: it names the weights' fingerprint, and both are there or there is no model.
    with whole(folder / CONFIG) as text:
        text.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        with whole(folder / WEIGHTS) as weights:
            # One metadata key, for the order of several is not fixed: equal models give equal bytes.
            seal = {"hyperx-cl": json.dumps({"format": FORMAT, "fingerprint": mark})}
            # safetensors' `save_file` writes beside it first, under a name that a killed process leaves.
            weights.write_bytes(in_bytes(tensors, seal))
    return mark


def load(folder: Path, *, backbone: Backbone | str | None = None) -> "HyperX":
    """Read a model and the backbone it names.

    Args:
        folder: What `save` wrote.
        backbone: A loaded backbone, or where to load it from. By default the one that the configuration names: a
            folder of that name in the working directory, in `folder` or beside it, or else that id on the Hub.

    Raises:
        NotFoundError: No model there, or its backbone cannot be found.
        NetworkError: Its backbone is not here, and the Hub cannot be reached.
        DataError: The files are damaged or of another format.
        ConflictError: The backbone is not the one the model was trained on.
    """
    from hyperx_cl.model.hyperx import HyperX

    config = read_config(folder)
    known = config["backbone"]
    if not isinstance(backbone, Backbone):
        site = str(config["model"].get("adapter_site", ""))
        backbone = load_backbone(backbone, adapter_site=site) if backbone else _named_backbone(known, folder, site)
    if backbone.info.fingerprint != known["fingerprint"]:
        raise ConflictError(
            f"The model in {folder} was trained on backbone {known['id']} with fingerprint {known['fingerprint']}, "
            f"but {backbone.info.id} has {backbone.info.fingerprint}; give the right one with --backbone."
        )
    options, tasks = _described(config, folder)
    try:
        model = HyperX(backbone, options, tasks, config["languages"])
        tensors = load_file(folder / WEIGHTS)
        model.load_state_dict(tensors)
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip().rstrip(".")
        raise DataError(f"{folder / WEIGHTS} is damaged or incomplete: {reason}; copy or train it again.") from error
    except (UsageError, ValueError) as error:
        raise _undescribed(folder, error) from error
    if fingerprint(tensors, extra=identity(model)) != config["fingerprint"]:
        raise DataError(f"{folder} does not have the fingerprint in its {CONFIG}; copy or train the model again.")
    return model.eval()


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check ``config.json`` alone, without any weights.

    Raises:
        NotFoundError: There is none.
        DataError: It is not ours, or of a newer format.
    """
    file = folder / CONFIG
    if not file.is_file() or not (folder / WEIGHTS).is_file():
        raise NotFoundError(f"There is no model in {folder}: it needs {CONFIG} and {WEIGHTS}.")
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise DataError(f"{file} has format '{config['format']}', this version reads {FORMAT}; update hyperx-cl.")
        _expect_keys(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is not the configuration of a hyperx-cl model; copy or train it again.") from error
    return config


def _expect_keys(config: dict[str, Any]) -> None:
    wanted = (
        isinstance(config["model"], dict),
        isinstance(config["fingerprint"], str),
        all(isinstance(task, dict) for task in config["tasks"]),
        all(isinstance(code, str) for code in config["languages"]),
        all(isinstance(config["backbone"][key], str) for key in ("id", "fingerprint")),
        isinstance(config["backbone"]["revision"], str | None),
    )
    if not all(wanted):
        raise ValueError("a value of another kind than is written")


def _named_backbone(known: dict[str, Any], folder: Path, site: str) -> Backbone:
    """Load the backbone of a model's configuration, which keeps a folder's name but not the way to it."""
    name = known["id"]
    for place in (Path(name), folder / name, folder.parent / name):
        if known["revision"] is None and (place / "config.json").is_file() and place.resolve() != folder.resolve():
            return load_backbone(str(place.resolve()), adapter_site=site)
    try:
        return load_backbone(name, revision=known["revision"], adapter_site=site)
    except (NotFoundError, NetworkError) as error:
        raise type(error)(
            f"The model in {folder} was trained over the backbone '{name}', which is neither a folder here nor to be "
            "had from the Hub; name the folder it lies in: HyperX.from_pretrained(..., backbone=DIR), or --backbone "
            "DIR on the command line."
        ) from error


def _described(config: dict[str, Any], folder: Path) -> tuple[ModelOptions, list[Task]]:
    try:
        return ModelOptions(**config["model"]), [Task(**task) for task in config["tasks"]]
    except (TypeError, UsageError) as error:
        raise _undescribed(folder, error) from error


def _undescribed(folder: Path, error: Exception) -> DataError:
    said = str(error).rstrip(".")
    return DataError(
        f"{folder / CONFIG} describes a model that this version does not know: {said}; update hyperx-cl, or copy the "
        "model again."
    )


def _identity(model: "HyperX") -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": shape_identity(model.options),
        "tasks": [
            asdict(task) | {"label_map": dict(task.label_map)}
            for name, task in model.tasks.items()
            if name not in model.added_tasks
        ],
        "languages": sorted({*model.base, *model.forgotten}),
        "backbone_fingerprint": model.backbone.info.fingerprint,
    }
