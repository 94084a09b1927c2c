"""A language's raw text: reading it clean, splitting it, and checking that it can be learnt from."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from hyperx_cl import languages
from hyperx_cl.data.cutting import cut_line
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.files import Progress, numbered_lines
from hyperx_cl.data.mixture import mixture_warnings
from hyperx_cl.data.reservoir import Reservoir
from hyperx_cl.errors import DataError

STOP_SHARE = REPORT_SHARE = 0.05
MOST_HELD_OUT = 2000
LEAST_HELD_OUT = 20
LEAST_LINES = 20
MOST_UNKNOWN = 1 / 3

KEEP_LINES, KEEP_CHARACTERS = 500_000, 50_000_000
"""What is kept of a text: far more than a language is learnt from, and a few hundred MB at most."""

LONGEST = 1000
"""Longest line in characters."""

LEAST_LETTERS, LEAST_LETTER_SHARE = 2, 1 / 4

_REASONS = {
    "empty": "empty", "few_letters": "with hardly any letters", "damaged": "with U+FFFD in place of a letter",
    "duplicate": "repeated", "over_limit": "beyond what is kept of a large file (an even sample)",
}  # fmt: skip

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff]")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_NO_ASCII_LETTERS = bytes(sign for sign in range(256) if not chr(sign).isalpha() or sign > 127)
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_GARBLED = re.compile(r"[ÃÂÐÑØÙ][¡-¿]|â€")
_MUCH_GARBLED = 0.05
_READ_AT_ONCE = 1 << 16
_SAMPLE, _MIXTURE_SAMPLE = 2000, 3000


@dataclass(frozen=True, slots=True)
class Text:
    """A language's raw text.

    Attributes:
        lines: In NFC, without control characters, with single spaces, none empty, none twice, in the file's order.
        sha256: Over all different lines, those beyond the limit included: the same for the same text in txt, gz, bz2
            or xz and in UTF-8 or UTF-16; 64 hex characters.
        dropped: How many lines were left out: ``empty``; ``few_letters`` (less than two letters, or less than a
            quarter of the signs, not counting tags such as ``<br>``); ``damaged`` (with U+FFFD, which stands for what
            another program could not read); ``duplicate``; ``over_limit`` (beyond what is kept of a very large file).
        bytes: Size of the lines in UTF-8, line ends included.
        path: Where it was read from.
        cut: How many lines were longer than 1,000 characters: their pieces are lines of their own.
    """

    lines: tuple[str, ...]
    sha256: str
    dropped: dict[str, int]
    bytes: int
    path: str
    cut: int = 0

    def account(self) -> str | None:
        """Say in one sentence what was left out and cut, or None where nothing was."""
        parts = [f"{self.dropped[key]:,} {words}" for key, words in _REASONS.items() if self.dropped.get(key)]
        left = f"left out {', '.join(parts)}" if parts else ""
        cut = f"cut {self.cut:,} lines of more than {LONGEST:,} characters" if self.cut else ""
        done = "; ".join(filter(None, (left, cut)))
        return f"{self.path}: {len(self.lines):,} lines to learn from; {done}." if done else None


def read_text(
    path: str | Path, *, max_lines: int | None = None, keep_lines: int = KEEP_LINES,
    keep_characters: int = KEEP_CHARACTERS, progress: Progress | None = None,
) -> Text:  # fmt: skip
    """Read raw text in one pass, line by line: txt, gz, bz2 or xz, UTF-8 or UTF-16.

    A file of any size is read in bounded memory: of more different lines than are kept, those with the lowest hashes
    are kept, which is an even sample of the whole file. What is thrown out is forgotten, so that a line beyond the
    limit counts there each time it comes.

    Args:
        path: The file; one sentence or paragraph a line.
        max_lines: Stop after that many different lines; None reads all.
        keep_lines: Most lines kept.
        keep_characters: Most characters of them together.
        progress: Told how many bytes are read, and how many there are.

    Returns:
        The text, cleaned. A line of more than 1,000 characters is cut behind a sentence, else behind a word.

    Raises:
        NotFoundError: Where there is no such file.
        DataError: Where it is binary, damaged or in another encoding (with line and byte), or has no text.
    """
    digest, kept = hashlib.sha256(), Reservoir(lines=keep_lines, characters=keep_characters)
    dropped = dict.fromkeys(_REASONS, 0)
    fresh = cut = last_cut = 0
    for number, raw in numbered_lines(path, longest=_READ_AT_ONCE, progress=progress):
        if max_lines is not None and fresh >= max_lines:
            break
        whole = clean_line(raw)
        pieces = [whole]
        if len(whole) > LONGEST:
            pieces = [piece.strip() for piece in cut_line(whole, LONGEST)]
            cut, last_cut = cut + (number != last_cut), number
        for line in pieces:
            reason = _unfit(line)
            if not reason and not kept.add(line):
                reason = "duplicate"
            if reason:
                dropped[reason] += 1
            else:
                fresh += 1
                digest.update(line.encode("utf-8") + b"\n")
    lines = kept.kept()
    if not lines:
        raise DataError(_nothing(str(path), dropped))
    dropped["over_limit"] = fresh - len(lines)
    size = sum(len(line.encode("utf-8")) + 1 for line in lines)
    return Text(lines, digest.hexdigest(), dropped, size, str(path), cut)


class TextParts(NamedTuple):
    """The three parts, each in the order of the text; no line is in two."""

    train: tuple[str, ...]
    stop: tuple[str, ...]
    report: tuple[str, ...]


def split_text(lines: Sequence[str]) -> TextParts:
    """Split by the hash of each line, so that it comes out the same every time and in any order of the lines.

    Lines with the lowest 5 % of all hashes are the stop part, those with the highest 5 % the report part, at most
    2,000 each; a line therefore keeps its part when text is added, unless one of the limits moves. Of a short text
    each of the two gets 20 lines, of less than 100 lines a fifth, and never more than a fifth.

    Args:
        lines: Without duplicates, at least 5.

    Returns:
        The parts: together all lines.

    Raises:
        ValueError: For less than 5 lines or a line that occurs twice.
    """
    if len(lines) < 5 or len(set(lines)) != len(lines):
        raise ValueError("there must be at least 5 lines and none twice")
    place = {line: _place(line) for line in lines}
    order = sorted(lines, key=lambda line: (place[line], line))
    least = min(LEAST_HELD_OUT, len(lines) // 5)
    low = sum(value < STOP_SHARE for value in place.values())
    high = sum(value >= 1 - REPORT_SHARE for value in place.values())
    most = min(MOST_HELD_OUT, len(lines) // 5)
    stop = set(order[: max(least, min(most, low))])
    report = set(order[-max(least, min(most, high)) :])
    return TextParts(
        tuple(line for line in lines if line not in stop and line not in report),
        tuple(line for line in lines if line in stop),
        tuple(line for line in lines if line in report),
    )


def check_text(text: Text, language: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Refuse a text that nothing can be learnt from, and warn of one that little can.

    Script and pieces are counted on up to 2,000 lines, evenly spaced; a second language is looked for in 3,000.

    Args:
        text: As read.
        language: Its code.
        tokenizer: The backbone's.

    Returns:
        Warnings, one sentence each; empty where all is well.

    Raises:
        DataError: For less than 20 lines, for mostly another script than the language's, or where a third of the
            pieces are unknown to the tokenizer.
        NotFoundError: For an unknown language code.
    """
    if len(text.lines) < LEAST_LINES:
        raise DataError(
            f"{text.path} has {len(text.lines)} different lines of text, too few to learn a language from: "
            f"give at least {LEAST_LINES}, better some thousands"
        )
    sample = _spaced(text.lines, _SAMPLE)
    of_letters = _script_warnings(sample, language, text.path)
    scripts = () if of_letters else languages.scripts(language)
    return [
        *_length_warnings(text),
        *_garbled_warnings(sample, text.path),
        *of_letters,
        *mixture_warnings(_spaced(text.lines, _MIXTURE_SAMPLE), scripts, text.path),
        *_unknown_warnings(sample, tokenizer, text.path),
    ]


