"""A family of artificial languages: a tree whose branches each change sounds, words and grammar.

```
proto ─┬─ north ─┬─ coast ─┬─ qaa, qab        SVO, prepositions, articles
       │         └─ qac
       ├─ south ─┬─ hill ──┬─ qad, qae        SOV, postpositions, case
       │         └─ qaf
       ├─ east ──┬─ river ─┬─ qag, qah        VSO, prepositions, adjectives behind
       │         └─ qai
       └─ west ──┬─ isle ──┬─ qaj, qak        SOV, case, no articles, most words replaced
                 └─ qal
```

How near two languages are is known exactly: it is the share of their history that they went through together.
The codes lie in the range that ISO 639-2 leaves for private use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Literal

from hyperx_cl.errors import NotFoundError, UsageError, did_you_mean
from hyperx_cl.synthetic.sound import CHANGES, SPELLINGS

ROOT = "proto"


@dataclass(frozen=True)
class Typology:
    """How a language builds its sentences and writes its words."""

    order: Literal["SVO", "SOV", "VSO"] = "SVO"
    """Order of subject, verb and object."""
    adposition: Literal["before", "after"] = "before"
    """Where an adposition stands to its noun phrase."""
    adjective: Literal["before", "after"] = "before"
    """Where an adjective stands to its noun."""
    case: bool = False
    """Nouns take case suffixes, and adjectives with them."""
    agreement: bool = True
    """Verbs take suffixes for person and number."""
    article: bool = False
    """Noun phrases take an article."""
    spelling: str = "plain"
    """Name of the orthography, a key of `sound.SPELLINGS`."""

    def __post_init__(self) -> None:
        """Refuse an unknown orthography.

        Raises:
            UsageError: The spelling is not one of `sound.SPELLINGS`.
        """
        if self.spelling not in SPELLINGS:
            raise UsageError(f"There is no spelling {self.spelling!r}{did_you_mean(self.spelling, SPELLINGS)}.")


@dataclass(frozen=True)
class Branch:
    """One branch of the tree: what happened between a parent and its daughter."""

    parent: str
    """Name of the parent, `proto` at the top."""
    changes: tuple[str, ...] = ()
    """Sound changes in the order in which they happened, keys of `sound.CHANGES`."""
    replaced: float = 0.0
    """Share of the words that were replaced by new ones, 0 to 1."""
    length: float = 1.0
    """How long the branch is, in any one unit; it is what relatedness counts."""
    typology: Mapping[str, object] = field(default_factory=dict)
    """Fields of `Typology` that changed here."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing.

        Raises:
            UsageError: An unknown sound change or field, or a number out of its range.
        """
        for change in self.changes:
            if change not in CHANGES:
                raise UsageError(f"There is no sound change {change!r}{did_you_mean(change, CHANGES)}.")
        known = [option.name for option in fields(Typology)]
        for name in self.typology:
            if name not in known:
                raise UsageError(f"Typology has no field {name!r}{did_you_mean(name, known)}.")
        if not 0 <= self.replaced <= 1:
            raise UsageError(f"The share of replaced words must lie between 0 and 1, not {self.replaced}.")
        if self.length <= 0:
            raise UsageError(f"The length of a branch must be above 0, not {self.length}.")


@dataclass(frozen=True)
class Family:
    """A tree of languages; the leaves are the languages spoken today."""

    branches: Mapping[str, Branch]
    """Branch by the name of its lower end; a parent comes before its daughters."""
    seen: tuple[str, ...] = ()
    """Languages that the family's backbone is pretrained on."""
    seed: int = 0
    """Draws roots, replacements and names."""

    def __post_init__(self) -> None:
        """Check the tree, and keep its own copy.

        Raises:
            UsageError: A branch whose parent does not come before it, or a seen language that does not exist.
        """
        above = {ROOT}
        for name, branch in self.branches.items():
            if branch.parent not in above:
                raise UsageError(f"Branch {name!r} hangs on {branch.parent!r}, which does not come before it.")
            above.add(name)
        object.__setattr__(self, "branches", MappingProxyType(dict(self.branches)))
        for code in self.seen:
            self.path(code)

    @property
    def codes(self) -> tuple[str, ...]:
        """The languages, in the order of the tree."""
        parents = {branch.parent for branch in self.branches.values()}
        return tuple(name for name in self.branches if name not in parents)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The languages that the backbone does not know."""
        return tuple(code for code in self.codes if code not in self.seen)

    def path(self, code: str) -> tuple[str, ...]:
        """The branches from the root down to a language.

        Raises:
            NotFoundError: The family has no such language.
        """
        if code not in self.codes:
            raise NotFoundError(f"The family has no language {code!r}{did_you_mean(code, self.codes)}.")
        names = [code]
        while (parent := self.branches[names[-1]].parent) != ROOT:
            names.append(parent)
        return tuple(reversed(names))

    def main_branch(self, code: str) -> str:
        """The topmost branch a language belongs to, such as `north`."""
        return self.path(code)[0]

    def typology(self, code: str) -> Typology:
        """A language's typology: what its branches say, the lowest last."""
        found = Typology()
        for name in self.path(code):
            found = replace(found, **self.branches[name].typology)  # type: ignore[arg-type]
        return found

    def relatedness(self, a: str, b: str) -> float:
        """Share of two languages' history that is common to both.

        Returns:
            0 (they part at the root) to 1 (the same language): twice the length they share, over the sum of both.
        """
        one, other = self.path(a), self.path(b)
        shared = sum(self.branches[name].length for name in one if name in other)
        return 2 * shared / sum(self.branches[name].length for name in (*one, *other))

    def nearest(self, code: str, among: tuple[str, ...]) -> str:
        """The language most related to `code`, `code` itself left out; the first of them in a tie."""
        return max((other for other in among if other != code), key=lambda other: self.relatedness(code, other))


