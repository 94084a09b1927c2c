"""Sound changes and orthographies: how a proto-word becomes a written word of today.

A word is a string of phonemes, one character each. Every change is regular: it strikes each word of the language that
has the sound in the right surroundings, so that related languages correspond to each other letter by letter.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

VOWELS = "aeiouöü"
CONSONANTS = "ptkbdgfszhmnlrwjvčšžþx"

_V = f"[{VOWELS}]"
_C = f"[{CONSONANTS}]"


@dataclass(frozen=True)
class SoundChange:
    """One regular change, such as p > b between vowels."""

    shift: dict[str, str]
    """What each phoneme becomes; an empty string is loss."""
    before: str = ""
    """Regular expression of fixed width that must stand before it."""
    after: str = ""
    """Regular expression that must stand after it."""

    def __call__(self, word: str) -> str:
        """The word after the change."""
        pattern = f"(?<={self.before})" if self.before else ""
        pattern += f"[{''.join(self.shift)}]" + (f"(?={self.after})" if self.after else "")
        return re.sub(pattern, lambda found: self.shift[found[0]], word)


CHANGES: dict[str, SoundChange] = {
    "spirants": SoundChange({"p": "f", "t": "þ", "k": "x"}, after=_V),
    "voicing": SoundChange({"p": "b", "t": "d", "k": "g"}, before=_V, after=_V),
    "lenition": SoundChange({"b": "v", "d": "z", "g": "h"}, before=_V, after=_V),
    "palatal": SoundChange({"k": "č", "g": "ž", "s": "š"}, after="[eiöü]"),
    "rhotacism": SoundChange({"s": "r", "z": "r"}, before=_V, after=_V),
    "final-devoicing": SoundChange({"b": "p", "d": "t", "g": "k", "z": "s", "v": "f"}, after="$"),
    "final-loss": SoundChange({"a": "", "e": "", "o": ""}, before=f"{_V}{_C}", after="$"),
    "nasal-loss": SoundChange({"n": "", "m": ""}, before=_V, after=f"{_C}|$"),
    "raising": SoundChange({"e": "i", "o": "u"}, before=f"{_V}{_C}"),
    "lowering": SoundChange({"i": "e", "u": "o"}, before=f"{_V}{_C}"),
    "rounding": SoundChange({"a": "o"}, before=_C),
    "fronting": SoundChange({"o": "ö", "u": "ü"}, before="^[ptkbdgfszhmnlrwjvčšžþx]"),
    "umlaut": SoundChange({"a": "e", "o": "ö", "u": "ü"}, after=f"{_C}i"),
    "breaking": SoundChange({"e": "ie", "o": "uo"}, before="^[ptkbdgfszhmnlrwjvčšžþx]"),
    "hard-w": SoundChange({"w": "v"}),
    "h-loss": SoundChange({"h": ""}),
    "debuccal": SoundChange({"s": "h"}, before="^", after=_V),
    "l-to-r": SoundChange({"l": "r"}, before=_V, after=_V),
}
"""The changes by name; `family.Branch` lists those of a branch."""

SPELLINGS: dict[str, dict[str, str]] = {
    "plain": {"č": "ch", "š": "sh", "ž": "zh", "þ": "th", "x": "kh", "j": "y"},
    "caron": {"þ": "ð", "x": "ch"},
    "romance": {"k": "c", "č": "tx", "š": "x", "ž": "j", "þ": "th", "x": "kh", "j": "y", "ö": "eo", "ü": "ue"},
}
"""Letters by phoneme for each orthography; a phoneme that is not listed is its own letter."""


def evolve(word: str, changes: Iterable[str]) -> str:
    """A word after the named changes, one after the other."""
    for name in changes:
        word = CHANGES[name](word)
    return word


def spell(word: str, spelling: str) -> str:
    """Phonemes written in an orthography."""
    letters = SPELLINGS[spelling]
    return "".join(letters.get(phoneme, phoneme) for phoneme in word)
