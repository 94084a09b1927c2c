"""Rows of labelled sentences, checked, and as text for a data root: CoNLL-U, or a word and its tag a line."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hyperx_cl.data.ner import to_iob2
from hyperx_cl.data.tasks import NER, POS, UNLABELLED
from hyperx_cl.errors import DataError

LONGEST_WORD = 500
"""Most characters of a word; what is longer is no word, and more than a reader should be asked to hold."""

LONGEST_SENTENCE, MOST_SENTENCES = 10_000, 1_000_000

WIKIANN_NAMES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""What the numbers of WikiANN stand for where its files do not say."""

_COLUMNS = ("lemmas", "upos", "xpos", "feats", "head", "deprel")
_BREAKS = re.compile(r"[\t\n\r\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_RANGE = re.compile(r"([1-9]\d{0,4})-([1-9]\d{0,4})")
_HIDDEN = 0.5


def conllu_blocks(rows: Iterable[Mapping[str, Any]], names: Sequence[str], where: str) -> Iterator[str]:
    """Write sentences of Universal Dependencies as CoNLL-U.

    Ranges of multiword tokens are kept, empty nodes (and the enhanced graph, which needs them) are not.

    Args:
        rows: With ``tokens`` and ``upos``, and what else of CoNLL-U there is.
        names: What the numbers in ``upos`` stand for; empty where they are tags themselves.
        where: Names the file in messages.

    Yields:
        A block a sentence; an empty text for one that cannot be written down.

    Raises:
        DataError: A row is not of this form, or most words are hidden.
    """
    hidden = seen = 0
    for number, row in _numbered(rows, where):
        place = f"{where}, row {number}"
        words = _words(row, place)
        tags = _labels(row, "upos", names, len(words), (*POS.labels, UNLABELLED), place)
        columns = [tags if name == "upos" else _optional(row, name, len(words), place) for name in _COLUMNS]
        columns += [[UNLABELLED] * len(words), _optional(row, "misc", len(words), place)]
        ranges = _ranges(row, len(words), place)
        hidden, seen = hidden + words.count("_"), seen + len(words)
        if not _writable([*words, *ranges.values()]):
            yield ""
            continue
        lines = [f"# {key} = {' '.join(row[key].split())}" for key in ("sent_id", "text") if _told(row.get(key))]
        together = {first: _row(f"{first}-{last}", form, ["_"] * 8) for (first, last), form in ranges.items()}
        for index, (word, *rest) in enumerate(zip(words, *columns, strict=True), 1):
            lines += [together[index]] if index in together else []
            lines.append(_row(str(index), word, rest))
        yield "\n".join(lines) + "\n\n"
    if hidden > _HIDDEN * seen:
        raise DataError(f"{where} comes without its words, which are not free: take another with data get --treebank")


def iob2_blocks(rows: Iterable[Mapping[str, Any]], names: Sequence[str], where: str) -> Iterator[str]:
    """Write sentences with names as a word and its IOB2 tag a line.

    Args:
        rows: With ``tokens`` and ``ner_tags``.
        names: What the numbers in ``ner_tags`` stand for; empty for `WIKIANN_NAMES`.
        where: Names the file in messages.

    Yields:
        A block a sentence; an empty text for one that cannot be written down.

    Raises:
        DataError: A row is not of this form.
    """
    for number, row in _numbered(rows, where):
        place = f"{where}, row {number}"
        words = _words(row, place)
        tags, _ = to_iob2(_labels(row, "ner_tags", names or WIKIANN_NAMES, len(words), NER.labels, place))
        lines = (f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True))
        yield "".join(lines) + "\n" if _writable(words) else ""


def _numbered(rows: Iterable[Mapping[str, Any]], where: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, row in enumerate(rows, 1):
        if number > MOST_SENTENCES:
            raise DataError(f"{where} has more than {MOST_SENTENCES:,} sentences: name another treebank or language")
        yield number, row


def _words(row: Mapping[str, Any], place: str) -> list[str]:
    words = row.get("tokens")
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise DataError(f"{place}: the column tokens is not a list of words; use files of your own")
    if len(words) > LONGEST_SENTENCE:
        raise DataError(f"{place}: {len(words):,} words are no sentence (at most {LONGEST_SENTENCE:,})")
    _expect_short(words, place)
    return words


def _expect_short(words: Iterable[str], place: str) -> None:
    for word in words:
        if len(word) > LONGEST_WORD:
            raise DataError(f"{place}: {word[:20]!r}… has {len(word):,} characters, which is no word (at most 500)")


def _labels(
    row: Mapping[str, Any], column: str, names: Sequence[str], count: int, known: Sequence[str], place: str
) -> list[str]:
    """The labels of a row, out of numbers or as they are."""
    found = row.get(column)
    if not isinstance(found, list) or len(found) != count:
        raise DataError(
            f"{place}: the column {column} is not a list of {count} labels, one for each word; use files of your own"
        )
    labels = []
    for value in found:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value < len(names):
                raise DataError(
                    f"{place}: label {value} of {column} has no name (there are {len(names)}); use files of your own"
                )
            value = names[value]
        value = UNLABELLED if value is None else value
        if value not in known:
            raise DataError(
                f"{place}: {str(value)[:40]!r} in {column} is none of {' '.join(known)}; use files of your own"
            )
        labels.append(value)
    return labels


def _optional(row: Mapping[str, Any], column: str, count: int, place: str) -> list[str]:
    """A column that need not be there, ``_`` where it is empty or could not stand in a file of columns."""
    found = row.get(column)
    if found is None:
        return [UNLABELLED] * count
    if not isinstance(found, list) or len(found) != count:
        raise DataError(
            f"{place}: the column {column} is not a list of {count}, one for each word; use files of your own"
        )
    values = [UNLABELLED if value is None else str(value) for value in found]
    return [value if value.strip() and _plain(value) else UNLABELLED for value in values]


def _ranges(row: Mapping[str, Any], count: int, place: str) -> dict[tuple[int, int], str]:
    """Multiword tokens: first and last word, and how they are written together."""
    found: dict[tuple[int, int], str] = {}
    for token in row.get("mwt") or ():
        told = token if isinstance(token, Mapping) else {}
        match = _RANGE.fullmatch(str(told.get("id")))
        form = told.get("form")
        first, last = (int(match[1]), int(match[2])) if match else (0, 0)
        if not isinstance(form, str) or not 1 <= first < last <= count:
            raise DataError(
                f"{place}: the column mwt holds what is no multiword token of its {count} words; use files of your own"
            )
        found[first, last] = form
    _expect_short(found.values(), place)
    return found


def _writable(words: Iterable[str]) -> bool:
    return all(word.strip() and _plain(word) for word in words)


def _plain(text: str) -> bool:
    return not _BREAKS.search(text)


def _told(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _row(number: str, form: str, rest: Sequence[str]) -> str:
    return "\t".join((number, form, *rest))
