"""What the registry hands out: frozen copies of its rows, never the rows themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.task_record import TaskRecord


@dataclass(frozen=True)
class ModelRecord:
    """A model that the registry knows: where it lies and which backbone it belongs to."""

    name: str
    fingerprint: str
    """SHA-256 over the model's tensors, 64 hexadecimal digits."""
    path: str
    """Folder that `save_pretrained` wrote."""
    backbone: Mapping[str, str]
    """``id``, ``revision`` (empty for a local folder), ``fingerprint`` and ``model_type``."""
    config: Mapping[str, Any]
    created: str
    """UTC, ISO 8601."""
    default: bool
    """Whether commands use it when no model is named; exactly one is, once there are any."""
    tasks: tuple[Mapping[str, Any], ...] = ()
    """Definitions of the tasks that were learnt since (`TaskRecord.definition`), by name; those of base training are
    in `config`."""


@dataclass(frozen=True)
class StoredLanguage:
    """One version of a language, without its numbers.

    The provenance holds, as far as they apply: method, capacity, seed, steps, tokens, seconds, text (sha256 and line
    counts, never the text), source, licence, author, losses (random, zero, mean, nearest, start, learnt), nearest,
    scores, created, hyperx_cl, backbone (id, revision, fingerprint), parent, corrections (at, run, was, is: where
    source or licence was said anew of the same numbers), self_training by task, carried (model, hash, method and
    provenance of the record that these numbers were copied from), redone (model and hash of the record that was learnt
    again for this model, other_text and text_before where it was from another text).
    """

    language: str
    """Canonical code."""
    model: str
    """Name of the model."""
    fingerprint: str
    """Fingerprint of the model."""
    version: int
    """1, 2, … for each model and language; a number is never given twice."""
    current: bool
    """Whether the language's name points at this version."""
    hash: str
    """Content hash of the numbers (`LanguageRecord.hash`)."""
    parent: str | None
    """Content hash of the version that it was learnt from."""
    method: str
    created: str
    """UTC, ISO 8601."""
    numbers: int
    """Count of stored numbers."""
    tasks: tuple[str, ...]
    """Tasks for which it holds something of its own."""
    provenance: Mapping[str, Any]

    @property
    def losses(self) -> dict[str, float]:
        """MLM losses on the report part, nats per masked piece, by vector: ``mean``, ``learnt``, …."""
        return _numbers(self.provenance.get("losses"))

    @property
    def scores(self) -> dict[str, float]:
        """Scores by task, 0 to 1, as they were measured when the version was made, on what its provenance names."""
        told = _numbers(self.provenance.get("scores"))
        task, after = self.provenance.get("task"), self.provenance.get("after")
        return told | (_numbers({task: after}) if self.method == "fewshot" and isinstance(task, str) else {})

    @property
    def first_method(self) -> str:
        """The method that made its numbers: another than `method` where `fewshot --full` has carried them here."""
        return _first_method(self.method, self.provenance)


@dataclass(frozen=True)
class LoadedLanguage:
    """One version of a language with its numbers, verified."""

    record: LanguageRecord
    stored: StoredLanguage


@dataclass(frozen=True)
class StoredTask:
    """A task that was learnt after base training, without its numbers."""

    task: str
    """Its name."""
    model: str
    """Name of the model."""
    fingerprint: str
    """Fingerprint of the model."""
    hash: str
    """Content hash (`TaskRecord.hash`)."""
    definition: Mapping[str, Any]
    """``name``, ``kind``, ``labels``, ``column`` and ``label_map``."""
    method: str
    created: str
    """UTC, ISO 8601."""
    numbers: int
    """Count of stored numbers."""
    provenance: Mapping[str, Any]

    @property
    def first_method(self) -> str:
        """As `StoredLanguage.first_method`."""
        return _first_method(self.method, self.provenance)


@dataclass(frozen=True)
class LoadedTask:
    """A learnt task with its numbers, verified."""

    record: TaskRecord
    stored: StoredTask


@dataclass(frozen=True)
class Neighbour:
    """A stored language and how near its embedding is."""

    language: str
    version: int
    cosine: float
    """-1 to 1."""


@dataclass(frozen=True)
class RunRecord:
    """One run of a command that trained or scored something."""

    id: int
    command: str
    config: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    """Python, torch, … to version."""
    data_hashes: Mapping[str, str]
    """Pair (``pos:en``), file or part of the data to SHA-256."""
    status: str
    """``running``, ``done``, ``failed`` or ``interrupted``."""
    metrics: Mapping[str, Any]
    started: str
    """UTC, ISO 8601."""
    finished: str | None


@dataclass(frozen=True)
class Problem:
    """One thing that `Registry.check` found wrong."""

    where: str
    """The row, in words."""
    what: str


def _numbers(told: object) -> dict[str, float]:
    """The numbers of a mapping that others may have written."""
    found = told.items() if isinstance(told, Mapping) else ()
    return {str(k): float(v) for k, v in found if type(v) in (int, float)}  # neither true nor false


def _first_method(method: str, provenance: Mapping[str, Any]) -> str:
    carried: Mapping[str, Any] = provenance.get("carried", {})
    return str(carried.get("method", method))