def clean_line(line: str) -> str:
    """Normalise to NFC, and make runs of white space and control characters a single space."""
    if line.isprintable() and "  " not in line and unicodedata.is_normalized("NFC", line):
        return line.strip(" ")  # what nearly every line is, several times as fast
    return " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFC", line)).split())


def _unfit(line: str) -> str | None:
    """Why a cleaned line is no text to learn from, or None."""
    if not line:
        return "empty"
    if "\ufffd" in line:
        return "damaged"
    enough = max(LEAST_LETTERS, LEAST_LETTER_SHARE * (len(line) - line.count(" ")))
    if "<" in line:
        line = _TAG.sub(" ", line)
    elif len(line.encode("utf-8").translate(None, _NO_ASCII_LETTERS)) >= enough:
        return None  # of most lines in Latin script the plain letters suffice, and are counted faster
    return None if len(_NO_LETTERS.sub("", line)) >= enough else "few_letters"


def _nothing(path: str, dropped: Mapping[str, int]) -> str:
    if dropped["few_letters"] or dropped["damaged"]:
        return f"{path} has no line with letters that can be read: give a file with text, one sentence a line"
    return f"{path} is empty: give a file with text, one sentence a line"


def _place(line: str) -> float:
    """A line's place among all possible hashes, in [0, 1)."""
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8, person=b"hyperx-text").digest()
    return int.from_bytes(digest, "big") / 2**64


