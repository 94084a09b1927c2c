"""How a stored version of a language came about, step by step: what was learnt, by which options, and in which run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

from hyperx_cl.config import AddOptions, FewshotOptions
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.registry.records import RunRecord, StoredLanguage, StoredTask
from hyperx_cl.registry.store import Registry

FEWSHOT, TEXT, LIKE, CODE = "fewshot", "mlm", "like", "code"

_KEPT_IN_RUNS = {FEWSHOT: "fewshot", TEXT: "add_language"}

Options = TypeVar("Options", AddOptions, FewshotOptions)


@dataclass(frozen=True)
class Step:
    """One learning of a language.

    Args:
        stored: A version that holds what was learnt; where it was copied to another model since, maybe the copy.
        told: What was kept of the learning itself, whether in this version or in the one it was copied from.
        run: The run that did it, where the registry has it.
    """

    stored: StoredLanguage
    told: Mapping[str, Any]
    run: RunRecord | None

    @property
    def method(self) -> str:
        """How it was learnt: ``mlm``, ``like``, ``code``, ``fewshot``, or another."""
        return str(self.told.get("method", self.stored.method))

    @property
    def config(self) -> Mapping[str, Any]:
        """What was typed, where the run is known; empty where it is not."""
        return self.run.config if self.run else {}

    @property
    def hashes(self) -> Mapping[str, str]:
        """Hashes of what it was learnt from, where the run is known; empty where it is not."""
        return self.run.data_hashes if self.run else {}

    @property
    def order(self) -> tuple[str, int, str]:
        """When it was learnt, to sort by; within one second by run."""
        run = self.run.id if self.run else 0
        return str(self.told.get("created", self.stored.created)), run, self.stored.language

    def options(self, cls: type[Options]) -> tuple[Options, list[str]]:
        """The options it was learnt by, and those that did not exist then, which are as they are by default now.

        Raises:
            ConflictError: They are not kept, or one of them does not exist any more.
        """
        kept = self.told.get("options") or self.config.get(_KEPT_IN_RUNS.get(self.method, ""))
        code = self.stored.language
        if not isinstance(kept, Mapping):
            raise ConflictError(
                f"neither record nor run of {code!r} tells by which options it was learnt: learn it anew"
            )
        known = [field.name for field in fields(cls)]
        gone = [name for name in kept if name not in known]
        if gone:
            raise ConflictError(
                f"{code!r} was learnt with {', '.join(gone)}, which this version does not have any more: learn it anew"
            )
        try:
            return cls(**kept), [name for name in known if name not in kept]
        except (UsageError, TypeError) as error:
            raise ConflictError(
                f"the options {code!r} was learnt by are not taken any more ({error}): learn it anew"
            ) from error


class Runs:
    """The runs of a registry, by the hash of the record that each has stored."""

    def __init__(self, registry: Registry) -> None:
        self.all = registry.list_runs()
        self._by_hash: dict[str, RunRecord] = {}
        for run in self.all:  # newest first
            self._by_hash.setdefault(str(run.metrics.get("hash")), run)

    def of(self, hash: str) -> RunRecord | None:
        """The newest run that stored a record."""
        return self._by_hash.get(hash)


class First(NamedTuple):
    """The record that numbers were first stored in: fingerprint of its model, content hash, and provenance."""

    model: str
    hash: str
    told: Mapping[str, Any]


def told_of(stored: StoredLanguage | StoredTask) -> First:
    """The record that a version's numbers were first stored in: the version itself, unless it is a copy."""
    first = First(stored.fingerprint, stored.hash, stored.provenance)
    while carried := first.told.get("carried"):
        first = First(str(carried["model"]), str(carried["hash"]), carried["provenance"])
    return first


def lineage(registry: Registry, runs: Runs, stored: StoredLanguage) -> tuple[list[Step], bool]:
    """The learnings that have led to a version, the first one first.

    Args:
        registry: Where the versions are, those of other models included.
        runs: Of the same.
        stored: The version.

    Returns:
        The steps, and whether the first one is indeed the beginning: False where a version on the way was removed.
    """
    steps: list[Step] = []
    current: StoredLanguage | None = stored
    while current is not None:
        first = told_of(current)
        step = Step(current, first.told, runs.of(first.hash))
        steps.insert(0, step)
        if step.method != FEWSHOT:
            return steps, True
        parent = first.told.get("parent")
        current = registry.version(str(parent)) if parent else None
    return steps, False
