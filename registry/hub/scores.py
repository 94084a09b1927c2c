"""Scores of a stored language, out of the runs of ``evaluate`` and out of where it was pulled from."""

from collections.abc import Iterable, Mapping
from typing import Any

from hyperx_cl.registry.records import RunRecord, StoredLanguage
from hyperx_cl.share.note import joined_scores

SCORED = "scored"
"""Metric of a run of ``evaluate``: every score with its metric's name, interval and version."""

_DIGITS = 12


def scores_of(stored: StoredLanguage, runs: Iterable[RunRecord]) -> tuple[Mapping[str, Any], ...]:
    """All scores of one version, each of the latest run that measured it."""
    measured = [
        _score(told, run, stored)
        for run in runs
        if run.command == "evaluate" and run.status == "done" and run.config.get("fingerprint") == stored.fingerprint
        for told in run.metrics.get(SCORED, ())
        if (told["language"], told["version"]) == (stored.language, stored.version)
    ]
    return joined_scores(pulled(stored.provenance).get("scores", ()), measured)


def pulled(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What came with a record when it was pulled: ``repo``, ``revision``, ``licences`` and ``scores``; else nothing."""
    told = provenance.get("hub")
    return told if isinstance(told, Mapping) else {}


def _score(told: Mapping[str, Any], run: RunRecord, stored: StoredLanguage) -> dict[str, Any]:
    data = str(run.data_hashes.get(f"{told['task']}:{told['language']}", ""))[:_DIGITS]
    kept = {key: told[key] for key in ("task", "metric", "value", "low", "high", "sentences", "words")}
    return {
        **kept, "split": str(run.config.get("split", "")), "of": stored.hash, "data": data,
        "at": str(run.finished or run.started),
    }  # fmt: skip
