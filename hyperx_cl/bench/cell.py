"""One cell: a method learns one new language over one base run, and what it learnt is scored."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hyperx_cl.baselines.course import Course
from hyperx_cl.baselines.course import Learnt as CourseLearnt
from hyperx_cl.baselines.direct import Direct, learn_direct
from hyperx_cl.baselines.madx_storage import load
from hyperx_cl.baselines.madx_train import learn_language
from hyperx_cl.bench.base import run_folder, source_cost
from hyperx_cl.bench.curve import Curve
from hyperx_cl.bench.machine import peak_memory, place
from hyperx_cl.bench.outcome import Outcome, save
from hyperx_cl.bench.plan import DEFAULT, METHODS, WATCHED, WATCHED_LOOKS, Bench, Cell
from hyperx_cl.bench.reading import begin_reading
from hyperx_cl.bench.records import keep_adapter, keep_record
from hyperx_cl.bench.score import Gold
from hyperx_cl.config import AddOptions
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.text import Text, read_text
from hyperx_cl.errors import NotFoundError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_score
from hyperx_cl.model.language import Language
from hyperx_cl.train.add_language import add_language, of_mlm
from hyperx_cl.train.checkpoint import remove_checkpoint
from hyperx_cl.train.material import Material
from hyperx_cl.train.progress import Reporter, reporting
from hyperx_cl.train.starts import controls, loss_with, mean, nearest


def run_cell(bench: Bench, cell: Cell, quiet: bool) -> None:
    """Run a cell, keep what it has learnt and write its file.

    Raises:
        HyperXError: It failed.
    """
    options = _options(bench, cell)
    with reporting(cell.name, options.steps, quiet=quiet) as reporter:
        save(_run(bench, cell, options, reporter), bench.cells)
    remove_checkpoint(_checkpoint(bench, cell))


def goes_through(bench: Bench, cell: Cell) -> str:
    """Name the folder that a cell learns in: two cells of one such name cannot run side by side."""
    return mlm_run(bench, cell) if METHODS[cell.method].kind in ("learnt", "other") else cell.name


def mlm_run(bench: Bench, cell: Cell) -> str:
    """Name the learning from text that a cell goes on from.

    Cells that differ only in what comes after its last step share it: the first one makes it, the others begin at its
    end. So do a language's own cell and the one that is taught by its text.
    """
    method, taught = METHODS[cell.method], _taught(bench, cell)
    what = {"over": method.over, "as_written": method.as_written, "options": of_mlm(_options(bench, cell))}
    return f"{cell.seed}-{taught}-{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]}"


def _run(bench: Bench, cell: Cell, options: AddOptions, reporter: Reporter) -> Outcome:
    root, text = DataRoot(bench.data), _text(bench, cell.language)
    method = METHODS[cell.method]
    if method.kind == "madx":
        return _madx(bench, cell, options, text, reporter)
    folder = run_folder(bench, cell.seed, method.over)
    model = HyperX.from_pretrained(folder, backbone=load_backbone(bench.backbone))
    place(model, options.precision)
    begin_reading(model, bench.fold.new, cell.method)
    gold = Gold(root, cell.language, model)
    if method.kind in ("control", "own"):
        return _control(model, cell, options, text, gold)
    if method.kind == "direct":
        return _direct(bench, model, cell, options, text, gold, reporter)
    return _learnt(bench, model, cell, options, text, gold, reporter)


def _text(bench: Bench, code: str) -> Text:
    root = DataRoot(bench.data)
    file = root.text(code)
    if file is None:
        raise NotFoundError(
            f"{root.path} has no text of '{code}', so the bench cannot add it: put it in mlm/{code}.txt"
        )
    return read_text(file)


def _madx(bench: Bench, cell: Cell, options: AddOptions, text: Text, reporter: Reporter) -> Outcome:
    folder = run_folder(bench, cell.seed, "madx")
    model = load(folder, load_backbone(bench.backbone))
    like: Any = model  # it runs as a HyperX does, and has the same languages and tasks
    place(like, options.precision)
    begin_reading(model, [cell.language], cell.method)
    material, gold = Material(like, cell.language, text, options), Gold(DataRoot(bench.data), cell.language, like)
    learnt = learn_language(
        model, cell.language, material.train, material.stop, steps=options.steps, rate=bench.madx_rate,
        warmup=options.warmup, max_tokens=options.tokens, mask_rate=options.mask_rate, seed=cell.seed,
        check_every=options.check_every, patience=options.patience, checkpoint=_checkpoint(bench, cell), resume=True,
        reporter=reporter,
    )  # fmt: skip
    keep_adapter(bench, cell, model)
    return Outcome(
        cell=cell, model=fingerprint(model.saved_tensors()), options=asdict(options) | {"rate": bench.madx_rate},
        numbers=model.language_numbers, peak_memory=peak_memory(),
        losses={"learnt": masked_score(like, material.report).loss}, counts=gold.counts(like), **_course(learnt),
        facts={"steps": learnt.steps, "chosen": learnt.chosen, "text": text.sha256, "gold": gold.hashes,
               "sources": source_cost(folder)},
    )  # fmt: skip


def _control(model: HyperX, cell: Cell, options: AddOptions, text: Text, gold: Gold) -> Outcome:
    material = Material(model, cell.language, text, options)
    others = [code for code in model.languages() if code != cell.language]
    close = nearest(model, cell.language, others, material.screen).name.removeprefix("nearest: ")
    slots = controls(model, cell.language, close, seed=cell.seed)
    own = METHODS[cell.method].kind == "own"
    slot = model.language(cell.language).own if own else slots[METHODS[cell.method].control]
    loss = loss_with(model, cell.language, slot, material.report)
    return Outcome(
        cell=cell, model=model.fingerprint(), options={}, numbers=len(slot.embedding) if own else 0, tokens=0,
        seconds=0.0, peak_memory=peak_memory(), losses={"learnt": loss}, curve=[], counts=gold.counts(model),
        facts={"nearest": close, "text": text.sha256, "gold": gold.hashes},
    )  # fmt: skip


def _direct(
    bench: Bench, model: HyperX, cell: Cell, options: AddOptions, text: Text, gold: Gold, reporter: Reporter
) -> Outcome:
    material, direct = Material(model, cell.language, text, options), Direct(model)
    model.added[cell.language] = Language(mean(model, [*model.base]).slot).to(model.device)
    course = Course(
        options.steps, options.rate, options.warmup, options.check_every, options.patience, _checkpoint(bench, cell),
        True, reporter,
    )  # fmt: skip
    learnt = learn_direct(
        model, direct, cell.language, material.train, material.stop, course, max_tokens=options.tokens,
        mask_rate=options.mask_rate, seed=cell.seed,
    )  # fmt: skip
    with direct.acting(model):
        return Outcome(
            cell=cell, model=model.fingerprint(), options=asdict(options), numbers=direct.numbers,
            peak_memory=peak_memory(), losses={"learnt": masked_score(model, material.report).loss},
            counts=gold.counts(model), **_course(learnt),
            facts={"steps": learnt.steps, "chosen": learnt.chosen, "text": text.sha256, "gold": gold.hashes},
        )  # fmt: skip


def _course(learnt: CourseLearnt) -> dict[str, Any]:
    # Looks are counted in steps; one reads about as many tokens as any other.
    curve = [(round(learnt.tokens * step / learnt.steps), loss, None) for step, loss in learnt.looks]
    return {"tokens": learnt.tokens, "seconds": learnt.seconds, "curve": curve}


def _learnt(
    bench: Bench, model: HyperX, cell: Cell, options: AddOptions, text: Text, gold: Gold, reporter: Reporter
) -> Outcome:
    run, taught = mlm_run(bench, cell), _taught(bench, cell)
    learning = bench.folder / "mlm" / run
    curve = Curve(learning.with_suffix(".curve.json"))
    watched = taught in WATCHED and run == mlm_run(bench, Cell(cell.seed, taught, DEFAULT))
    seen = gold if taught == cell.language else Gold(DataRoot(bench.data), taught, model)

    def look(tokens: int, loss: float) -> None:
        scored = watched and curve.before(tokens) % WATCHED_LOOKS == 0
        curve.add(tokens, loss, seen.counts(model, "pos")["pos"].value if scored else None)

    added = add_language(
        model, taught, text if taught == cell.language else _text(bench, taught), options,
        transliteration=model.transliterations[taught],
        checkpoint=learning, resume=True, reporter=reporter, observer=look,
    )  # fmt: skip
    losses, points = added.losses, curve.points
    if taught != cell.language:
        points = [(tokens, loss, None) for tokens, loss, _ in points]  # the tags watched were another language's
        model.added[cell.language] = model.language(taught)
        losses = {"learnt": masked_score(model, Material(model, cell.language, text, options).report).loss}
    keep_record(bench, added.record)
    return Outcome(
        cell=cell, model=added.record.model, options=asdict(options), numbers=added.record.numbers,
        tokens=added.tokens, seconds=added.seconds, peak_memory=max(peak_memory(), curve.peak_memory), losses=losses,
        curve=points, counts=gold.counts(model),
        facts={"start": added.start, "nearest": added.nearest, "steps": added.steps, "record": added.record.hash,
               "taught": taught, "text": text.sha256, "gold": gold.hashes, "proof": added.proof.holds},
    )  # fmt: skip


def _options(bench: Bench, cell: Cell) -> AddOptions:
    own: dict[str, Any] = dict(METHODS[cell.method].options)
    return replace(bench.add, seed=cell.seed, **own)


def _taught(bench: Bench, cell: Cell) -> str:
    """The language whose text is learnt from."""
    return bench.fold.after(cell.language) if METHODS[cell.method].kind == "other" else cell.language


def _checkpoint(bench: Bench, cell: Cell) -> Path:
    """Of what is learnt by the cell alone: MAD-X, and adapters that are learnt directly."""
    return bench.folder / "checkpoints" / cell.name
