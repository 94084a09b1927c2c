"""A MAD-X model on disk: its configuration, a file of task adapters and heads, and a file a language; no backbone."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hyperx_cl.baselines.madx import Bottleneck, MadX
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.backbone import Backbone
from hyperx_cl.model.fingerprint import fingerprint

FORMAT = "hyperx-cl/mad-x@1"
CONFIG, TASKS, LANGUAGES = "config.json", "tasks.safetensors", "languages"


def save(model: MadX, folder: Path) -> None:
    """Write a model: ``config.json``, ``tasks.safetensors`` and a file a language under ``languages/``.

    Args:
        model: The model.
        folder: Made if absent; files of these names in it are replaced.
    """
    for code in model.languages():
        save_language(model, code, folder)
    learnt = {n: t for n, t in model.saved_tensors().items() if not n.startswith("language_adapters.")}
    _write(folder / TASKS, learnt, {"tasks": sorted(model.task_adapters), "backbone": model.backbone.info.fingerprint})
    save_config(model, folder)


def load(folder: Path, backbone: Backbone) -> MadX:
    """Read what `save` wrote.

    Raises:
        NotFoundError: No such model there.
        DataError: It is damaged or of another format.
        ConflictError: It was learnt over another backbone.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise DataError(f"{folder / CONFIG} has format '{config['format']}', not {FORMAT}; give a MAD-X model.")
        tasks, ranks = [Task(**task) for task in config["tasks"]], (config["language_rank"], config["task_rank"])
        languages, other = config["languages"], config["backbone"]
    except FileNotFoundError:
        raise NotFoundError(f"There is no MAD-X model in {folder}: it needs {CONFIG}.") from None
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise DataError(f"{folder / CONFIG} is not the configuration of a MAD-X model; learn it again.") from error
    _check_backbone(folder, other["fingerprint"], backbone)
    model = MadX(backbone, tasks, language_rank=ranks[0], task_rank=ranks[1])
    for code in languages:
        load_language(model, code, folder)
    load_tasks(model, folder)
    return model.eval()


def save_language(model: MadX, code: str, folder: Path) -> Path:
    """Write one language's adapter to the place it has in a model's folder."""
    about = {"language": code, "backbone": model.backbone.info.fingerprint}
    return _write(_language_file(folder, code), model.language(code).state_dict(), about)


def load_language(model: MadX, code: str, folder: Path) -> None:
    """Read one language's adapter from a model's folder into a model.

    Raises:
        NotFoundError: No such file.
        DataError: It is damaged, of another rank or of another language.
        ConflictError: It was learnt over another backbone.
    """
    file = _language_file(folder, code)
    tensors, about = _read(file, model.backbone)
    if about.get("language") != code:
        raise DataError(f"{file} holds the adapter of '{about.get('language')}'; give each file its own name.")
    adapter = Bottleneck(model.backbone.info.layers, model.backbone.info.hidden, model.language_rank)
    _fill(adapter, tensors, adapter.state_dict(), file)
    model.language_adapters[code] = adapter.to(model.device)


def load_tasks(model: MadX, folder: Path) -> None:
    """Read the task adapters and heads of a model's folder into a model of the same tasks; raises as `load` does."""
    tensors, _ = _read(folder / TASKS, model.backbone)
    wanted = {n: t for n, t in model.saved_tensors().items() if not n.startswith("language_adapters.")}
    _fill(model, tensors, wanted, folder / TASKS)


def save_config(model: MadX, folder: Path) -> None:
    """Write ``config.json``: what the model is besides its tensors, and which languages have a file."""
    config = {
        "format": FORMAT, "language_rank": model.language_rank, "task_rank": model.task_rank,
        "tasks": [asdict(task) | {"label_map": dict(task.label_map)} for task in model.tasks.values()],
        "languages": model.languages(), "backbone": asdict(model.backbone.info),
    }  # fmt: skip
    write_json(folder / CONFIG, config)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    fresh.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(fresh, file)


def _language_file(folder: Path, code: str) -> Path:
    return folder / LANGUAGES / f"{code}.safetensors"


def _write(file: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = json.dumps({"format": FORMAT, "fingerprint": fingerprint(plain), **about}, ensure_ascii=False)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    save_file(plain, fresh, metadata={"hyperx-cl": header})
    os.replace(fresh, file)
    return file


def _read(file: Path, backbone: Backbone) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not file.is_file():
        raise NotFoundError(f"There is no {file}; learn it, or copy the whole folder of the model.")
    try:
        with safe_open(file, framework="pt") as handle:
            about: dict[str, Any] = json.loads((handle.metadata() or {})["hyperx-cl"])
            tensors: dict[str, Tensor] = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
        sound = about["format"] == FORMAT and about["fingerprint"] == fingerprint(tensors)
        known = str(about["backbone"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged or not of MAD-X; learn or copy it again.") from error
    if not sound:
        raise DataError(f"{file} is damaged or not of {FORMAT}; learn or copy it again.")
    _check_backbone(file, known, backbone)
    return tensors, about


def _fill(module: nn.Module, tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: Path) -> None:
    if {n: t.shape for n, t in tensors.items()} != {n: t.shape for n, t in wanted.items()}:
        raise DataError(f"{file} does not fit this model: its tasks or its rank are others; give the right file.")
    module.load_state_dict(tensors, strict=False)


def _check_backbone(place: Path, known: str, backbone: Backbone) -> None:
    if known != backbone.info.fingerprint:
        raise ConflictError(
            f"{place} was learnt over a backbone with fingerprint {known[:12]}, but {backbone.info.id} has "
            f"{backbone.info.fingerprint[:12]}; give the right backbone."
        )
