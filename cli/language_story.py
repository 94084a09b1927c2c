"""What `languages show` and `languages history` tell: a record's whole story in sentences, and versions as a tree."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperx_cl.cli.language_table import Kinds, told_losses, told_scores, told_seen
from hyperx_cl.cli.listing import Listing
from hyperx_cl.languages import name, scripts, seen
from hyperx_cl.registry.records import LoadedLanguage, ModelRecord, StoredLanguage
from hyperx_cl.relatives import branch

_STEM, _LAST, _LINE, _NONE = "├─ ", "└─ ", "│  ", "   "


def story(loaded: LoadedLanguage, versions: Sequence[StoredLanguage], model: ModelRecord, kinds: Kinds) -> list[str]:
    """A record's story: what it is, what made it and from what, how good that was, and what it holds."""
    stored = loaded.stored
    lines = [
        _who(stored, versions, kinds), _made(stored, versions), _text(stored.provenance), _losses(stored),
        _scores(stored), _holds(loaded),
        f"It belongs to model {model.name} ({model.fingerprint[:12]}) on backbone {model.backbone['id']}.",
    ]  # fmt: skip
    return [line for line in lines if line]


def tree(versions: Sequence[StoredLanguage]) -> Listing:
    """All versions of a language, each below the one that it was learnt from; a star marks the one in use."""
    rows = [
        [
            f"{before}{stored.version}{' *' if stored.current else ''}", stored.method, _what(stored),
            stored.created[:10], f"{stored.numbers:,}", stored.hash[:12],
        ]
        for before, stored in _branches(versions)
    ]  # fmt: skip
    return Listing(
        ("version", "method", "what it brought", "date", "numbers", "hash"), rows, spare=("hash", "numbers"),
        flexible=("what it brought", "method"), right=("numbers",),
    )  # fmt: skip


def _branches(versions: Sequence[StoredLanguage]) -> Iterator[tuple[str, StoredLanguage]]:
    """Each version with the branches drawn before it, parents first."""
    known = {stored.hash for stored in versions}
    children: dict[str | None, list[StoredLanguage]] = {}
    for stored in versions:
        children.setdefault(stored.parent if stored.parent in known else None, []).append(stored)
    waiting = [("", "", root) for root in reversed(children.get(None, []))]
    left = {stored.hash: stored for stored in versions}
    while waiting or left:
        # Parents are what provenances say: some in a ring would be nobody's children.
        before, below, stored = waiting.pop() if waiting else ("", "", next(iter(left.values())))
        if left.pop(stored.hash, None) is None:
            continue
        yield before, stored
        found = children.get(stored.hash, [])
        for child in reversed(found):
            last = child is found[-1]
            waiting.append((below + (_LAST if last else _STEM), below + (_NONE if last else _LINE), child))


def _who(stored: StoredLanguage, versions: Sequence[StoredLanguage], kinds: Kinds) -> str:
    kind = kinds.get(stored.model)
    place = {"seen": f"in the pretraining of {kind}", "unseen": f"not in the pretraining of {kind}"}
    facts = [
        " › ".join(branch(stored.language)), " and ".join(scripts(stored.language)),
        place.get(told_seen(seen(kind, stored.language)), ""),
    ]  # fmt: skip
    about = "; ".join(filter(None, facts))
    in_use = "in use" if stored.current else "not in use"
    return (
        f"{name(stored.language)} ({stored.language}){f': {about}' if about else ''}. "
        f"Version {stored.version} of {len(versions)}, {in_use}."
    )


def _made(stored: StoredLanguage, versions: Sequence[StoredLanguage]) -> str:
    told = stored.provenance
    parent = next((other for other in versions if other.hash == stored.parent), None)
    before = ""
    if parent is not None:
        before = f", from version {parent.version} ({parent.method})"
    elif stored.parent:
        before = f", from {stored.parent[:12]}, which is not among its versions"
    first = f", numbers of {stored.first_method}" if stored.first_method != stored.method else ""
    facts = [_counted(told, "steps", "steps"), _counted(told, "tokens", "tokens"), _seconds(told), _value(told, "seed")]
    learnt = ", ".join(filter(None, facts))
    author = f" by {told['author']}" if told.get("author") else ""
    return (
        f"Made on {stored.created[:10]}{author} by {stored.method}{first}{before}{f': {learnt}' if learnt else ''} "
        f"(hyperx-cl {told.get('hyperx_cl', 'of an unknown version')})."
    )


def _text(told: Mapping[str, Any]) -> str:
    facts = [_value(told, "source"), _value(told, "licence"), _value(told, "data")]
    text = told.get("text")
    if isinstance(text, Mapping) and isinstance(text.get("lines"), Mapping):
        facts.append("lines " + ", ".join(f"{part} {count:,}" for part, count in text["lines"].items()))
    if isinstance(told.get("n"), int) and told.get("task"):
        facts.append(f"{told['n']} labelled sentences for {told['task']}")
    said = "; ".join(filter(None, facts))
    corrected = told.get("corrections")
    again = f" Said anew {len(corrected)} times, see corrections." if corrected else ""
    return f"Learnt from: {said}.{again}" if said else ""


def _losses(stored: StoredLanguage) -> str:
    said = ", ".join(f"{vector} {loss:.3f}" for vector, loss in stored.losses.items())
    return f"MLM loss on the report part: {said}." if said else ""


def _scores(stored: StoredLanguage) -> str:
    told, said = stored.provenance, told_scores(stored.scores)
    before = told.get("before")
    better = f" ({100 * before:.1f} before)" if isinstance(before, float) and stored.method == "fewshot" else ""
    where = f", on {told['measured_on']}" if told.get("measured_on") else ""
    return f"Scores in %: {said}{better}{where}." if said else ""


def _holds(loaded: LoadedLanguage) -> str:
    record, counts = loaded.record, dict[str, int]()
    for tensor, values in record.tensors.items():
        what = f"pair {tensor.split('.')[1]}" if tensor.startswith("pair.") else tensor.partition(".")[0]
        counts[what] = counts.get(what, 0) + values.size
    said = ", ".join(f"{what} {count:,}" for what, count in counts.items())
    more = [f"{len(record.pieces)} pieces of its own"] if record.pieces else []
    more += [f"{len(record.transliteration)} rules of transliteration"] if record.transliteration else []
    return f"It holds {record.numbers:,} numbers ({said}){''.join(f', {part}' for part in more)}."


def _what(stored: StoredLanguage) -> str:
    """What a version brought, in as few words as a table has room for."""
    loss = told_losses(stored.losses)
    told = stored.provenance
    labelled = f"{told['n']} sentences" if isinstance(told.get("n"), int) else ""
    return "; ".join(filter(None, (labelled, f"loss {loss}" if loss else "", told_scores(stored.scores))))


def _counted(told: Mapping[str, Any], key: str, unit: str) -> str:
    value = told.get(key)
    return f"{value:,} {unit}" if isinstance(value, int) and value else ""


def _seconds(told: Mapping[str, Any]) -> str:
    value = told.get("seconds")
    return f"{value:,.0f} s" if isinstance(value, int | float) else ""


def _value(told: Mapping[str, Any], key: str) -> str:
    return f"{key} {told[key]}" if told.get(key) not in (None, "") else ""
