"""Reading entities: a word and its tag on every line, in IOB2, IOB1 or BIOES, handed out as IOB2."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.files import numbered_lines
from hyperx_cl.data.tasks import map_label
from hyperx_cl.errors import DataError

_log = logging.getLogger(__name__)

_TAG = re.compile(r"O|[BIESLU]-\S+")
_PREFIXES = {"S": "B", "U": "B", "E": "I", "L": "I"}


def read_iob2(path: str | Path, *, label_map: Mapping[str, str] | None = None) -> list[Sentence]:
    """Read a file of ``word<TAB>tag`` lines (or one space), sentences apart by blank lines.

    Tags of IOB1 and BIOES/BILOU files are converted (see `to_iob2`), and how many is logged. Lines that begin with
    ``#`` and hold no tag are comments; ``-DOCSTART-`` lines are left out.

    Args:
        path: Plain or compressed (gz, bz2, xz).
        label_map: Old entity type to new, or to ``O``: ``{"MISC": "O"}``.

    Returns:
        The sentences, with a tag a word.

    Raises:
        NotFoundError: Where there is no such file.
        DataError: For a line that is not a word and a tag, with its number, and for a file without any sentence.
    """
    sentences: list[Sentence] = []
    converted = 0
    for words, tags in _blocks(Path(path)):
        clean, count = to_iob2(tags)
        converted += count
        mapped = tuple(map_label(tag, label_map, spans=True) for tag in clean)
        sentences.append(Sentence(tuple(words), mapped))
    if not sentences:
        raise DataError(f"{path} has no sentence: give a file with a word and its tag on every line")
    if converted:
        _log.info("%s: %d tags were converted to IOB2", path, converted)
    return sentences


def to_iob2(tags: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Convert a sentence's tags to IOB2.

    ``S-`` and ``U-`` are read as ``B-``, ``E-`` and ``L-`` as ``I-``; then an ``I-X`` with no X right before it
    begins an entity and becomes ``B-X``. IOB2 tags stay as they are.

    Returns:
        The tags, and how many of them changed.
    """
    clean: list[str] = []
    before = "O"
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        prefix = _PREFIXES.get(prefix, prefix)
        if prefix == "I" and before != kind:
            prefix = "B"
        before = kind if kind else "O"
        clean.append(f"{prefix}-{kind}" if kind else prefix)
    return tuple(clean), sum(new != old for new, old in zip(clean, tags, strict=True))


def _blocks(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    words: list[str] = []
    tags: list[str] = []
    for number, line in numbered_lines(path):
        if not line.strip(" \t"):
            if words:
                yield words, tags
            words, tags = [], []
            continue
        word, tag = _columns(line)
        if word and tag and word != "-DOCSTART-":
            words.append(word)
            tags.append(tag)
        elif not line.startswith(("#", "-DOCSTART-")):
            raise DataError(f"{path}, line {number}: {line[:40]!r} is not a word, a tab and a tag such as O or B-PER")
    if words:
        yield words, tags


def _columns(line: str) -> tuple[str, str]:
    """Split a line into word and tag; two empty strings where it is not both."""
    fields = line.split("\t") if "\t" in line else line.split(" ")
    if len(fields) == 2 and fields[0].strip() and _TAG.fullmatch(fields[1]):
        return fields[0], fields[1]
    return "", ""