def default_family(seed: int = 0) -> Family:
    """The family of the demo and the tests: four branches of three languages.

    The backbone has seen two languages of each branch but west, of which it has seen none.
    """
    return Family(branches=_BRANCHES, seen=("qaa", "qab", "qad", "qaf", "qag", "qai"), seed=seed)


_BRANCHES = {
    "north": Branch(ROOT, ("spirants", "final-devoicing"), 0.15, 2.0, {"article": True}),
    "coast": Branch("north", ("umlaut",), 0.05),
    "qaa": Branch("coast", ("hard-w",), 0.05, 0.5),
    "qab": Branch("coast", ("raising",), 0.05, 0.5),
    "qac": Branch("north", ("rhotacism", "lowering"), 0.1, 1.0, {"spelling": "caron"}),
    "south": Branch(ROOT, ("voicing", "palatal"), 0.15, 2.0, {"order": "SOV", "adposition": "after", "case": True}),
    "hill": Branch("south", ("raising",), 0.05),
    "qad": Branch("hill", (), 0.05, 0.5, {"spelling": "romance"}),
    "qae": Branch("hill", ("hard-w", "l-to-r"), 0.08, 0.5, {"spelling": "romance"}),
    "qaf": Branch("south", ("lenition",), 0.1, 1.0),
    "east": Branch(ROOT, ("h-loss", "final-loss"), 0.15, 2.0, {"order": "VSO", "adjective": "after"}),
    "river": Branch("east", ("fronting",), 0.05),
    "qag": Branch("river", (), 0.05, 0.5),
    "qah": Branch("river", ("lenition",), 0.08, 0.5, {"spelling": "caron"}),
    "qai": Branch("east", ("breaking",), 0.1, 1.0, {"article": True}),
    "west": Branch(ROOT, ("debuccal", "lowering"), 0.5, 2.0, {"order": "SOV", "case": True, "agreement": False}),
    "isle": Branch("west", ("umlaut",), 0.05),
    "qaj": Branch("isle", (), 0.05, 0.5),
    "qak": Branch("isle", ("hard-w", "palatal"), 0.05, 0.5),
    "qal": Branch("west", ("nasal-loss", "rounding"), 0.1, 1.0, {"adposition": "after"}),
}
