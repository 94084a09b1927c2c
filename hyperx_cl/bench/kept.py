"""A cell's JSON file: written whole or not at all, and one sentence where it cannot be read."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hyperx_cl.bench.machine import describe
from hyperx_cl.errors import DataError
from hyperx_cl.evaluate.metrics import Counts


class Named(Protocol):
    """A cell of any bench."""

    @property
    def name(self) -> str:
        """Of its files."""

    @property
    def title(self) -> str:
        """In words."""


def path(cell: Named, folder: Path) -> Path:
    """Where a cell's file lies."""
    return folder / f"{cell.name}.json"


def write(cell: Named, folder: Path, form: str, values: Mapping[str, Any]) -> Path:
    """Write a cell's file, with the machine that it was run on.

    Args:
        cell: Which.
        folder: Made if absent.
        form: Name and version of the format.
        values: JSON-able.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = path(cell, folder)
    partial = file.with_suffix(".part")
    kept = {**values, "machine": describe(), "format": form}
    partial.write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, file)
    return file


def read(cell: Named, folder: Path, form: str) -> dict[str, Any] | None:
    """Read a cell's file without its machine; None where the cell was not run.

    Raises:
        DataError: The file is damaged or of another format.
    """
    kept = _read(cell, folder, form)
    if kept is not None:
        del kept["machine"]
    return kept


def machines(cells: Iterable[Named], folder: Path, form: str) -> list[dict[str, Any]]:
    """The machines that cells were run on, each once, in the order of the cells.

    Raises:
        DataError: See `read`.
    """
    found: list[dict[str, Any]] = []
    for cell in cells:
        kept = _read(cell, folder, form)
        if kept is not None and kept["machine"] not in found:
            found.append(kept["machine"])
    return found


def damaged(cell: Named, folder: Path, error: Exception) -> DataError:
    """What is said of a file that does not hold what it should."""
    return DataError(f"{path(cell, folder)} cannot be read ({error}); remove it, and the cell is run again.")


def counts_to_json(counts: Counts) -> dict[str, Any]:
    """Counts of whole numbers, sentence by sentence."""
    return {
        "metric": counts.metric, "right": counts.numerator.astype(int).tolist(),
        "of": counts.denominator.astype(int).tolist(),
    }  # fmt: skip


def counts_from_json(kept: Mapping[str, Any]) -> Counts:
    """What `counts_to_json` gave."""
    return Counts(kept["metric"], np.array(kept["right"], float), np.array(kept["of"], float))


def _read(cell: Named, folder: Path, form: str) -> dict[str, Any] | None:
    file = path(cell, folder)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise damaged(cell, folder, error) from error
    if not isinstance(kept, dict) or kept.pop("format", None) != form or "machine" not in kept:
        raise DataError(f"{file} is not of format {form}; remove it, and the cell is run again.")
    return kept
