"""A long table of short cells: as many columns as the terminal has room for, thousands of rows in no time."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

_USUAL, _SHORTEST = 20, 8
_GAP = 2


@dataclass(frozen=True)
class Listing:
    """Rows to print; into a pipe all of their columns go, with tabs between them.

    Args:
        header: Names of the columns.
        rows: One text a column.
        spare: Columns to leave out where there is no room, the first one first.
        flexible: Columns whose cells may be cut: to 20 characters before a column is left out, to 8 afterwards.
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
        gap, widths = self._fitting(widths, width)
        places = [i for i, name in enumerate(self.header) if name in widths]
        rows = [self.header, ["─" * widths.get(name, 0) for name in self.header], *self.rows]
        return [self._line(row, places, widths, gap) for row in rows]

    def _fitting(self, widths: dict[str, int], width: int) -> tuple[int, dict[str, int]]:
        """The gap between columns, and the widths of those that stay."""
        longest = dict(widths)
        for left_out in ("", *self.spare):
            longest.pop(left_out, None)
            cut = {name: min(size, _USUAL) if name in self.flexible else size for name, size in longest.items()}
            for tried in (longest, cut):
                if _needed(tried, _GAP) <= width:
                    return _GAP, tried
        while _needed(cut, 1) > width:
            widest = max((name for name in cut if name in self.flexible), key=lambda name: cut[name], default=None)
            if widest is None or cut[widest] <= _SHORTEST:
                break
            cut[widest] -= 1
        return 1, cut

    def _line(self, row: Sequence[str], places: Sequence[int], widths: dict[str, int], gap: int) -> str:
        cells = (_fitted(row[i], widths[self.header[i]], right=self.header[i] in self.right) for i in places)
        return (" " * gap).join(cells).rstrip()


def _needed(widths: dict[str, int], gap: int) -> int:
    return sum(widths.values()) + gap * (len(widths) - 1)


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _fitted(text: str, width: int, *, right: bool) -> str:
    length = _length(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
