"""One few-shot cell: a method as its bench has learnt it, a few labelled sentences, and the test file."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hyperx_cl.baselines.few import learn_few
from hyperx_cl.baselines.full import Full, load_full
from hyperx_cl.baselines.full_train import is_learnt, learn_full
from hyperx_cl.baselines.madx import MadX
from hyperx_cl.baselines.madx_storage import load as load_madx
from hyperx_cl.bench.base import expect_run, run_folder
from hyperx_cl.bench.drive import Ground, Work
from hyperx_cl.bench.fewshot_plan import FULL, FewBench, FewCell, pool
from hyperx_cl.bench.kept import counts_from_json, counts_to_json, damaged, read, write
from hyperx_cl.bench.machine import peak_memory, place
from hyperx_cl.bench.plan import METHODS
from hyperx_cl.bench.reading import begin_reading
from hyperx_cl.bench.records import attach, attach_adapter, expect_kept
from hyperx_cl.bench.score import Gold
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.root import DataRoot
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.fewshot import draw, fewshot
from hyperx_cl.train.progress import Reporter, reporting

FORMAT = "hyperx-cl/bench-few-shot-cell@1"


@dataclass(frozen=True)
class FewOutcome:
    """The result of one cell.

    Args:
        cell: Which.
        model: Fingerprint of the model that it began from.
        options: What it was learnt with.
        numbers: Numbers that moved.
        seconds: Wall-clock seconds of learning.
        peak_memory: Most memory the process held, bytes.
        counts: Of every sentence of the test file.
        sentences: SHA-256 of each drawn sentence.
        facts: Hash of the gold data, and what was chosen or how many steps were taken.
    """

    cell: FewCell
    model: str
    options: Mapping[str, Any]
    numbers: int
    seconds: float
    peak_memory: int
    counts: Counts
    sentences: Sequence[str]
    facts: Mapping[str, Any]


def few_work(few: FewBench) -> Work[FewCell]:
    """What the bench does with its cells."""
    return Work(_folder(few), partial(_ground, few), partial(run_few_cell, few))


def load_few(few: FewBench, cell: FewCell) -> FewOutcome | None:
    """Read a cell's file; None where the cell was not run.

    Raises:
        DataError: The file is damaged or of another format.
    """
    kept = read(cell, _folder(few), FORMAT)
    if kept is None:
        return None
    try:
        return FewOutcome(**kept | {"cell": FewCell(**kept["cell"]), "counts": counts_from_json(kept["counts"])})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(cell, _folder(few), error) from error


def expect_ready(few: FewBench, cells: Sequence[FewCell]) -> None:
    """Refuse before anything is run what the add-language bench has not prepared.

    Raises:
        NotFoundError: A base run has not ended, or a language was not learnt or not kept.
        DataError: A cell's file is damaged.
    """
    for cell in cells:
        if cell.added is not None:
            expect_kept(few.bench, cell.added)
            expect_run(few.bench, cell.added)


def run_few_cell(few: FewBench, cell: FewCell, quiet: bool) -> None:
    """Run a cell and write its file.

    Raises:
        HyperXError: It failed.
    """
    root, model = DataRoot(few.bench.data), _model(few, cell)
    place(model, few.options.precision)
    mark = fingerprint(model.saved_tensors()) if isinstance(model, MadX | Full) else model.fingerprint()
    gold = Gold(root, cell.language, model, tasks={cell.task: ("test",)})
    drawn = draw(pool(root, cell.task, cell.language), cell.n, cell.draw) if cell.n else []
    steps = few.options.folds if isinstance(model, HyperX) else few.epochs
    begin = time.perf_counter()
    with reporting(cell.name, steps, quiet=quiet) as reporter:
        options, numbers, facts = _learn(few, cell, model, drawn, reporter) if drawn else ({}, 0, {})
    seconds = round(time.perf_counter() - begin, 1) if drawn else 0.0
    outcome = FewOutcome(
        cell, mark, options, numbers, seconds, peak_memory(), gold.counts(model)[cell.task],
        [sentence.digest for sentence in drawn], facts | {"gold": gold.hashes[cell.task]},
    )  # fmt: skip
    write(cell, _folder(few), FORMAT, asdict(outcome) | {"counts": counts_to_json(outcome.counts)})


Told = tuple[dict[str, Any], int, dict[str, Any]]
"""Options, numbers that moved, facts."""


def _model(few: FewBench, cell: FewCell) -> HyperX | MadX | Full:
    model = _loaded(few, cell)
    begin_reading(model, [cell.language], cell.method)
    if cell.added is not None and isinstance(model, MadX):
        attach_adapter(few.bench, cell.added, model)
    elif cell.added is not None and isinstance(model, HyperX):
        attach(few.bench, cell.added, model)  # a record brings its own reading
    return model


def _loaded(few: FewBench, cell: FewCell) -> HyperX | MadX | Full:
    backbone = load_backbone(few.bench.backbone)
    if cell.added is None:
        return load_full(_full_folder(few, cell.seed), backbone)
    method = METHODS[cell.method]
    folder = run_folder(few.bench, cell.seed, method.over)
    return load_madx(folder, backbone) if method.kind == "madx" else HyperX.from_pretrained(folder, backbone=backbone)


def _learn(
    few: FewBench, cell: FewCell, model: HyperX | MadX | Full, drawn: list[Sentence], reporter: Reporter
) -> Told:
    pair = Pair(cell.task, cell.language)
    if isinstance(model, HyperX):
        options = replace(few.options, n=cell.n, seed=cell.draw)
        learnt = fewshot(model, cell.language, cell.task, drawn, options, reporter=reporter)
        moved = learnt.record.tensors if learnt.record else {}
        numbers = sum(array.size for name, array in moved.items() if name.startswith(f"pair.{cell.task}."))
        return asdict(options), numbers, {"chosen": learnt.chosen, "folds": learnt.folds, "proof": learnt.proof.holds}
    rate = few.full_rate if isinstance(model, Full) else few.madx_rate
    told = {"epochs": few.epochs, "rate": rate, "max_tokens": few.max_tokens, "seed": cell.draw}
    gone = learn_few(
        model, pair, drawn, epochs=few.epochs, rate=rate, max_tokens=few.max_tokens,
        max_length=few.options.max_length, seed=cell.draw, reporter=reporter,
    )  # fmt: skip
    return told, gone.numbers, {"steps": gone.steps, "tokens": gone.tokens}


def _ground(few: FewBench, cell: FewCell) -> Ground | None:
    """Full fine-tuning on the sources; what other methods stand on is the add-language bench's."""
    folder = _full_folder(few, cell.seed)
    if cell.method != FULL or is_learnt(folder):
        return None
    title = f"full fine-tuning on the sources, seed {cell.seed}"
    return Ground(title, few.source_steps, partial(_train_full, few, cell.seed))


def _train_full(few: FewBench, seed: int, reporter: Reporter) -> None:
    learn_full(
        load_backbone(few.bench.backbone), DataRoot(few.bench.data), _full_folder(few, seed),
        sources=few.bench.fold.sources, steps=few.source_steps, rate=few.source_rate,
        warmup=few.source_steps // 10, max_length=few.options.max_length, seed=seed,
        precision=few.options.precision, reporter=reporter,
    )  # fmt: skip


def _full_folder(few: FewBench, seed: int) -> Path:
    return few.bench.folder / f"full-{seed}"


def _folder(few: FewBench) -> Path:
    return few.bench.kept / "few-shot"
