"""A table that fits its terminal: columns are left out and cells cut in a fixed order."""

import time

import pytest
from rich.cells import cell_len

from hyperx_cl.cli.listing import Listing

TABLE = Listing(
    ("code", "language", "family", "numbers", "hash"),
    [
        ("mt", "Maltese", "Afro-Asiatic", "318,910", "0123456789ab"),
        ("hsb", "Upper Sorbian of the north", "Indo-European", "64", "ba9876543210"),
        ("ja", "日本語の長い名前", "Japonic", "64", "0"),
    ],
    spare=("hash", "numbers"),
    flexible=("language", "family"),
    right=("numbers",),
)


def test_all_of_it_where_there_is_room() -> None:
    lines = TABLE.lines(120)
    assert lines[0] == "code  language                    family         numbers  hash"
    assert lines[2] == "mt    Maltese                     Afro-Asiatic   318,910  0123456789ab"
    assert lines[4].startswith("ja    日本語の長い名前            Japonic             64")


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (75, "code language family numbers hash"),
        (70, "code language family numbers hash"),  # the long name is cut to 20 characters
        (60, "code language family numbers"),
        (50, "code language family numbers"),
        (45, "code language family"),
        (30, "code language family"),
    ],
)
def test_what_is_left_where_there_is_less_room(width: int, names: str) -> None:
    lines = TABLE.lines(width)
    assert lines[0].split() == names.split()
    assert max(map(cell_len, lines)) <= width


def test_cells_that_are_cut_say_so() -> None:
    assert TABLE.lines(64)[3].startswith("hsb   Upper Sorbian of th…  Indo-European")
    assert TABLE.lines(30)[2:4] == ["mt   Maltese      Afro-Asiatic", "hsb  Upper Sorbi… Indo-Europe…"]


def test_thousands_of_rows_take_no_time() -> None:
    rows = [(str(i), "x" * 20, "y" * 20, "64", "0" * 12) for i in range(7000)]
    begin = time.process_time()
    assert len(Listing(TABLE.header, rows, spare=("hash",), flexible=("language",)).lines(60)) == 7002
    assert time.process_time() - begin < 2


def test_no_rows() -> None:
    assert Listing(("a", "b"), []).lines(80) == ["a  b", "─  ─"]
