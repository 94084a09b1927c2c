"""The stream bench: every language scored anew after each addition, and what follows from it, against hand counts."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import load_record
from hyperx_cl.bench.base import run_folder
from hyperx_cl.bench.cell import run_cell
from hyperx_cl.bench.fewshot_plan import FewBench
from hyperx_cl.bench.outcome import load
from hyperx_cl.bench.plan import Bench, Cell
from hyperx_cl.bench.report import stream_bench
from hyperx_cl.bench.stream import StepOutcome, expect_one_stream, load_step, run_step, stream_work
from hyperx_cl.bench.stream_league import stream_league, stream_markdown, task_stream
from hyperx_cl.bench.stream_plan import StepCell, stream_cells
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.metrics import NER_F1, POS_ACCURACY, Counts
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.starts import mean, place
from tests.train.small_text import lines

ORDER = ("br", "hsb")


@pytest.fixture(scope="module")
def bench(few: FewBench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A copy of the bench with a second new language, br, learnt too; br has NER gold, hsb none."""
    folder = tmp_path_factory.mktemp("stream")
    shutil.copytree(few.bench.data, folder / "data")
    shutil.copytree(few.bench.folder, folder / "small")
    (folder / "data" / "mlm" / "br.txt").write_text("".join(f"{line}\n" for line in lines(60, seed=3)))
    for kind, source, file in (("ud", "en", "conllu"), ("ner", "en", "conll")):
        (folder / "data" / kind / "br").mkdir()
        shutil.copy(folder / "data" / kind / source / f"train.{file}", folder / "data" / kind / "br" / f"test.{file}")
    made = replace(
        few.bench, data=folder / "data", folder=folder / "small", fold=replace(few.bench.fold, final=("br",))
    )
    run_cell(made, Cell(1, "br", "default"), True)
    return made


@pytest.fixture(scope="module")
def steps(bench: Bench) -> list[StepOutcome]:
    """All steps of one stream."""
    cells = stream_cells(bench, seeds=[1], order=ORDER)
    for cell in cells:
        run_step(bench, cell, True)
    return [found for cell in cells if (found := load_step(bench, cell))]


@pytest.fixture
def copied(bench: Bench, steps: list[StepOutcome], tmp_path: Path) -> Bench:
    """The same bench in a folder of its own, steps and all."""
    shutil.copytree(bench.folder, tmp_path / "small")
    return replace(bench, folder=tmp_path / "small")


def by_hand(bench: Bench, *added: str) -> dict[str, float]:
    """POS of both languages with the records of some attached, and with the mean vector for the rest."""
    model = HyperX.from_pretrained(run_folder(bench, 1), backbone=load_backbone(bench.backbone))
    for code in ORDER:
        outcome = load(Cell(1, code, "default"), bench.folder / "cells")
        assert outcome is not None
        if code in added:
            model.attach(load_record(bench.folder / "records" / f"{outcome.facts['record']}.safetensors"))
        else:
            place(model, code, mean(model, ["en", "mt"]).slot)
    scores = evaluate_pairs(model, DataRoot(bench.data), [Pair("pos", code) for code in ORDER])
    return {score.language: score.value for score in scores}


def test_the_matrix_is_what_records_attached_by_hand_score(bench: Bench, steps: list[StepOutcome]) -> None:
    rows = [by_hand(bench), by_hand(bench, "br"), by_hand(bench, "br", "hsb")]
    alone = by_hand(bench, "hsb")
    assert alone["hsb"] == rows[2]["hsb"] and rows[0]["hsb"] == rows[1]["hsb"]
    stream = task_stream(steps, "pos")
    assert stream.matrix.tolist() == [[row[code] for code in ORDER] for row in rows]
    assert (stream.languages, stream.metric) == (ORDER, POS_ACCURACY)
    assert stream.bwt == stream.forgetting_diagonal == stream.forgetting_max == 0
    assert stream.acc == pytest.approx((rows[2]["br"] + rows[2]["hsb"]) / 2)
    assert stream.untrained is not None
    assert stream.fwt == pytest.approx(rows[1]["hsb"] - stream.untrained[1])


def test_each_step_agrees_with_the_cells_that_learnt_alone(bench: Bench, steps: list[StepOutcome]) -> None:
    for code, method, taken in (("hsb", "mean", steps[0]), ("br", "default", steps[1]), ("hsb", "default", steps[2])):
        cell = load(Cell(1, code, method), bench.folder / "cells")
        assert cell is not None and cell.model == taken.model
        assert cell.counts["pos"].numerator.tolist() == taken.counts[code]["pos"].numerator.tolist()
    default = load(Cell(1, "br", "default"), bench.folder / "cells")
    assert default is not None
    assert [found.languages["br"] == default.facts["record"] for found in steps] == [False, True, True]


