"""The words of one language: the proto-language's, where not replaced, after the sound changes of its branches.

A word is asked for by its meaning (`thing.7`, `grammar.of`), which is the same in every language of the family.
Suffixes are added to the proto-form before the sounds change, so stems and endings alter as they do in real languages.
"""

import random
from functools import lru_cache

from hyperx_cl.synthetic.family import ROOT, Family
from hyperx_cl.synthetic.sound import evolve, spell

SIZES = {
    "person": 14,
    "animal": 8,
    "thing": 20,
    "food": 10,
    "place": 10,
    "group": 5,
    "quality": 16,
    "manner": 10,
    "number": 6,
    "make": 10,
    "eat": 5,
    "see": 8,
    "go": 8,
    "deal": 5,
    "rest": 6,
    "say": 4,
}
"""How many meanings there are of each kind."""

SUFFIXES = {
    "plural": "ri",
    "accusative": "ma",
    "genitive": "so",
    "locative": "de",
    "past": "ta",
    "1": "mu",
    "2": "su",
    "3": "ki",
    "3plural": "nti",
    "quality": "ika",
    "manner": "ile",
    "family-name": "seno",
    "town": "gard",
}
"""Proto-forms of the endings."""

GRAMMAR = {
    "the": "sa",
    "this": "tin",
    "some": "olu",
    "i": "mina",
    "you": "siwa",
    "it": "han",
    "they": "hanor",
    "in": "ine",
    "to": "pal",
    "from": "ota",
    "with": "kon",
    "for": "pera",
    "of": "nol",
    "and": "eta",
    "or": "wal",
    "but": "tem",
    "that": "kel",
    "because": "duro",
    "will": "wole",
    "has": "hapa",
    "is": "este",
    "not": "neke",
    "question": "kas",
}
"""Proto-forms of the words of grammar."""

_SHAPES = ("cvcv", "cvcvc", "cvlcv", "vcvc", "cvc")
_FIRST = "ptkbdgsmnlrwjh"
_VOWELS = "aaeeiiou"


class Lexicon:
    """The words of one language of a family."""

    def __init__(self, family: Family, code: str) -> None:
        """Take the language's branches.

        Raises:
            NotFoundError: The family has no such language.
        """
        self._family = family
        self._path = family.path(code)
        self._changes = tuple(name for branch in self._path for name in family.branches[branch].changes)
        self._spelling = family.typology(code).spelling
        self.form = lru_cache(maxsize=None)(self._form)

    def origin(self, meaning: str) -> str:
        """The branch in which a meaning's word came up: `proto`, or where it was last replaced.

        Endings and the words of grammar are never replaced: they are what keeps a family together.
        """
        found = ROOT
        if not meaning.startswith("grammar."):
            for name in self._path:
                draw = random.Random(f"{self._family.seed}|replace|{name}|{meaning}").random()
                if draw < self._family.branches[name].replaced:
                    found = name
        return found

    def _form(self, meaning: str, *suffixes: str) -> str:
        """The written word for a meaning (`kind.name`) with endings, keys of `SUFFIXES`."""
        kind, name = meaning.split(".")
        if kind == "grammar":
            proto = GRAMMAR[name]
        else:
            proto = _root(random.Random(f"{self._family.seed}|root|{self.origin(meaning)}|{meaning}"))
        endings = ((kind,) if kind in SUFFIXES else ()) + suffixes
        for ending in endings:
            proto += SUFFIXES[ending]
        return spell(evolve(proto, self._changes), self._spelling)


def _root(rng: random.Random) -> str:
    """A proto-root: c any consonant, v a vowel, l a consonant that may stand before another."""
    shape = rng.choice(_SHAPES)
    sounds = {"c": _FIRST, "v": _VOWELS, "l": "lrnm"}
    return "".join(rng.choice(sounds[letter]) for letter in shape)
