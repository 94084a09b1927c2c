"""What commands print: a table on a terminal, plain lines without one, one JSON document, or ids alone."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperx_cl.cli.listing import Listing
from hyperx_cl.foreign import UNSAFE

SCHEMA_VERSION = 1
"""Of every JSON document printed here; a key that changes its meaning or goes away raises it."""

_LONGEST = 2000

_UNSAFE_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Grid:
    """A table to print.

    Args:
        header: Names of the columns.
        rows: One text a column.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Output:
    """Prints one command's result to stdout, and everything else to stderr.

    Args:
        json: One JSON document instead of tables and lines.
        quiet: Ids alone on stdout, and no notes on stderr.
        mute: Nothing at all, as of all processes but the first.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, mute: bool = False) -> None:
        self.json, self.quiet, self.mute = json, quiet or mute, mute

    def result(
        self, data: Mapping[str, Any], *, ids: Iterable[str] = (), show: Sequence[str | Grid | Listing] = ()
    ) -> None:
        """Print a result in the form that was asked for.

        Args:
            data: The JSON document, without its `schema_version`.
            ids: What ``--quiet`` prints, one a line.
            show: Lines and tables, in order.
        """
        if self.mute:
            return
        if self.json:
            self.text(json.dumps({"schema_version": SCHEMA_VERSION, **data}, ensure_ascii=False, indent=2) + "\n")
        elif self.quiet:
            self.text("".join(f"{visible(name)}\n" for name in ids))
        else:
            for piece in show:
                self._show(piece)

    def text(self, text: str) -> None:
        """Print a whole document: as it is into a file or pipe, with controls escaped on a terminal or in JSON."""
        if self.mute:
            return
        if self.json:
            text = _UNSAFE_IN_TEXT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        elif sys.stdout.isatty():
            text = visible(text, lines=True)
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something on stderr, unless all shall be quiet."""
        if not self.quiet:
            print(visible(text), file=sys.stderr)

    def warn(self, text: str) -> None:
        """Warn on stderr."""
        if not self.mute:
            print(f"Warning: {visible(text)}", file=sys.stderr)

    def _show(self, piece: str | Grid | Listing) -> None:
        if isinstance(piece, str):
            print(visible(piece))
        elif not sys.stdout.isatty():
            print("\n".join("\t".join(map(visible, row)) for row in (piece.header, *piece.rows)))
        elif isinstance(piece, Listing):
            print("\n".join(map(visible, piece.lines(shutil.get_terminal_size().columns))))
        else:
            _draw(piece)


def visible(text: str, *, lines: bool = False) -> str:
    r"""Escape control characters, so that no file can write to the terminal: ``\x1b`` for the escape character.

    Args:
        text: Anything.
        lines: Keep line ends and tabs.
    """
    if text.isprintable():  # far quicker to tell than looking for each of them
        return text
    return (_UNSAFE_IN_TEXT if lines else UNSAFE).sub(lambda match: _escaped(match[0]), text)


def shortened(text: str) -> str:
    """A sentence that a file may have had a word in, at most 2,000 characters of it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def without_token(text: str) -> str:
    """Take the login of the Hub out of a text that a server may have had a word in."""
    if "huggingface_hub" not in sys.modules:
        return text
    from huggingface_hub import get_token

    token = get_token()
    return text.replace(token, "(token)") if token else text


def _draw(grid: Grid) -> None:
    """Draw a table on a terminal; nothing else here needs the library that can."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for name in grid.header:
        table.add_column(Text(name))
    for row in grid.rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    Console().print(table)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