def test_every_addition_leaves_the_bits_of_everything_else(steps: list[StepOutcome]) -> None:
    assert [found.proof and found.proof["holds"] for found in steps] == [None, True, True]
    assert [found.proof["languages"] for found in steps if found.proof] == [3, 3]  # en, mt, and the other new one
    assert steps[0].untrained.keys() == {*ORDER} and not steps[1].untrained
    assert len({found.model for found in steps}) == 1


def test_a_language_without_gold_of_a_task_is_left_out_of_its_stream(steps: list[StepOutcome]) -> None:
    stream = task_stream(steps, "ner")
    assert (stream.languages, stream.metric, stream.matrix.shape) == (("br",), NER_F1, (2, 1))
    assert stream.matrix[:, 0].tolist() == [found.counts["br"]["ner"].value for found in steps[:2]]
    table = stream_league(steps)
    assert table["without"] == ["ner in hsb: there are no gold sentences."]
    assert [(found["task"], found["summary"]["bwt"]) for found in table["streams"]] == [("pos", 0), ("ner", None)]
    pos, ner = (found["changed"] for found in table["streams"])
    assert pos == {"sentences": 0, "of": len(steps[0].counts["br"]["pos"]) + len(steps[0].counts["hsb"]["pos"])}
    assert ner == {"sentences": 0, "of": len(steps[0].counts["br"]["ner"])}


def test_the_files_hold_table_and_proof_and_the_stream_goes_on(copied: Bench, tmp_path: Path) -> None:
    cells = stream_cells(copied, seeds=[1], order=ORDER)
    (copied.folder / "stream" / f"{cells[1].name}.json").unlink()
    part = stream_bench(copied, cells, results=tmp_path / "stream", minutes=1e-9, quiet=True)
    assert part.missing == [cells[1].name] and part.table["streams"] == []
    assert part.markdown == "No seed has all of its steps yet.\n"
    said = list[str]()
    whole = stream_bench(copied, cells, results=tmp_path / "stream", quiet=True, say=said.append)
    assert said == ["default, seed 1, after br was added (1 of 2)"] and whole.missing == []
    table = json.loads((tmp_path / "stream.json").read_text())
    assert (table["bench"], table["method"], table["order"]) == ("stream", "default", [*ORDER])
    assert [step["proof"] and step["proof"]["holds"] for step in table["steps"]] == [None, True, True]
    assert [step["added"] for step in table["steps"]] == [None, "br", "hsb"]
    assert set(table["about"]["gold"]) == {"pos:br", "pos:hsb", "ner:br"}
    text = (tmp_path / "stream.md").read_text()
    assert text == whole.markdown and "| pos | 1 | " in text and "| 0 exactly |" in text
    assert "| 1 | 2 | hsb | yes | 3 | " in text and "- ner in hsb: there are no gold sentences." in text


def test_what_was_not_learnt_is_named_before_anything_is_run(copied: Bench) -> None:
    shutil.rmtree(copied.folder / "stream")
    (copied.folder / "cells" / "1-hsb-default.json").unlink()
    cells = stream_cells(copied, seeds=[1], order=ORDER)
    again = "There is no cell '1-hsb-default' .* run `hyperx-cl bench add-language --fold small --lang hsb --method"
    with pytest.raises(NotFoundError, match=again):
        stream_bench(copied, cells, quiet=True)
    assert not (copied.folder / "stream").exists()
    shutil.rmtree(copied.folder / "base-1")
    with pytest.raises(NotFoundError, match="no whole base run in .*base-1, which '1-hsb-mean' was run over"):
        stream_bench(copied, [StepCell(1, ("hsb",), "mean", 1)], quiet=True)


def test_a_language_that_was_learnt_anew_between_two_steps_is_refused(bench: Bench, steps: list[StepOutcome]) -> None:
    expect_one_stream(bench, steps)
    expect_one_stream(bench, [])
    anew = replace(steps[2], languages={**steps[2].languages, "br": "0" * 64})
    with pytest.raises(ConflictError, match=r"two versions of 'br'.*; remove .*1-default-br\+hsb-\*\.json and run"):
        expect_one_stream(bench, [*steps[:2], anew])
    with pytest.raises(ConflictError, match="or the model"):
        expect_one_stream(bench, [*steps[:2], replace(steps[2], model="0" * 64)])


