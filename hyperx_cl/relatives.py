"""How near languages are by family tree and map, out of a table of facts: no text and no model is read."""

import csv
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hyperx_cl.errors import NotFoundError, did_you_mean
from hyperx_cl.languages import canonical, name

NEAREST = 3
"""How many relatives stand for a language that nothing else is known of."""

FARTHEST = 0.55
"""Distance beyond which a language says nothing of another: for unrelated ones, 2,000 km."""

_RADIUS = 6371.0  # of the Earth, km


@dataclass(frozen=True)
class Relative:
    """A language that is near another one.

    Args:
        language: Its canonical code.
        distance: 0 (the same language) to 1 (unrelated, on the other side of the Earth).
        group: The smallest group of languages that holds both; empty where they are not known to be related.
        kilometres: Great circle between the places the table gives; None where a language has none.
    """

    language: str
    distance: float
    group: str
    kilometres: int | None

    def __str__(self) -> str:
        far = "no place known" if self.kilometres is None else f"{self.kilometres:,} km"
        return f"{self.language} ({self.group or 'unrelated'}, {far})"


@dataclass(frozen=True)
class _Entry:
    branch: tuple[str, ...]
    place: tuple[float, float] | None


def distance(a: str, b: str) -> float:
    """Mean of the distances in the family tree and on the map, each 0 to 1.

    In the tree it is log n / log N, where n of the table's N languages are in the smallest group that holds both: how
    deep a branch is drawn does not matter, and the unrelated are at 1. On the map it is the great circle over half
    the Earth's girth, and 1 where a language has no place. (Averaging both is the idea of Littell et al. 2017, URIEL.)

    Args:
        a: Any code that `canonical` takes; script and region do not matter.
        b: Another.

    Raises:
        NotFoundError: One is no language code, or not in the table.
    """
    return _compare(a, b).distance


def branch(code: str) -> tuple[str, ...]:
    """The groups of the family tree that a language stands in, largest first: ``('Turkic', 'Common Turkic', …)``.

    Args:
        code: Any code that `canonical` takes; script and region do not matter.

    Returns:
        Names; the first is the family. Empty for a language that the table does not have.

    Raises:
        NotFoundError: It is no language code.
    """
    entry = _find(canonical(code))
    return entry.branch if entry else ()


def known_codes() -> list[str]:
    """Canonical codes of all languages of the table, sorted."""
    return sorted(_table())


def group_named(name: str) -> str:
    """The family, or the group of one, that a name stands for in any case.

    Raises:
        NotFoundError: No group of that name is in the table; near ones are named.
    """
    known = {group.lower(): group for entry in _table().values() for group in entry.branch}
    if name.strip().lower() not in known:
        near = did_you_mean(name.strip(), known.values())
        raise NotFoundError(f"no family or group of languages is called {name!r}{near}: give a name as in Glottolog")
    return known[name.strip().lower()]


def relatives(code: str, among: Iterable[str], k: int = NEAREST) -> list[Relative]:
    """The languages nearest to one, nearest first; unrelated ones only where nothing related is there.

    Args:
        code: The language.
        among: Those to choose from; itself and what the table does not have are passed over.
        k: How many at most.

    Raises:
        NotFoundError: It is no language code, not in the table, or nothing is near it.
    """
    short = canonical(code)
    _entry(short)
    others = {canonical(other) for other in among} - {short}
    compared = sorted(
        (_compare(short, other) for other in others if _find(other)), key=lambda found: (found.distance, found.language)
    )
    near = [found for found in compared if found.distance <= FARTHEST]
    near = [found for found in near if found.group] or near
    if not near:
        closest = f"; the nearest is {compared[0]}" if compared else ""
        raise NotFoundError(
            f"no language that is there is near '{short}' ({name(short)}) by family or map{closest}: "
            "give --mlm FILE, its text, or --like LANGS"
        )
    return near[:k]


def _compare(a: str, b: str) -> Relative:
    first, second = canonical(a), canonical(b)
    one, other = _entry(first), _entry(second)
    if _base(first) == _base(second):
        return Relative(second, 0.0, name(_base(first)), 0)
    sizes, shared = _sizes(), _shared(one.branch, other.branch)
    tree = math.log(sizes[shared]) / math.log(sizes[()])
    far = _kilometres(one.place, other.place)
    both = (tree + (1.0 if far is None else far / (math.pi * _RADIUS))) / 2
    return Relative(second, round(both, 4), shared[-1] if shared else "", None if far is None else round(far))


def _shared(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The branch that two have in common."""
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return a[:count]


def _kilometres(a: tuple[float, float] | None, b: tuple[float, float] | None) -> float | None:
    """Great circle between two places by the haversine formula, as on a sphere."""
    if a is None or b is None:
        return None
    (south, west), (north, east) = (tuple(map(math.radians, place)) for place in (a, b))
    half = math.sin((north - south) / 2) ** 2
    half += math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * _RADIUS * math.asin(min(1.0, math.sqrt(half)))


def _entry(short: str) -> _Entry:
    found = _find(short)
    if found is None:
        raise NotFoundError(
            f"'{short}' ({name(short)}) is not in the table of families and places: "
            "give --mlm FILE, its text, or --like LANGS, languages that it resembles"
        )
    return found


def _find(short: str) -> _Entry | None:
    """The entry of a canonical code, or of the language whose script or region it names."""
    table = _table()
    return table.get(short) or table.get(_base(short))


def _base(short: str) -> str:
    """The language alone of a tag that names a script or region as well."""
    return short.partition("-")[0]


@cache
def _table() -> dict[str, _Entry]:
    """The shipped table (relatives.md says where it is from), read once."""
    lines = (files("hyperx_cl") / "relatives.csv").read_text(encoding="utf-8").splitlines()
    return {
        row["code"]: _Entry(
            tuple(row["branch"].split("/")),
            (float(row["latitude"]), float(row["longitude"])) if row["latitude"] else None,
        )
        for row in csv.DictReader(lines)
    }


@cache
def _sizes() -> Counter[tuple[str, ...]]:
    """How many languages each group of the tree holds; the root, ``()``, all."""
    branches = [entry.branch for entry in _table().values()]
    return Counter(branch[:depth] for branch in branches for depth in range(len(branch) + 1))
