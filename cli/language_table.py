"""Stored languages as JSON and as tables: the one shape that all commands on languages print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperx_cl.cli.listing import Listing
from hyperx_cl.languages import backbone_kind, scripts, seen
from hyperx_cl.languages import name as name_of
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.relatives import branch

Kinds = Mapping[str, str | None]
"""Name of a model to the pretraining list of its backbone, None where that is not known."""


def kinds_of(models: Iterable[ModelRecord]) -> Kinds:
    """The pretraining lists of some models."""
    return {m.name: backbone_kind(m.backbone["model_type"], m.config.get("vocabulary", 0)) for m in models}


def described(stored: StoredLanguage, kinds: Kinds) -> dict[str, Any]:
    """One version for JSON; `docs/registry.md` documents every key."""
    kept = {name: value for name, value in vars(stored).items() if name != "provenance"}
    author = stored.provenance.get("author")
    return kept | {
        "tasks": list(stored.tasks), "name": name_of(stored.language), "family": list(branch(stored.language)),
        "scripts": list(scripts(stored.language)), "seen": seen(kinds.get(stored.model), stored.language),
        "losses": stored.losses, "scores": stored.scores, "author": author if isinstance(author, str) else None,
    }  # fmt: skip


def language_listing(known: Sequence[StoredLanguage], kinds: Kinds, *, models: bool = False) -> Listing:
    """A table of languages, each in the version in use; with a column for the model where there are several."""
    header = [
        "code", "language", "family", "seen", "ver", "method", "loss", "scores", "date", "tasks", "numbers", "hash",
    ]  # fmt: skip
    rows = [_row(stored, kinds) for stored in known]
    if models:
        header, rows = ["model", *header], [[s.model, *row] for s, row in zip(known, rows, strict=True)]
    return Listing(
        header, rows, spare=("hash", "numbers", "tasks"), flexible=("scores", "family", "language", "method", "model"),
        right=("ver", "numbers"),
    )  # fmt: skip


def told_losses(losses: Mapping[str, float]) -> str:
    """``4.12→3.20``: of the mean vector, and of what was learnt; empty where nothing was measured."""
    if "learnt" not in losses:
        return ""
    return f"{losses['mean']:.2f}→{losses['learnt']:.2f}" if "mean" in losses else f"{losses['learnt']:.2f}"


def told_scores(scores: Mapping[str, float]) -> str:
    """``ner 12.0 pos 73.8``: by task, in %."""
    return " ".join(f"{task} {100 * score:.1f}" for task, score in sorted(scores.items()))


def told_seen(known: bool | None) -> str:
    """Whether a language was in the backbone's pretraining, in a word; empty where that is not known."""
    return {True: "seen", False: "unseen", None: ""}[known]


def _row(stored: StoredLanguage, kinds: Kinds) -> list[str]:
    return [
        stored.language, name_of(stored.language), (branch(stored.language) or ("",))[0],
        told_seen(seen(kinds.get(stored.model), stored.language)), str(stored.version), stored.method,
        told_losses(stored.losses), told_scores(stored.scores), stored.created[:10], " ".join(stored.tasks),
        f"{stored.numbers:,}", stored.hash[:12],
    ]  # fmt: skip
