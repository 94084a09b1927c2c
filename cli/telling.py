"""What `add-language` says of a language that is there now: for people, for `--json`, and for the run's row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.proving import proof_data, proof_lines
from hyperx_cl.cli.shared import Told
from hyperx_cl.languages import name
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.relatives import Relative

if TYPE_CHECKING:
    from hyperx_cl.cli.options import Common
    from hyperx_cl.train.add_language import Added

LITTLE = 0.5
"""A fall of MLM loss, nats: Tamil's was smaller on mBERT, and its tags gained nothing; five languages with larger ones
gained (`docs/adding-a-language.md`)."""


def told(common: "Common", stored: StoredLanguage, added: "Added") -> Told:
    """Of a language that was learnt."""
    return Told(
        summary(stored, added),
        ids=[f"{stored.language}@{stored.version}"],
        show=[
            f"{stored.language} ({name(stored.language)}), version {stored.version} of model {stored.model}: started "
            f"from {added.start}, {added.steps} steps, {added.tokens:,} tokens, {added.seconds:.0f} s; "
            f"it keeps {added.record.numbers:,} numbers",
            *_reading_lines(added),
            *_self_lines(added),
            Grid(("vector", "MLM loss on the report part"), [(k, f"{v:.4f}") for k, v in added.losses.items()]),
            f"nearest stored language: {added.nearest}",
            *proof_lines(added.proof),
        ],
        # Those of the text were said when learning began, where anything was.
        warnings=[*(added.warnings if common.out.quiet else ()), *_little(stored.language, added.losses)],
    )


def told_finished(stored: StoredLanguage) -> Told:
    """Of one that a killed process had learnt and stored."""
    facts = {key: stored.provenance[key] for key in ("losses", "start", "nearest", "steps", "tokens", "seconds")}
    return Told(
        {
            "model": stored.model, "language": stored.language, "version": stored.version, "hash": stored.hash, **facts,
        },
        ids=[f"{stored.language}@{stored.version}"],
        show=[f"{stored.language} ({name(stored.language)}), version {stored.version} of model {stored.model}"],
        warnings=[],
    )  # fmt: skip


def told_like(stored: StoredLanguage, others: list[str], near: Sequence[Relative]) -> Told:
    """Of one that was made out of others, and what little to expect of it."""
    made = ", ".join(map(str, near) if near else others)
    warnings = []
    if near:
        little = "its relatives give" if near[0].group else "its neighbours on the map give, none of them related"
        warnings = [
            f"nothing was learnt of {stored.language}, so expect at most what {little}; with a text, even a small "
            f"one, learn it: hyperx-cl add-language {stored.language} --mlm FILE --new-version"
        ]
    return Told(
        like_summary(stored, others, near),
        ids=[f"{stored.language}@{stored.version}"],
        show=[
            f"{stored.language} ({name(stored.language)}), version {stored.version} of model {stored.model}: "
            f"the mean of {made}, no text was read"
        ],
        warnings=warnings,
    )


def summary(stored: StoredLanguage, added: "Added") -> dict[str, Any]:
    """What a run that learnt a language keeps."""
    facts = added.record.provenance
    return {
        "model": stored.model, "language": stored.language, "version": stored.version, "hash": stored.hash,
        "losses": dict(added.losses), "start": added.start, "nearest": added.nearest, "steps": added.steps,
        "tokens": added.tokens, "seconds": added.seconds, "proof": proof_data(added.proof),
        **{what: facts[what] for what in ("transliteration", "patch", "self_training") if facts.get(what)},
    }  # fmt: skip


def like_summary(stored: StoredLanguage, others: list[str], near: Sequence[Relative]) -> dict[str, Any]:
    """What a run that learnt nothing keeps."""
    return {
        "model": stored.model, "language": stored.language, "version": stored.version, "hash": stored.hash,
        "relatives": others, **({"near": [asdict(other) for other in near]} if near else {}),
    }  # fmt: skip


def _little(code: str, losses: Mapping[str, float]) -> list[str]:
    """A warning where the text has taught hardly anything: then tags gain nothing either, and may lose."""
    if losses["mean"] - losses["learnt"] >= LITTLE:
        return []
    return [
        f"the text of {code} has taught little (MLM loss {losses['mean']:.2f} with the mean vector, "
        f"{losses['learnt']:.2f} now): either the backbone knew the language, and then tags seldom gain, or --steps is "
        f"too small; compare with no text at all: hyperx-cl add-language {code} --new-version"
    ]


def _self_lines(added: "Added") -> list[str]:
    """A line for each task that has learnt on from its own labels."""
    return [
        f"{task}: learnt on from its own labels of {taught['sentences']:,} sentences, "
        f"{100 * taught['kept']:.0f} % of the words, in {taught['steps']:,} steps"
        for task, taught in added.record.provenance.get("self_training", {}).items()
    ]


def _reading_lines(added: "Added") -> list[str]:
    """What transliteration and token patch have done, where there are some."""
    facts = added.record.provenance
    lines = []
    for what, title, count in (("transliteration", "transliteration", "rules"), ("patch", "token patch", "pieces")):
        if found := facts.get(what):
            before, after = (100 * found[f"unknown_words_{when}"] for when in ("before", "after"))
            lines.append(f"{title}: {found[count]} {count}; words with unknown pieces {before:.1f} % -> {after:.1f} %")
    return lines
