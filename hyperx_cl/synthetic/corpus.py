"""A data root of the whole family: labelled sentences and raw text, laid out as any other data root is.

```
ud/<code>/{train,dev,test}.conllu    parts of speech
ner/<code>/{train,dev,test}.conll    token<TAB>IOB2 tag over PER, LOC, ORG
mlm/<code>.txt                       one sentence a line
```
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperx_cl.synthetic.family import Family
from hyperx_cl.synthetic.grammar import Grammar, Phrase, text


@dataclass(frozen=True)
class Sizes:
    """Sentences per language."""

    train: int = 400
    dev: int = 60
    test: int = 150
    text: int = 2000
    """Lines of raw text."""


def write_corpus(family: Family, folder: Path, sizes: Sizes | None = None) -> Path:
    """Write every language of the family under `folder`.

    No sentence occurs twice in a language: neither in two splits, nor in the raw text and a labelled file. The same
    family and sizes give the same bytes.

    Returns:
        `folder`, now a data root.
    """
    for code in family.codes:
        _write_language(family, code, folder, sizes or Sizes())
    return folder


def raw_text(family: Family, codes: Sequence[str], folder: Path) -> list[str]:
    """The lines of raw text of some languages in a folder that `write_corpus` filled, one after the other."""
    return [line for code in codes for line in (folder / "mlm" / f"{code}.txt").read_text("utf-8").splitlines()]


def _write_language(family: Family, code: str, folder: Path, sizes: Sizes) -> None:
    grammar = Grammar(family, code)
    rng = random.Random(f"{family.seed}|corpus|{code}")
    used: set[str] = set()
    for split, count in (("train", sizes.train), ("dev", sizes.dev), ("test", sizes.test)):
        for task, ending, write in (("ud", "conllu", _conllu), ("ner", "conll", _conll)):
            sentences = _fresh(grammar, rng, count, used)
            blocks = [write(tokens, f"{code}-{split}-{n}") for n, tokens in enumerate(sentences, 1)]
            _write(folder / task / code / f"{split}.{ending}", "".join(blocks))
    lines = [text(tokens) for tokens in _fresh(grammar, rng, sizes.text, used)]
    _write(folder / "mlm" / f"{code}.txt", "".join(f"{line}\n" for line in lines))


def _fresh(grammar: Grammar, rng: random.Random, count: int, used: set[str]) -> list[Phrase]:
    """`count` sentences that are not in `used`, and now are."""
    found: list[Phrase] = []
    while len(found) < count:
        tokens = grammar.sentence(rng)
        if (written := text(tokens)) not in used:
            used.add(written)
            found.append(tokens)
    return found


def _conllu(tokens: Phrase, name: str) -> str:
    rows = [f"# sent_id = {name}", f"# text = {text(tokens)}"]
    for number, token in enumerate(tokens, 1):
        tight = number < len(tokens) and tokens[number].upos == "PUNCT"
        columns = [str(number), token.form, "_", token.upos, *"_____", "SpaceAfter=No" if tight else "_"]
        rows.append("\t".join(columns))
    return "\n".join(rows) + "\n\n"


def _conll(tokens: Phrase, name: str) -> str:
    return "".join(f"{token.form}\t{token.entity}\n" for token in tokens) + "\n"


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
