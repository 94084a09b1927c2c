"""The rows of a CoNLL-U file, kept so exactly that what was not changed is written back byte for byte."""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from hyperx_cl.errors import DataError, NotFoundError

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
UPOS, MISC = COLUMNS.index("upos"), COLUMNS.index("misc")
_ID = re.compile(r"([1-9][0-9]*)(?:-([1-9][0-9]*))?|[0-9]+\.[1-9][0-9]*")
_ESCAPES = {"\\": "\\\\", "|": "\\p", " ": "\\s", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_UNESCAPES = {written: plain for plain, written in _ESCAPES.items()}


@dataclass(slots=True)
class Row:
    r"""One word, multiword range or empty node.

    Attributes:
        columns: The ten columns as written.
        end: The line's end as written (``"\n"``, ``"\r\n"``, or nothing at the end of a file).
        first: Number of the first word that the row stands for; 0 for an empty node.
        last: Number of the last one: equal to `first` for a word, larger or equal for a range.
    """

    columns: list[str]
    end: str = "\n"
    first: int = 0
    last: int = 0

    @property
    def form(self) -> str:
        """The surface form."""
        return self.columns[1]

    @property
    def is_word(self) -> bool:
        """Whether this is a syntactic word: neither a multiword range nor an empty node."""
        return self.first > 0 and "-" not in self.columns[0]

    @property
    def is_range(self) -> bool:
        """Whether this is a multiword range such as ``3-4``."""
        return "-" in self.columns[0]

    def misc(self, key: str) -> str | None:
        """Return the value of ``key=value`` in MISC with escapes undone, or None."""
        for part in self.columns[MISC].split("|"):
            name, sign, value = part.partition("=")
            if sign and name == key:
                return re.sub(r"\\.", lambda m: _UNESCAPES.get(m[0], m[0]), value)
        return None

    def set_misc(self, key: str, value: str | None) -> None:
        r"""Write ``key=value`` into MISC, in place of an older value; ``|``, blanks and ``\`` are escaped.

        Without a value the older one is taken away.
        """
        if value is None:
            kept = [part for part in self.columns[MISC].split("|") if not part.startswith(f"{key}=")]
            self.columns[MISC] = "|".join(kept) or "_"
            return
        written = f"{key}=" + "".join(_ESCAPES.get(character, character) for character in value)
        parts = [] if self.columns[MISC] == "_" else self.columns[MISC].split("|")
        places = [i for i, part in enumerate(parts) if part.startswith(f"{key}=")]
        if places:
            parts[places[0]] = written
        else:
            parts.append(written)
        self.columns[MISC] = "|".join(parts)

    def __str__(self) -> str:
        """Return the line as it stands in the file, with its end."""
        return "\t".join(self.columns) + self.end


@dataclass(slots=True)
class Block:
    """One sentence: its comment lines (as written) and rows in their order, and the blank lines that follow."""

    lines: list[str | Row] = field(default_factory=list)
    blank: str = ""

    @property
    def rows(self) -> list[Row]:
        """The rows without the comments."""
        return [line for line in self.lines if isinstance(line, Row)]

    def surface(self) -> list[Row]:
        """The rows that stand for surface tokens: ranges, and words outside of ranges."""
        ranges = [row for row in self.rows if row.is_range]
        covered = {number for row in ranges for number in range(row.first, row.last + 1)}
        return [row for row in self.rows if row.is_range or (row.is_word and row.first not in covered)]

    def words(self) -> list[str]:
        """The forms of the syntactic words, in order: ranges and empty nodes are left out."""
        return [row.form for row in self.rows if row.is_word]

    def comment(self, key: str) -> str | None:
        """Return the value of the comment ``# key = value``, or None."""
        for line in self.lines:
            if isinstance(line, str):
                name, sign, value = line[1:].partition("=")
                if sign and name.strip() == key:
                    return value.strip("\r\n").removeprefix(" ")
        return None

    def has_comment(self, key: str) -> bool:
        """Whether there is a comment ``# key`` or ``# key = …``."""
        return any(isinstance(line, str) and line[1:].partition("=")[0].strip() == key for line in self.lines)

    def __str__(self) -> str:
        """Return the sentence as it stands in the file."""
        return "".join(str(line) for line in self.lines) + self.blank


def parse_rows(text: str, *, name: str = "the input") -> tuple[str, list[Block]]:
    """Read CoNLL-U.

    Args:
        text: The file's content.
        name: What to call it in an error.

    Returns:
        What stands before the first sentence (a byte order mark, blank lines; usually nothing), and the sentences.
        Joining their `str` gives `text` back.

    Raises:
        DataError: A row is malformed (with file and line), or there is no sentence.
    """
    head = "\ufeff" if text.startswith("\ufeff") else ""
    blocks: list[Block] = []
    block = Block()
    for number, line in enumerate(io.StringIO(text[len(head) :], newline="\n"), 1):
        if line.strip():
            if block.blank:
                blocks.append(_closed(block, f"{name}, line {number - 1}"))
                block = Block()
            block.lines.append(line if line.startswith("#") else _row(line, block, f"{name}, line {number}"))
        elif block.lines:
            block.blank += line
        else:
            head += line
    if block.lines:
        blocks.append(_closed(block, f"{name}, last line"))
    if not blocks:
        raise DataError(f"{name} holds no sentence: give CoNLL-U with at least one word")
    return head, blocks


def read_utf8(path: Path) -> str:
    """Read a text file exactly: no byte order mark removed, no line end changed.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not a file, not UTF-8, or binary.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}: check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): convert it to UTF-8 first") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): give a text file") from error
    if "\0" in text:
        raise DataError(f"{path} is a binary file (it holds a zero byte): give a text file")
    return text


def _row(line: str, block: Block, where: str) -> Row:
    body = line.rstrip("\r\n")
    columns = body.split("\t")
    if len(columns) != len(COLUMNS):
        raise DataError(f"{where}: a row has {len(columns)} columns where CoNLL-U has 10, separated by tabs")
    match = _ID.fullmatch(columns[0])
    if match is None:
        raise DataError(f"{where}: {columns[0]!r} is not a word number: write 3, 3-4 or 3.1")
    if not columns[1]:
        raise DataError(f"{where}: the word has no form: write it in the second column")
    first = int(match[1] or 0)
    row = Row(columns, line[len(body) :], first, int(match[2] or first))
    _check_number(row, block, where)
    return row


def _check_number(row: Row, block: Block, where: str) -> None:
    if row.first == 0:
        return
    before = (line for line in reversed(block.lines) if isinstance(line, Row) and line.is_word)
    expected = 1 + next((word.last for word in before), 0)
    if row.first != expected:
        raise DataError(f"{where}: the number {row.columns[0]!r} stands where {expected} should: number words from 1")
    if row.last < row.first or (row.is_range and any(r.last >= row.first for r in block.rows if r.is_range)):
        raise DataError(f"{where}: the range {row.columns[0]!r} runs backwards or overlaps another one")


def _closed(block: Block, where: str) -> Block:
    words = max((row.last for row in block.rows if row.is_word), default=0)
    if words == 0:
        raise DataError(f"{where}: the sentence that ends here has no word: remove its comments")
    if any(row.last > words for row in block.rows):
        raise DataError(f"{where}: a range goes past the {words} words of the sentence that ends here")
    return block
