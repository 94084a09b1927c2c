"""Lines of text out of articles: a sentence a line, without headings and lists, none twice, and no more than wanted."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hyperx_cl.data.cutting import cut_line, ends_sentence, sentences
from hyperx_cl.errors import DataError

LONGEST = 1000
"""Longest line in characters; more is cut."""

_SURE = 40  # characters that no heading and hardly an item of a list has


def article_lines(rows: Iterable[Mapping[str, Any]], most: int, where: str) -> Iterator[str]:
    """Cut articles into lines.

    A line is a sentence. What ends without a sentence's end and is short is left out: headings, items of lists.

    Args:
        rows: With the article's text in ``text``, paragraphs apart by line ends.
        most: Most lines.
        where: Names the file in messages.

    Yields:
        Lines with their line ends, no more than `most`, none twice.

    Raises:
        DataError: A row is not of this form.
    """
    known: set[bytes] = set()
    for number, row in enumerate(rows, 1):
        text = row.get("text")
        if not isinstance(text, str):
            raise DataError(
                f"{where}, row {number}: the column text is no text: its form has changed; use files of your own"
            )
        for line in _lines(text):
            mark = hashlib.blake2b(line.encode("utf-8"), digest_size=8).digest()
            if mark in known:
                continue
            known.add(mark)
            yield line + "\n"
            if len(known) >= most:
                return


def _lines(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        for sentence in sentences(" ".join(paragraph.split())):
            if len(sentence) >= _SURE or ends_sentence(sentence):
                yield from (piece.strip() for piece in cut_line(sentence, LONGEST))
