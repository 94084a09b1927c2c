"""Choosing the configuration of a data set for a language, or saying which languages there are."""

from collections.abc import Sequence

from hyperx_cl.data.hub.listing import Listing
from hyperx_cl.data.hub.sets import ALSO, UD, WITHOUT_WORDS, HubSet
from hyperx_cl.errors import NotFoundError, did_you_mean
from hyperx_cl.languages import canonical, name


def by_language(hub_set: HubSet, listing: Listing) -> dict[str, list[str]]:
    """The configurations of each language, sorted; treebanks without their words are left out."""
    found: dict[str, list[str]] = {}
    for config in sorted(listing.files):
        code = hub_set.language_of(config)
        if code and config not in WITHOUT_WORDS:
            found.setdefault(code, []).append(config)
    return found


def choose(hub_set: HubSet, listing: Listing, code: str, treebank: str | None = None) -> str:
    """Choose a language's configuration.

    Of several treebanks the one with the largest training files (in bytes) is taken, where none has any the largest
    one; of several dates of Wikipedia the latest; of several names for one language its own code.

    Args:
        hub_set: The data set.
        listing: What it holds.
        code: The language, canonical.
        treebank: Instead, for Universal Dependencies, the one of this name, such as ``mt_mudt``.

    Raises:
        NotFoundError: No such language, with those that there are; or no such treebank of it.
    """
    known = by_language(hub_set, listing)
    found = known.get(code) or known.get(ALSO.get(code, ""), [])
    if treebank is not None:
        named = [config for config in listing.files if hub_set.language_of(config) in (code, ALSO.get(code, code))]
        if treebank not in named:
            raise NotFoundError(
                f"{listing.repo} has no treebank {treebank!r} of {code!r}{did_you_mean(treebank, named)}: "
                f"it has {', '.join(sorted(named)) or 'none'}"
            )
        return treebank
    if not found:
        raise NotFoundError(
            f"{listing.repo} has no {_called(code)}{_meant(code, known)}: it has {' '.join(sorted(known))}"
        )
    if hub_set is UD:
        return max(found, key=lambda config: (listing.bytes(config, "train"), listing.bytes(config)))
    return max(found, key=lambda config: _rank(hub_set, config, code))


def _rank(hub_set: HubSet, config: str, code: str) -> tuple[str, bool]:
    parts = hub_set.form.fullmatch(config)
    groups = parts.groupdict() if parts else {}
    return groups.get("date") or "", groups.get("code") == code


def _called(code: str) -> str:
    return f"{code!r} ({name(code)})"


def _meant(code: str, known: Sequence[str] | dict[str, list[str]]) -> str:
    """The same language without its script or region first, else what is spelled alike."""
    base = canonical(code).split("-")[0]
    return f" (did you mean {base!r}?)" if base != code and base in known else did_you_mean(code, known)
