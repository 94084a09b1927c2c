"""One step of a stream: the languages so far are attached in order, and all of the stream are scored anew."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hyperx_cl.bench.base import expect_run, run_folder
from hyperx_cl.bench.drive import Work
from hyperx_cl.bench.kept import counts_from_json, counts_to_json, damaged, read, write
from hyperx_cl.bench.machine import peak_memory, place
from hyperx_cl.bench.plan import METHODS, Bench
from hyperx_cl.bench.reading import begin_reading
from hyperx_cl.bench.records import attach, expect_kept
from hyperx_cl.bench.score import Gold
from hyperx_cl.bench.stream_plan import StepCell
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import ConflictError
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train import starts
from hyperx_cl.train.progress import Reporter, reporting
from hyperx_cl.train.proof import Witness

FORMAT = "hyperx-cl/bench-stream-step@1"

Scores = dict[str, dict[str, Counts]]
"""By language and task, the counts of every gold sentence."""


@dataclass(frozen=True)
class StepOutcome:
    """The result of one step.

    Args:
        cell: Which.
        model: Fingerprint of the base run's model.
        languages: By language of the stream, the hash of what it runs with at this step.
        gold: By language and task, the hash of the gold sentences.
        proof: What the addition was seen to leave as it was (fields of `Proof`, and whether it ``holds``); None at
            step 0.
        device: What it was scored on.
        seconds: Wall-clock seconds, loading not counted.
        peak_memory: Most memory the process held, bytes.
        counts: Of every language of the stream.
        untrained: The same with a random vector; at step 0 alone.
    """

    cell: StepCell
    model: str
    languages: Mapping[str, str]
    gold: Mapping[str, Mapping[str, str]]
    proof: Mapping[str, Any] | None
    device: str
    seconds: float
    peak_memory: int
    counts: Scores
    untrained: Scores


def stream_work(bench: Bench) -> Work[StepCell]:
    """What the bench does with its cells; what they stand on is the add-language bench's."""
    return Work(_folder(bench), lambda cell: None, partial(run_step, bench))


def load_step(bench: Bench, cell: StepCell) -> StepOutcome | None:
    """Read a step's file; None where it was not run.

    Raises:
        DataError: The file is damaged or of another format.
    """
    kept = read(cell, _folder(bench), FORMAT)
    if kept is None:
        return None
    try:
        of = kept["cell"] | {"order": tuple(kept["cell"]["order"])}
        scores = {name: _scores_from_json(kept[name]) for name in ("counts", "untrained")}
        return StepOutcome(**kept | {"cell": StepCell(**of)} | scores)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(cell, _folder(bench), error) from error


def expect_addable(bench: Bench, cells: Sequence[StepCell]) -> None:
    """Refuse before anything is run what the add-language bench has not prepared.

    Raises:
        NotFoundError: A base run has not ended, or a language was not learnt or not kept.
        DataError: A cell's file is damaged.
    """
    for cell in cells:
        last = StepCell(cell.seed, cell.order, cell.method, len(cell.order))
        for added in last.added:
            expect_kept(bench, added)
            expect_run(bench, added)


def expect_one_stream(bench: Bench, steps: Sequence[StepOutcome]) -> None:
    """Refuse steps of one seed that were not taken with the same model, gold sentences and records.

    Raises:
        ConflictError: Something was learnt or written anew between them.
    """
    if not steps:
        return
    for code in steps[0].cell.order:
        waiting, added = _ran_with(steps, code, added=False), _ran_with(steps, code, added=True)
        if max(len(waiting), len(added), len({(s.model, str(s.gold[code])) for s in steps})) > 1:
            files = _folder(bench) / f"{steps[0].cell.name.rpartition('-')[0]}-*.json"
            raise ConflictError(
                f"The steps of seed {steps[0].cell.seed} were taken with two versions of '{code}', its gold sentences "
                f"or the model; remove {files} and run the same command again."
            )


def run_step(bench: Bench, cell: StepCell, quiet: bool) -> None:
    """Run a step and write its file.

    Raises:
        HyperXError: It failed.
    """
    folder = run_folder(bench, cell.seed, METHODS[cell.method].over)
    model = HyperX.from_pretrained(folder, backbone=load_backbone(bench.backbone))
    place(model, bench.add.precision)
    begin_reading(model, cell.order, cell.method)
    gold = {code: Gold(DataRoot(bench.data), code, model) for code in cell.order}
    begin, untrained, proof = time.perf_counter(), Scores(), None
    with reporting(cell.name, len(cell.order), quiet=quiet) as reporter:
        if not cell.step:
            _stand_in(model, cell, "random")
            untrained = _score(model, gold, reporter, "random vector")
        _stand_in(model, cell, "mean")
        for added in cell.added:
            witness = Witness(model, added.language) if added.language == cell.language else None
            attach(bench, added, model)
            if witness:
                seen = witness.compare()
                proof = asdict(seen) | {"holds": seen.holds}
        counts = _score(model, gold, reporter, f"step {cell.step}")
    outcome = StepOutcome(
        cell, model.fingerprint(), {code: model.record(code, {}).hash for code in cell.order},
        {code: gold[code].hashes for code in cell.order}, proof, model.device.type,
        round(time.perf_counter() - begin, 1), peak_memory(), counts, untrained,
    )  # fmt: skip
    scores = {"counts": _scores_to_json(counts), "untrained": _scores_to_json(untrained)}
    write(cell, _folder(bench), FORMAT, asdict(outcome) | scores)


def _stand_in(model: HyperX, cell: StepCell, name: str) -> None:
    """Let every language of the stream run with a control's vector, drawn as the add-language bench draws it."""
    for code in cell.order:
        slots = starts.controls(model, code, next(iter(model.base)), seed=cell.seed)
        starts.place(model, code, slots[name])


def _score(model: HyperX, gold: Mapping[str, Gold], reporter: Reporter, what: str) -> Scores:
    scores = Scores()
    for done, (code, of) in enumerate(gold.items(), 1):
        scores[code] = of.counts(model)
        told = ", ".join(f"{task} {100 * counts.value:.1f}" for task, counts in scores[code].items())
        reporter.step(done, f"{what}: {code} {told or 'without gold'}")
    return scores


def _ran_with(steps: Sequence[StepOutcome], code: str, *, added: bool) -> set[str]:
    """Hashes of what a language ran with before its addition, or since."""
    return {s.languages[code] for s in steps if (code in s.cell.order[: s.cell.step]) == added}


def _scores_to_json(scores: Scores) -> dict[str, Any]:
    return {code: {task: counts_to_json(c) for task, c in of.items()} for code, of in scores.items()}


def _scores_from_json(kept: Mapping[str, Any]) -> Scores:
    return {code: {task: counts_from_json(c) for task, c in of.items()} for code, of in kept.items()}


def _folder(bench: Bench) -> Path:
    return bench.kept / "stream"
