"""A long table of short cells: as many columns as the terminal has room for, thousands of rows in no time."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

_SHORTEST = 8
_GAP = 2


@dataclass(frozen=True)
class Listing:
    """Rows to print; into a pipe all of their columns go, with tabs between them.

    Args:
        header: Names of the columns.
        rows: One text a column.
        spare: Columns to leave out where there is no room, the first one first.
        flexible: Columns whose cells may be cut, down to 8 characters.
        right: Columns that are set flush right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    spare: Sequence[str] = ()
    flexible: Sequence[str] = ()
    right: Sequence[str] = ()

    def lines(self, width: int) -> list[str]:
        """The table as lines of at most so many columns of a terminal, unless not even the shortest cells fit."""
        widths = {
            name: max([cell_len(name), *(_length(row[i]) for row in self.rows)]) for i, name in enumerate(self.header)
        }
        for name in self.spare:
            if self._room(widths, width) >= 0:
                break
            del widths[name]
        for name in sorted(self.flexible, key=lambda name: -widths.get(name, 0)):
            if name in widths and (lacking := -self._room(widths, width)) > 0:
                widths[name] = max(min(_SHORTEST, widths[name]), widths[name] - lacking)
        places = [i for i, name in enumerate(self.header) if name in widths]
        rows = [self.header, ["─" * widths.get(name, 0) for name in self.header], *self.rows]
        return [self._line(row, places, widths) for row in rows]

    def _line(self, row: Sequence[str], places: Sequence[int], widths: dict[str, int]) -> str:
        cells = (_fitted(row[i], widths[self.header[i]], right=self.header[i] in self.right) for i in places)
        return (" " * _GAP).join(cells).rstrip()

    def _room(self, widths: dict[str, int], width: int) -> int:
        return width - sum(widths.values()) - _GAP * (len(widths) - 1)


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _fitted(text: str, width: int, *, right: bool) -> str:
    length = _length(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
