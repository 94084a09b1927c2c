"""Sentences of one language, each word with its part of speech and its place in a name."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate

from hyperx_cl.synthetic.family import Family
from hyperx_cl.synthetic.lexicon import SIZES, Lexicon

NAMES = {"name": 30, "family-name": 24, "town": 24}
"""How many given names, family names and towns the family knows."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word."""

    form: str
    upos: str
    entity: str = "O"
    """IOB2 tag over PER, LOC and ORG."""


Phrase = list[Token]


@dataclass(frozen=True)
class _Frame:
    """What a kind of verb asks for."""

    subjects: tuple[str, ...]
    objects: tuple[str, ...] = ()
    adpositions: tuple[str, ...] = ()
    """Adpositions of the place that goes with the verb."""


_FRAMES = {
    "make": _Frame(("person", "group"), ("thing",)),
    "eat": _Frame(("person", "animal"), ("food",)),
    "see": _Frame(("person", "animal"), ("person", "animal", "place", "group")),
    "go": _Frame(("person", "animal"), (), ("to", "from")),
    "deal": _Frame(("group", "person"), ("group", "thing", "food")),
    "rest": _Frame(("person", "animal", "thing"), (), ("in",)),
}
_PROPER = {"person": 0.4, "place": 0.5, "group": 0.7}
"""How often a proper name stands for a noun of the kind."""


