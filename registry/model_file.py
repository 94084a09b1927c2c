"""A model's row as a file: what the registry knows of it, its languages' versions and its tasks, sealed by a hash.

Format ``hyperx-cl/model-row@1``: one JSON object. The numbers are not in it: it names the records by their hashes, and
their descriptions by the SHA-256 of the ``.json`` file beside each.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.foreign import read_json
from hyperx_cl.registry.models import expect_model
from hyperx_cl.sealed import read_within
from hyperx_cl.share.description import expect_description
from hyperx_cl.share.layout import MAX_INDEX
from hyperx_cl.writing import replaced

FORMAT = "hyperx-cl/model-row@1"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Exported:
    """Where one exported record is found: the content hash that its files are named by, and that of its description."""

    hash: str
    note: str
    """SHA-256 of its ``.json`` file."""


@dataclass(frozen=True)
class ExportedLanguage:
    """A language's versions by number, and which one is in use."""

    current: int
    last: int
    """The highest number ever given."""
    versions: Mapping[int, Exported]


@dataclass(frozen=True)
class ExportedModel:
    """A model's row and the records that belong to it."""

    name: str
    fingerprint: str
    path: str
    backbone: Mapping[str, str]
    config: Mapping[str, Any]
    created: str
    default: bool
    languages: Mapping[str, ExportedLanguage]
    tasks: Mapping[str, Exported]


def write_model(model: ExportedModel, folder: Path) -> Path:
    """Write it as ``FINGERPRINT.json`` into a folder that is there, whole or not at all."""
    told = {"format": FORMAT, **asdict(model)}
    path = folder / f"{model.fingerprint}.json"
    sealed = {**told, "sha256": _seal(json.loads(json.dumps(told)))}
    with replaced(path) as fresh:
        fresh.write_bytes((json.dumps(sealed, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def read_model(path: Path) -> ExportedModel:
    """Read a file that `write_model` wrote, and verify it.

    Raises:
        DataError: It is none, of a newer format, damaged or changed.
    """
    try:
        told = dict(read_json(read_within(path, MAX_INDEX)))
        form, seal = told["format"], told.pop("sha256")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not describe a model: restore it from where it came") from error
    if form != FORMAT:
        raise DataError(f"{path} has format {form!r}, this version reads {FORMAT!r}: update hyperx-cl")
    if _seal(told) != seal:
        raise DataError(f"{path} is damaged or was changed (its hash is another): restore it from where it came")
    try:
        return _model(told)
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise DataError(f"{path} does not fit together ({error}): export the model again") from error


def _model(told: Mapping[str, Any]) -> ExportedModel:
    """The same as a value.

    Raises:
        ValueError: Something in it is of another kind than it has to be; as KeyError, TypeError and AttributeError.
    """
    texts = {key: _is(told[key], str) for key in ("name", "fingerprint", "path", "created")}
    backbone = {str(key): _is(value, str) for key, value in told["backbone"].items()}
    expect_model(texts["name"], texts["fingerprint"], backbone)
    expect_description(_is(told["config"], dict))
    languages = {str(code): _language(code, language) for code, language in told["languages"].items()}
    tasks = {str(name): _exported(task) for name, task in told["tasks"].items()}
    return ExportedModel(
        **texts, backbone=backbone, config=told["config"], default=_is(told["default"], bool),
        languages=languages, tasks=tasks,
    )  # fmt: skip


def _language(code: str, told: Mapping[str, Any]) -> ExportedLanguage:
    versions = {int(number): _exported(version) for number, version in told["versions"].items()}
    current, last = _is(told["current"], int), _is(told["last"], int)
    if current not in versions or min(versions) < 1 or max(versions) > last:
        raise ValueError(f"the versions of {code!r} and the one in use")
    return ExportedLanguage(current, last, dict(sorted(versions.items())))


def _exported(told: Mapping[str, Any]) -> Exported:
    if not all(_HASH.fullmatch(_is(told[key], str)) for key in ("hash", "note")):  # they become names of files
        raise ValueError("a hash that is none")
    return Exported(told["hash"], told["note"])


def _is(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r:.40} is not {kind.__name__}")
    return value


def _seal(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