@pytest.mark.parametrize("text", ["{", '{"format": "hyperx-cl/bench-stream-step@1"}'])
def test_a_damaged_file_is_refused(text: str, bench: Bench, tmp_path: Path) -> None:
    elsewhere, cell = replace(bench, folder=tmp_path), StepCell(1, ORDER, "default", 0)
    assert load_step(elsewhere, cell) is None and stream_work(elsewhere).missing([cell]) == [cell]
    (tmp_path / "stream").mkdir()
    (tmp_path / "stream" / f"{cell.name}.json").write_text(text)
    with pytest.raises(DataError, match="remove it, and the cell is run again"):
        load_step(elsewhere, cell)


def test_cells_are_the_steps_of_each_seed_in_order(bench: Bench) -> None:
    cells = stream_cells(bench, seeds=[1, 2, 1], order=["hsb", "br", "hsb"], method="mean")
    assert [cell.name for cell in cells] == [f"{seed}-mean-hsb+br-{step}" for seed in (1, 2) for step in range(3)]
    assert [cell.language for cell in cells[:3]] == [None, "hsb", "br"]
    assert cells[4].added == [Cell(2, "hsb", "mean")]
    assert cells[3].title == "mean, seed 2, before any addition (0 of 2)"


@pytest.mark.parametrize(
    ("order", "method", "said"),
    [
        (("hsb", "en"), "default", "'en' is no new language of the bench"),
        (("hsb", "br"), "meen", "unknown method 'meen'"),
        (("hsb", "br"), "madx", "'madx' gives no language of its own to the joint model: choose from random, zero"),
        (("hsb", "br"), "other-text", "'other-text' gives no language of its own"),
        (("hsb",), "default", "a stream of 1 languages forgets nothing: name at least two with --lang"),
    ],
)
def test_what_is_no_stream_is_refused(bench: Bench, order: Sequence[str], method: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stream_cells(bench, seeds=[1], order=order, method=method)


def step(seed: int, number: int, right: dict[str, int], *, holds: bool = True) -> StepOutcome:
    """A step of br, hsb and ta in which that many of a language's ten words, one a sentence, are right."""
    counts = {
        code: {"pos": Counts(POS_ACCURACY, (np.arange(10) < n).astype(np.float64), np.ones(10))}
        for code, n in right.items()
    }
    proof = {"before": "a", "after": "a" * 64, "probe": holds, "languages": 4, "holds": holds} if number else None
    untrained = {} if number else {code: {"pos": Counts(POS_ACCURACY, np.zeros(10), np.ones(10))} for code in right}
    cell = StepCell(seed, ("br", "hsb", "ta"), "default", number)
    return StepOutcome(cell, "m" * 64, dict.fromkeys(right, "h"), {}, proof, "cpu", 1.0, 1, counts, untrained)


def test_forgetting_is_told_where_there_is_some() -> None:
    scores = [(1, 2, 3), (8, 2, 3), (9, 7, 3), (6, 7, 5)]
    taken = [
        step(seed, number, dict(zip(("br", "hsb", "ta"), row, strict=True)), holds=number != 3)
        for seed in (1, 2)
        for number, row in enumerate(scores)
    ]
    table = stream_league([*taken, step(3, 0, {"br": 1, "hsb": 1, "ta": 1})])  # seed 3 has not all of its steps
    first, second = table["streams"]
    assert (first["seed"], second["seed"]) == (1, 2) and len(table["steps"]) == 8
    assert first["matrix"] == [[n / 10 for n in row] for row in scores]
    assert first["summary"] == {
        "acc": pytest.approx(0.6), "bwt": pytest.approx(-0.1), "fwt": pytest.approx(0.25),
        "forgetting_diagonal": pytest.approx(0.1), "forgetting_max": pytest.approx(0.15),
    }  # fmt: skip
    assert first["changed"] == {
        "sentences": 1 + 2,
        "of": 20 + 20 + 20,
    }  # br gains one, then has two fewer than at first
    text = stream_markdown(table)
    assert "| pos | 1 | 60.0 | -10.00 | +25.00 | +10.00 | +15.00 | 3 of 60 |" in text
    assert "| pos | mean | 60.0 | -10.00 | +25.00 | +10.00 | +15.00 |  |" in text
    assert "| 1 | 3 | ta | **no** | 4 | aaaaaaaaaaaa |" in text and "Not in the stream" not in text