class Grammar:
    """Draws sentences of one language of a family."""

    def __init__(self, family: Family, code: str) -> None:
        """Take the language's words and typology.

        Raises:
            NotFoundError: The family has no such language.
        """
        self._words = Lexicon(family, code)
        self._type = family.typology(code)

    def sentence(self, rng: random.Random) -> Phrase:
        """One sentence with its final mark; the first word is capitalised.

        Args:
            rng: Where chance comes from; the same state gives the same sentence.
        """
        asked = rng.random() < 0.1
        tokens = self._clause(rng)
        if asked:
            mark = self._grammar("question", "PART")
            tokens = [mark, *tokens] if self._type.order == "VSO" else [*tokens, mark]
        elif rng.random() < 0.2:
            tokens = [*tokens, Token(",", "PUNCT"), self._grammar(rng.choice(("and", "or", "but")), "CCONJ")]
            tokens += self._clause(rng)
        elif rng.random() < 0.15:
            tokens = self._reported(tokens, rng)
        tokens = [*tokens, Token("?" if asked else ".", "PUNCT")]
        return [replace(tokens[0], form=_capital(tokens[0].form)), *tokens[1:]]

    def _reported(self, told: Phrase, rng: random.Random) -> Phrase:
        """Somebody says that ...; the clause stands where an object stands."""
        subject, person = self._subject(("person", "group"), rng)
        told = [self._grammar("that", "SCONJ"), *told] if self._heads_first else [*told, self._grammar("that", "SCONJ")]
        return self._ordered(subject, self._verb("say", person, rng), told)

    def _clause(self, rng: random.Random) -> Phrase:
        if rng.random() < 0.12:
            return self._copula(rng)
        kind = rng.choice(tuple(_FRAMES))
        frame = _FRAMES[kind]
        subject, person = self._subject(frame.subjects, rng)
        verb = self._verb(kind, person, rng)
        extras: list[Phrase] = []
        if frame.adpositions and rng.random() < 0.8:
            extras.append(self._adpositional(rng.choice(frame.adpositions), "place", rng))
        if rng.random() < 0.2:
            extras.append(
                self._adpositional(*rng.choice((("with", "person"), ("for", "person"), ("in", "place"))), rng)
            )
        if rng.random() < 0.25:
            extras.append([Token(self._pick("manner", rng), "ADV")])
        target = self._noun_phrase(rng.choice(frame.objects), rng, case="accusative") if frame.objects else []
        loose = [token for phrase in extras for token in phrase]
        if self._heads_first:
            return self._ordered(subject, verb, target) + loose
        return self._ordered(subject, verb, loose + target)

    def _copula(self, rng: random.Random) -> Phrase:
        """Something is somehow."""
        subject, _ = self._subject(("thing", "animal", "food", "place"), rng, pronouns=False)
        said = [Token(self._pick("quality", rng), "ADJ")]
        return self._ordered(subject, [self._grammar("is", "AUX")], said)

    def _ordered(self, subject: Phrase, verb: Phrase, target: Phrase) -> Phrase:
        parts = {"S": subject, "V": verb, "O": target}
        return [token for letter in self._type.order for token in parts[letter]]

    @property
    def _heads_first(self) -> bool:
        return self._type.order != "SOV"

    def _subject(self, kinds: tuple[str, ...], rng: random.Random, *, pronouns: bool = True) -> tuple[Phrase, str]:
        """A subject, and the ending it asks of the verb."""
        if pronouns and rng.random() < 0.2:
            word, person = rng.choice((("i", "1"), ("you", "2"), ("it", "3"), ("they", "3plural")))
            return [self._grammar(word, "PRON")], person
        many = rng.random() < 0.25
        return self._noun_phrase(rng.choice(kinds), rng, many=many), "3plural" if many else "3"

    def _verb(self, kind: str, person: str, rng: random.Random) -> Phrase:
        endings = ("past",) if rng.random() < 0.5 else ()
        if self._type.agreement:
            endings = (*endings, person)
        verb = [Token(self._pick(kind, rng, *endings), "VERB")]
        if rng.random() < 0.15:
            verb = [self._grammar("not", "PART"), *verb]
        if rng.random() < 0.2:
            helper = self._grammar(rng.choice(("will", "has")), "AUX")
            verb = [helper, *verb] if self._heads_first else [*verb, helper]
        return verb

    def _adpositional(self, adposition: str, kind: str, rng: random.Random) -> Phrase:
        """A noun phrase with its adposition; a language with case may say `in` by its case alone."""
        phrase = self._noun_phrase(kind, rng, case="locative")
        if self._type.case and adposition == "in" and rng.random() < 0.5:
            return phrase
        word = self._grammar(adposition, "ADP")
        return [word, *phrase] if self._type.adposition == "before" else [*phrase, word]

    def _noun_phrase(self, kind: str, rng: random.Random, *, case: str = "", many: bool = False) -> Phrase:
        endings = (case,) if case and self._type.case else ()
        if not many and rng.random() < _PROPER.get(kind, 0.0):
            return _PROPER_NAMES[kind](self, endings, rng)
        noun = Token(self._pick(kind, rng, *(("plural",) if many else ()), *endings), "NOUN")
        before: Phrase = []
        if many and rng.random() < 0.5:
            before.append(Token(self._pick("number", rng), "NUM"))
        elif self._type.article and rng.random() < 0.7:
            before.append(self._grammar("the", "DET"))
        elif rng.random() < 0.2:
            before.append(self._grammar(rng.choice(("this", "some")), "DET"))
        core = [noun]
        if rng.random() < 0.3:
            core = self._beside(noun, [Token(self._pick("quality", rng, *endings), "ADJ")])
        if rng.random() < 0.12:
            core = self._possessed(core, rng)
        return before + core

    def _possessed(self, core: Phrase, rng: random.Random) -> Phrase:
        """A thing of somebody's: by case where there is one, else with `of`."""
        owner = self._noun_phrase(rng.choice(("person", "place")), rng, case="genitive")
        if self._type.case:
            return owner + core
        of = self._grammar("of", "ADP")
        return [*core, of, *owner] if self._type.adposition == "before" else [*owner, of, *core]

    def _beside(self, noun: Token, modifier: Phrase) -> Phrase:
        return [*modifier, noun] if self._type.adjective == "before" else [noun, *modifier]

    def _person(self, endings: tuple[str, ...], rng: random.Random) -> Phrase:
        if rng.random() < 0.5:
            return [self._name("name", "B-PER", endings, rng)]
        return [self._name("name", "B-PER", (), rng), self._name("family-name", "I-PER", endings, rng)]

    def _place(self, endings: tuple[str, ...], rng: random.Random) -> Phrase:
        town = self._name("town", "B-LOC", endings, rng)
        if rng.random() < 0.8:
            return [town]
        first = Token(_capital(self._words.form("quality.0")), "PROPN")
        return _entity("LOC", self._beside(town, [first]))

    def _group(self, endings: tuple[str, ...], rng: random.Random) -> Phrase:
        """A bank of a town or of a family: the head noun takes the endings."""
        head = Token(_capital(self._pick("group", rng, *endings)), "PROPN")
        owner = self._name(rng.choice(("town", "family-name")), "O", (), rng)
        return _entity("ORG", self._beside(head, [owner]))

    def _name(self, kind: str, tag: str, endings: tuple[str, ...], rng: random.Random) -> Token:
        form = self._words.form(f"{kind}.{rng.randrange(NAMES[kind])}", *endings)
        return Token(_capital(form), "PROPN", tag)

    def _grammar(self, name: str, upos: str) -> Token:
        return Token(self._words.form(f"grammar.{name}"), upos)

    def _pick(self, kind: str, rng: random.Random, *endings: str) -> str:
        """A word of a kind; the n-th is drawn 1/n as often as the first."""
        (number,) = rng.choices(range(SIZES[kind]), cum_weights=_WEIGHTS[kind])
        return self._words.form(f"{kind}.{number}", *endings)


_PROPER_NAMES: dict[str, Callable[[Grammar, tuple[str, ...], random.Random], Phrase]] = {
    "person": Grammar._person,
    "place": Grammar._place,
    "group": Grammar._group,
}
_WEIGHTS = {kind: list(accumulate(1 / (n + 1) for n in range(size))) for kind, size in SIZES.items()}


def text(tokens: Phrase) -> str:
    """A sentence as it is written: no space before a mark."""
    return "".join(
        token.form if i == 0 or token.upos == "PUNCT" else f" {token.form}" for i, token in enumerate(tokens)
    )


def _entity(kind: str, tokens: Phrase) -> Phrase:
    return [replace(token, entity=f"{'I' if i else 'B'}-{kind}") for i, token in enumerate(tokens)]


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
