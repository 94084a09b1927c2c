"""What cells have learnt, kept beside their files, so that another bench can go on from it."""

from pathlib import Path

from hyperx_cl.artefact import LanguageRecord, load_record, save_record
from hyperx_cl.baselines.madx import MadX
from hyperx_cl.baselines.madx_storage import LANGUAGES, load_language, save_language
from hyperx_cl.bench.kept import path
from hyperx_cl.bench.outcome import Outcome, load
from hyperx_cl.bench.plan import METHODS, Bench, Cell
from hyperx_cl.errors import ConflictError, NotFoundError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.starts import controls, place


def keep_record(bench: Bench, record: LanguageRecord) -> None:
    """Keep the language that a cell has learnt."""
    save_record(record, _folder(bench))


def keep_adapter(bench: Bench, cell: Cell, model: MadX) -> None:
    """Keep the MAD-X adapter that a cell has learnt."""
    save_language(model, cell.language, _folder(bench) / cell.name)


def expect_kept(bench: Bench, cell: Cell) -> Outcome:
    """The result of a cell whose language can be used.

    Raises:
        NotFoundError: The cell was not run, or by a version that kept no records.
        DataError: Its file is damaged.
    """
    outcome = load(cell, bench.cells)
    again = (
        f"`hyperx-cl bench add-language --fold {bench.folder.name} --lang {cell.language} --method {cell.method} "
        f"--seeds {cell.seed}` with the same --backbone, --data-dir and --work-dir"
    )
    if outcome is None:
        raise NotFoundError(f"There is no cell '{cell.name}' in {bench.folder / 'cells'} to go on from; run {again}.")
    file = _file(bench, outcome)
    if file and not file.is_file():
        raise NotFoundError(
            f"The cell '{cell.name}' has left no record in {_folder(bench)}, as none did before records were kept; "
            f"remove {path(cell, bench.folder / 'cells')} and run {again}."
        )
    return outcome


def attach(bench: Bench, cell: Cell, model: HyperX) -> None:
    """Give a model the language as a cell has learnt it, or as its control has it.

    Raises:
        ConflictError: The cell was run on another model.
        NotFoundError: See `expect_kept`.
    """
    outcome = expect_kept(bench, cell)
    if outcome.model != model.fingerprint():
        raise ConflictError(
            f"The cell '{cell.name}' was run on a model with fingerprint {outcome.model[:12]}, but that of seed "
            f"{cell.seed} has {model.fingerprint()[:12]}; remove {path(cell, bench.folder / 'cells')} and run it again."
        )
    file = _file(bench, outcome)
    if file:
        record = load_record(file)
        model.attach(record)
        model.added[cell.language] = model.language(record.language)  # another's, where its text has taught
        return
    if METHODS[cell.method].kind == "own":
        return  # the model itself has it
    slots = controls(model, cell.language, outcome.facts["nearest"], seed=cell.seed)
    place(model, cell.language, slots[METHODS[cell.method].control])


def attach_adapter(bench: Bench, cell: Cell, model: MadX) -> None:
    """Give a MAD-X model the adapter that a cell has learnt.

    Raises:
        NotFoundError: See `expect_kept`.
    """
    expect_kept(bench, cell)
    load_language(model, cell.language, _folder(bench) / cell.name)


def _folder(bench: Bench) -> Path:
    return bench.folder / "records"


def _file(bench: Bench, outcome: Outcome) -> Path | None:
    """Where what a cell has learnt lies; None where there is nothing to learn."""
    cell = outcome.cell
    kind = METHODS[cell.method].kind
    if kind == "madx":
        return _folder(bench) / cell.name / LANGUAGES / f"{cell.language}.safetensors"
    return _folder(bench) / f"{outcome.facts['record']}.safetensors" if kind in ("learnt", "other") else None
