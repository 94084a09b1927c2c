"""The licences of all data that a stored record was learnt from; a record that names none is not pushed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperx_cl.errors import UsageError
from hyperx_cl.registry.hub.scores import pulled
from hyperx_cl.registry.records import StoredLanguage

WITHOUT_DATA = ("like", "code")
"""Methods that learn from nothing but other languages' vectors."""


def chain(stored: StoredLanguage, history: Iterable[StoredLanguage]) -> list[StoredLanguage]:
    """A version and all that it was learnt from, as far as they are stored."""
    known = {version.hash: version for version in history}
    found, parent = [stored], stored.parent
    while parent in known and known[parent] not in found:
        found.append(known[parent])
        parent = known[parent].parent
    return found


def licences_of(what: str, links: Sequence[tuple[str, Mapping[str, Any]]], given: str | None) -> list[str]:
    """The union over methods and provenances.

    Args:
        what: How the message calls the record.
        links: Method and provenance of it, and of all that it was learnt from.
        given: What the user says where nothing else does.

    Raises:
        UsageError: One of them was learnt from data of which no licence is known.
    """
    found: set[str] = set()
    for method, provenance in links:
        told = {str(licence) for licence in pulled(provenance).get("licences", ())}
        named = provenance.get("licence")
        told |= {named} if isinstance(named, str) and named.strip() else set()
        if not told and method not in WITHOUT_DATA:
            if not given:
                raise UsageError(
                    f"{what} was learnt from data of which no licence is known: name it with --licence, "
                    "such as --licence CC-BY-SA-4.0"
                )
            told = {given}
        found |= told
    return sorted(found)
