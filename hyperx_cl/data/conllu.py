"""Reading CoNLL-U: any column as the label, syntactic words only unless asked otherwise."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from conllu.exceptions import ParseException
from conllu.parser import parse_dict_value, parse_id_value, parse_line

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.files import numbered_lines
from hyperx_cl.data.tasks import UNLABELLED, map_label
from hyperx_cl.errors import DataError, UsageError, did_you_mean

_FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_Row = dict[str, Any]

_LABEL_FIELDS = ("upos", "xpos", "deprel", "lemma", "feats", "misc")
_COARSE = "deprel.coarse"


def read_conllu(
    path: str | Path, *, column: str = "upos", label_map: Mapping[str, str] | None = None, ranges: bool = False
) -> list[Sentence]:
    """Read a CoNLL-U file.

    Args:
        path: Plain or compressed (gz, bz2, xz).
        column: Where the label stands: ``upos``, ``xpos``, ``deprel``, ``lemma``, a whole ``feats`` or ``misc``, or
            one of their attributes, as in ``feats.Number``; ``deprel.coarse`` is the relation without its subtype, the
            part before the first colon.
        label_map: Old label to new.
        ranges: Keep the rows of multiword tokens (``3-4``) as words labelled ``_`` beside their parts, as the code of
            the Hyper-X paper counts. Empty nodes (``3.1``) are always left out.

    Returns:
        One sentence a block, with a label a word, ``_`` where the column or attribute is empty.

    Raises:
        NotFoundError: Where there is no such file.
        UsageError: For a column that CoNLL-U does not have.
        DataError: For a malformed row, with its line, and for a file without any sentence.
    """
    label_of = _label_reader(column)
    sentences: list[Sentence] = []
    for rows in _blocks(Path(path)):
        kept = [row for row in rows if isinstance(row["id"], int) or (ranges and "-" in row["id"])]
        labels = (label_of(row) if isinstance(row["id"], int) else UNLABELLED for row in kept)
        mapped = tuple(map_label(label, label_map, spans=False) for label in labels)
        sentences.append(Sentence(tuple(row["form"] for row in kept), mapped))
    if not sentences:
        raise DataError(f"{path} has no sentence: give a CoNLL-U file")
    return sentences


def _label_reader(column: str) -> Callable[[_Row], str]:
    """Make the function that finds the label in a row."""
    if column == _COARSE:
        return lambda row: str(row["deprel"]).partition(":")[0] or UNLABELLED
    field, _, attribute = column.partition(".")
    if field not in _LABEL_FIELDS or (attribute and field not in ("feats", "misc")):
        known = [*_LABEL_FIELDS, _COARSE, "feats.Number"]
        raise UsageError(f"unknown column {column!r}{did_you_mean(column, known)}: use one of {', '.join(known)}")
    if not attribute:
        return lambda row: str(row[field]) or UNLABELLED
    return lambda row: (parse_dict_value(row[field]) or {}).get(attribute) or UNLABELLED


def _blocks(path: Path) -> Iterator[list[_Row]]:
    """Yield the rows of every sentence; comments are left out, and so are blocks of nothing else."""
    rows: list[_Row] = []
    last = 0
    for number, line in numbered_lines(path):
        if not line.strip():
            if rows:
                yield rows
            rows, last = [], 0
        elif not line.startswith("#"):
            row = _row(line, f"{path}, line {number}")
            if isinstance(row["id"], int):
                last = _following(row["id"], last, f"{path}, line {number}")
            rows.append(row)
    if rows:
        yield rows


def _row(line: str, where: str) -> _Row:
    columns = line.count("\t") + 1
    if columns != len(_FIELDS):
        raise DataError(f"{where}: a CoNLL-U row has 10 columns with tabs between them, but this one has {columns}")
    row: _Row = {"id": None}
    try:
        # The parser also takes two spaces for a column's end, but a word may hold them.
        row = parse_line(re.sub(" {2,}", " ", line), _FIELDS, {"id": lambda fields, i: parse_id_value(fields[i])})
    except ParseException:
        pass
    if row["id"] is None:
        raise DataError(f"{where}: {line.split(chr(9))[0]!r} is not the number of a word, as 3, 3-4 or 3.1 are")
    if not row["form"].strip():
        raise DataError(f"{where}: the word is empty: write _ where there is none")
    return row


def _following(number: int, last: int, where: str) -> int:
    """Make sure that words are counted one by one: where they are not, an end of a sentence was probably lost."""
    if number != last + 1:
        raise DataError(
            f"{where}: word {number} follows word {last}: put a blank line between sentences and number words from 1"
        )
    return number
