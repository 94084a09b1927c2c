"""Cutting what is too long for a line: after a sentence, else between words, else wherever a sign ends."""

import unicodedata

import regex

_SENTENCE_END = regex.compile(r"[.!?…؟۔।॥།።፨]+[\p{Pf}\p{Pe}\"']*\s+|[。！？]+[\p{Pf}\p{Pe}]*")
_SPACE = regex.compile(r"\s+")
_NEVER_ABBREVIATES = "。！？"
_LEAST_SENTENCE = 20  # characters: what is shorter probably ends with an abbreviation


def cut_line(line: str, most: int) -> list[str]:
    """Cut a line into pieces that together are the line.

    Args:
        line: Any text.
        most: Longest piece in characters, at least 2.

    Returns:
        The pieces, none empty; the line alone where it is short enough.
    """
    pieces, start = [], 0
    while len(line) - start > most:
        end = start + cut_place(line[start : start + most + 1], most)
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]] if start < len(line) else pieces


def sentences(line: str) -> list[str]:
    """Cut a line behind its sentences.

    It is not cut where the next word begins with a small letter, nor behind what is short: an abbreviation or a number
    is likelier there.

    Args:
        line: Any text.

    Returns:
        The sentences without white space around them, none empty.
    """
    pieces, start = [], 0
    for match in _SENTENCE_END.finditer(line):
        long = match.end() - start >= _LEAST_SENTENCE or match[0][0] in _NEVER_ABBREVIATES
        if long and not line[match.end() : match.end() + 1].islower():
            pieces.append(line[start : match.end()].strip())
            start = match.end()
    rest = line[start:].strip()
    return [*pieces, rest] if rest else pieces


def ends_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    return bool(_SENTENCE_END.search(text[-10:] + " ")) and not text[-1:].isalnum()


def cut_place(text: str, most: int) -> int:
    """Where to cut: behind the last sentence in the second half of `most` characters, else behind the last space there.

    Args:
        text: The text from the last cut on.
        most: Characters before the cut at most.

    Returns:
        From 1 to `most`. Where there is no space, a letter and the accents that follow it stay together.
    """
    half = most // 2
    for pattern in (_SENTENCE_END, _SPACE):
        ends = [match.end() for match in pattern.finditer(text, half, most)]
        if ends:
            return ends[-1]
    place = most
    while place > max(half, 1) and place < len(text) and unicodedata.category(text[place]).startswith("M"):
        place -= 1
    return place
