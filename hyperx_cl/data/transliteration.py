"""Transliteration: a language's letters read as others, so that a vocabulary that lacks or breaks them can read it.

A language written in letters that a backbone has hardly met is lost to it even where it knows the language's relatives
well; in their letters it is not (Muller et al. 2021, https://aclanthology.org/2021.naacl-main.38). The rules belong
to one language and act in its own view of the tokenizer: words stay written as they are in all that goes in and out.
"""

import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hyperx_cl.data.engine import engine_state, with_engine
from hyperx_cl.data.files import numbered_lines
from hyperx_cl.errors import DataError
from hyperx_cl.transliteration import Transliteration, checked


def read_transliteration(path: str | Path) -> Transliteration:
    """Read a table of rules: a line ``letters<TAB>replacement`` each, ``#`` before a remark.

    Args:
        path: Its file, UTF-8. A replacement may be empty; letters with a capital form need no line of their own for
            it.

    Returns:
        The rules in the order in which they act, the longest letters first, equals by code point; in NFC.

    Raises:
        NotFoundError: There is no such file.
        DataError: No rule, a line that is none, two for the same letters, or a replacement another would change.
    """
    rules: dict[str, str] = {}
    for number, line in numbered_lines(path):
        if not line.strip() or line.startswith("#"):
            continue
        sides = [unicodedata.normalize("NFC", side.strip()) for side in line.split("\t")]
        if len(sides) != 2:
            raise DataError(f"{path}, line {number}: letters, a tab and their replacement are expected")
        if sides[0] in rules:
            raise DataError(f"{path}, line {number}: a second rule for {sides[0]!r}: leave one of them out")
        rules[sides[0]] = sides[1]
    if not rules:
        raise DataError(f"{path} has no rule: give a line of letters, a tab and their replacement for each")
    capitals = {_capital(letters): _capital(replacement) for letters, replacement in rules.items()}
    try:
        checked([*rules.items()])  # first what was written down, then with what follows from it
        return checked(sorted((capitals | rules).items(), key=lambda rule: (-len(rule[0]), rule[0])))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


@cache
def known_transliteration(code: str) -> Transliteration:
    """The rules that come with this package for a language, by its canonical code; mostly none."""
    table = files("hyperx_cl") / "transliterations" / f"{code}.tsv"
    return read_transliteration(Path(str(table))) if table.is_file() else ()


def needed_transliteration(code: str, tokenizer: PreTrainedTokenizerBase) -> Transliteration:
    """The same where the tokenizer does not know one of the letters; none where it can read them all."""
    rules = known_transliteration(code)
    unread = any(tokenizer.unk_token_id in tokenizer(letters).input_ids for letters, _ in rules)
    return rules if unread else ()


def transliterating(tokenizer: PreTrainedTokenizerBase, rules: Transliteration) -> PreTrainedTokenizerFast:
    """Copy a tokenizer that reads some letters as others, before anything else that it does to a text.

    Args:
        tokenizer: A fast tokenizer; never changed.
        rules: Of `checked`.

    Returns:
        A tokenizer of the same vocabulary. Its offsets are places in what is written.
    """
    state = engine_state(tokenizer)
    steps = [{"type": "Replace", "pattern": {"String": letters}, "content": other} for letters, other in rules]
    steps += [{"type": "NFC"}, *([state["normalizer"]] if state["normalizer"] else [])]
    state["normalizer"] = {"type": "Sequence", "normalizers": steps}
    return with_engine(tokenizer, state)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