def _spaced(lines: Sequence[str], most: int) -> Sequence[str]:
    return lines[:: -(-len(lines) // most)]


def _length_warnings(text: Text) -> list[str]:
    warnings, dropped = [], text.dropped
    if len(text.lines) < 1000:
        warnings.append(f"{text.path} has only {len(text.lines)} lines: expect more from some thousands.")
    if dropped["duplicate"] > len(text.lines):
        warnings.append(f"{text.path} has {dropped['duplicate']} repeated lines, left out: is it the right file?")
    if dropped["few_letters"] > len(text.lines):
        warnings.append(
            f"{text.path} has {dropped['few_letters']} lines of hardly any letters, left out: is it the right file?"
        )
    if dropped["damaged"] * 100 > len(text.lines):
        warnings.append(
            f"{text.path} has {dropped['damaged']} lines with U+FFFD, left out: it was once converted from the wrong "
            "encoding."
        )
    return warnings


def _garbled_warnings(sample: Sequence[str], path: str) -> list[str]:
    share = sum(bool(_GARBLED.search(line)) for line in sample) / len(sample)
    if share < _MUCH_GARBLED:
        return []
    return [f"{share:.0%} of the lines of {path} look like UTF-8 read as Latin-1 and saved again ('Ã©' for 'é')."]


def _script_warnings(sample: Sequence[str], language: str, path: str) -> list[str]:
    counts = languages.script_counts("\n".join(sample))
    total = sum(counts.values())
    if not total:
        raise DataError(f"{path} has no letters: give text in {languages.name(language)}")
    usual = languages.scripts(language)
    share = sum(counts.get(script, 0) for script in usual) / total
    if not usual or share >= 0.8:
        return []
    main = max(counts, key=lambda script: counts[script])
    found = f"{counts[main] / total:.0%} of the letters in {path} are {main}, but {languages.name(language)} is written"
    if share < 0.5:
        raise DataError(f"{found} in {' or '.join(usual)}: give the right file or the right language code")
    return [f"Only {share:.0%} of the letters in {path} are {' or '.join(usual)}: other languages may be mixed in."]


def _unknown_warnings(sample: Sequence[str], tokenizer: PreTrainedTokenizerBase, path: str) -> list[str]:
    rate = Encoder(tokenizer, max_length=512).unknown_rate(sample)
    if rate >= MOST_UNKNOWN:
        raise DataError(
            f"the backbone's tokenizer does not know {rate:.0%} of the pieces of {path}: "
            "use a backbone that covers this script"
        )
    if rate > 0.05:
        return [f"The backbone's tokenizer does not know {rate:.0%} of the pieces of {path}."]
    return []
