"""A language's raw text: reading it clean, splitting it, and checking that it can be learnt from."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from hyperx_cl import languages
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.files import numbered_lines
from hyperx_cl.errors import DataError

STOP_SHARE = REPORT_SHARE = 0.05
MOST_HELD_OUT = 2000
LEAST_HELD_OUT = 20
LEAST_LINES = 20
MOST_UNKNOWN = 1 / 3

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff]")
_SAMPLE = 2000


@dataclass(frozen=True, slots=True)
class Text:
    """A language's raw text.

    Attributes:
        lines: In NFC, without control characters, with single spaces, none empty, none twice, in the file's order.
        sha256: Over the lines: the same for the same text in txt, gz, bz2 or xz; 64 hex characters.
        dropped: How many lines were left out: ``empty`` and ``duplicate``.
        bytes: Size of the lines in UTF-8, line ends included.
        path: Where it was read from.
    """

    lines: tuple[str, ...]
    sha256: str
    dropped: dict[str, int]
    bytes: int
    path: str


def read_text(path: str | Path, *, max_lines: int | None = None) -> Text:
    """Read raw text, line by line: txt, gz, bz2 or xz, UTF-8.

    Args:
        path: The file; one sentence or paragraph a line.
        max_lines: Stop after that many kept lines; None reads all.

    Returns:
        The text, cleaned.

    Raises:
        NotFoundError: Where there is no such file.
        DataError: Where it is binary, damaged or not UTF-8 (with line and byte), or has no text.
    """
    digest = hashlib.sha256()
    lines: dict[str, None] = {}
    dropped = {"empty": 0, "duplicate": 0}
    size = 0
    for _, raw in numbered_lines(path):
        if max_lines is not None and len(lines) >= max_lines:
            break
        line = clean_line(raw)
        if not line or line in lines:
            dropped["duplicate" if line else "empty"] += 1
            continue
        lines[line] = None
        data = line.encode("utf-8") + b"\n"
        digest.update(data)
        size += len(data)
    if not lines:
        raise DataError(f"{path} is empty: give a file with text, one sentence a line")
    return Text(tuple(lines), digest.hexdigest(), dropped, size, str(path))


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

    Script and pieces are counted on up to 2,000 lines, evenly spaced.

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
    sample = text.lines[:: -(-len(text.lines) // _SAMPLE)]
    return [
        *_length_warnings(text),
        *_script_warnings(sample, language, text.path),
        *_unknown_warnings(sample, tokenizer, text.path),
    ]


def clean_line(line: str) -> str:
    """Normalise to NFC, and make runs of white space and control characters a single space."""
    return " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFC", line)).split())


def _place(line: str) -> float:
    """A line's place among all possible hashes, in [0, 1)."""
    digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8, person=b"hyperx-text").digest()
    return int.from_bytes(digest, "big") / 2**64


def _length_warnings(text: Text) -> list[str]:
    warnings = []
    if len(text.lines) < 1000:
        warnings.append(f"{text.path} has only {len(text.lines)} lines: expect more from some thousands.")
    if text.dropped["duplicate"] > len(text.lines):
        warnings.append(f"{text.path} has {text.dropped['duplicate']} repeated lines, left out: is it the right file?")
    return warnings


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
