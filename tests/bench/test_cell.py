"""Cells of the add-language bench: what they leave behind, and that what they have learnt is kept beside it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hyperx_cl.artefact import load_record
from hyperx_cl.bench.base import run_folder, run_ground
from hyperx_cl.bench.cell import mlm_run, run_cell
from hyperx_cl.bench.fewshot_plan import FewBench
from hyperx_cl.bench.outcome import Outcome, load
from hyperx_cl.bench.plan import Cell
from hyperx_cl.bench.reading import begin_reading
from hyperx_cl.bench.records import attach
from hyperx_cl.data.transliteration import known_transliteration
from hyperx_cl.errors import NotFoundError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.labelled_draw import LabelledDraw
from hyperx_cl.train.loop import Loop
from hyperx_cl.train.progress import Silent
from tests.train.small_root import MODEL
from tests.train.small_text import lines


def found(few: FewBench, method: str) -> Outcome:
    """What a method's cell has left."""
    outcome = load(Cell(1, "hsb", method), few.bench.folder / "cells")
    assert outcome is not None
    return outcome


def test_what_is_learnt_is_kept_beside_the_cells(few: FewBench) -> None:
    records = few.bench.folder / "records"
    default = found(few, "default")
    record = load_record(records / f"{default.facts['record']}.safetensors")
    assert (record.language, record.model, record.numbers) == ("hsb", default.model, default.numbers)
    assert (records / "1-hsb-madx" / "languages" / "hsb.safetensors").is_file()
    assert not list((few.bench.folder / "checkpoints").iterdir())


def test_cells_that_differ_after_the_last_step_share_what_was_learnt(
    few: FewBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {mlm_run(few.bench, Cell(1, "hsb", name)) for name in ("default", "no-self", "all-kept")}
    apart = {mlm_run(few.bench, Cell(1, "hsb", name)) for name in ("default", "no-shift", "untrained", "vector")}
    apart |= {mlm_run(few.bench, Cell(1, "hsb", "default-as-written")), mlm_run(few.bench, Cell(2, "hsb", "default"))}
    assert len(shared) == 1 and len(apart) == 6
    bench = replace(few.bench, folder=tmp_path / "work")
    shutil.copytree(few.bench.folder / "base-1", bench.folder / "base-1")
    run_cell(bench, Cell(1, "hsb", "all-kept"), True)  # all of it anew
    monkeypatch.setattr(Loop, "_step", _no_step_of_mlm)
    shutil.copytree(few.bench.folder / "mlm", tmp_path / "again" / "mlm")
    shutil.copytree(few.bench.folder / "base-1", tmp_path / "again" / "base-1")
    bench = replace(few.bench, folder=tmp_path / "again")
    run_cell(bench, Cell(1, "hsb", "all-kept"), True)
    anew, after = (load(Cell(1, "hsb", "all-kept"), tmp_path / name / "cells") for name in ("work", "again"))
    default = found(few, "default")
    assert anew is not None and after is not None
    assert after.facts["record"] == anew.facts["record"] != default.facts["record"]
    assert after.curve == default.curve and after.tokens == anew.tokens and after.seconds > 0
    assert after.losses == anew.losses


def _no_step_of_mlm(loop: Loop) -> tuple[float, str]:
    """What a step does, which must be one of self-training."""
    assert isinstance(loop.draw, LabelledDraw)
    return _STEP(loop)


_STEP = Loop._step


def test_methods_cost_what_they_learn(few: FewBench) -> None:
    mean, default, madx = (found(few, method) for method in ("mean", "default", "madx"))
    assert mean.numbers == mean.tokens == 0 and mean.curve == []
    assert madx.numbers > default.numbers > 0 and madx.tokens > 0 < default.tokens
    assert len(madx.curve) == 3 and len(default.curve) == 2  # MAD-X looks before its first step too
    assert [pos is not None for *_, pos in default.curve] == [True, False]  # hsb is watched, at every third look
    assert {len(o.counts["pos"]) for o in (mean, default, madx)} == {8}
    assert default.facts["proof"] and default.losses["mean"] == pytest.approx(mean.losses["learnt"], abs=1e-3)


def test_a_language_without_text_is_refused(few: FewBench, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no text of 'yo', so the bench cannot add it"):
        run_cell(few.bench, Cell(1, "yo", "mean"), True)


def test_what_another_languages_text_has_taught_is_scored_on_this_one(few: FewBench, tmp_path: Path) -> None:
    shutil.copytree(few.bench.data, tmp_path / "data")
    shutil.copytree(few.bench.folder, tmp_path / "work")
    (tmp_path / "data" / "mlm" / "br.txt").write_text("".join(f"{line}\n" for line in lines(60, seed=3)))
    bench = replace(
        few.bench, data=tmp_path / "data", folder=tmp_path / "work", fold=replace(few.bench.fold, final=("br",))
    )
    cell = Cell(1, "hsb", "other-text")
    run_cell(bench, cell, True)
    other, default = load(cell, bench.folder / "cells"), found(few, "default")
    assert other is not None and other.facts["taught"] == "br" and other.losses.keys() == {"learnt"}
    record = load_record(bench.folder / "records" / f"{other.facts['record']}.safetensors")
    assert record.language == "br" and record.hash != default.facts["record"]
    assert other.facts["text"] == default.facts["text"] and other.losses["learnt"] != default.losses["learnt"]
    assert len(other.counts["pos"]) == 8
    model = HyperX.from_pretrained(run_folder(bench, 1), backbone=load_backbone(bench.backbone))
    attach(bench, cell, model)
    assert model.record("hsb", {}).tensors["part.up"].tolist() == record.tensors["part.up"].tolist()


def test_rows_over_other_runs_and_of_other_weights(few: FewBench) -> None:
    methods, found_by = ("joint", "untrained", "direct", "from-random"), {}
    for method in methods:
        cell = Cell(1, "hsb", method)
        ground = run_ground(few.bench, cell)
        if ground:
            ground.make(Silent())
        run_cell(few.bench, cell, True)
        found_by[method] = found(few, method)
    joint, untrained, direct, random = found_by.values()
    default = found(few, "default")
    assert len({joint.model, untrained.model, default.model}) == 3 and direct.model == random.model == default.model
    assert joint.numbers == MODEL.embedding and joint.tokens == 0 and joint.curve == []
    assert untrained.numbers == default.numbers and untrained.losses["learnt"] != default.losses["learnt"]
    assert direct.numbers == 3 * (2 * 32 * MODEL.bottleneck + 32 + MODEL.bottleneck) and direct.tokens > 0
    assert random.facts["start"] == "random" and random.numbers == default.numbers
    model = HyperX.from_pretrained(run_folder(few.bench, 1, "joint"), backbone=load_backbone(few.bench.backbone))
    assert "hsb" in model.base
    attach(few.bench, Cell(1, "hsb", "joint"), model)
    assert "hsb" not in model.added


def test_madx_knows_what_its_sources_have_cost(few: FewBench) -> None:
    folder = run_folder(few.bench, 1, "madx")
    files = [*(folder / "languages").glob("*.json"), folder / "tasks.json"]
    told = [json.loads(file.read_text())["learnt"]["tokens"] for file in files]
    assert len(told) == 3 and found(few, "madx").facts["sources"]["tokens"] == sum(told) > 0


def test_letters_are_transliterated_whatever_the_method(few: FewBench, tmp_path: Path) -> None:
    uyghur = known_transliteration("ug")
    letters = str.maketrans(
        {latin: letter for letter, latin in uyghur if len(letter) == len(latin) == 1 and latin.isalpha()}
    )
    data = shutil.copytree(few.bench.data, tmp_path / "data")
    written = [line + " " + line.translate(letters) for line in lines(60, seed=4)]
    (data / "mlm" / "ug.txt").write_text("".join(f"{line}\n" for line in written))
    (data / "ud" / "ug").mkdir()
    gold = (data / "ud" / "hsb" / "test.conllu").read_text()
    (data / "ud" / "ug" / "test.conllu").write_text(gold)
    bench = replace(
        few.bench, data=data, folder=shutil.copytree(few.bench.folder, tmp_path / "work"),
        fold=replace(few.bench.fold, final=("ug",)),
    )  # fmt: skip
    names = ("mean", "mean-as-written", "default", "default-as-written", "madx", "direct")
    losses = {}
    for name in names:
        run_cell(bench, Cell(1, "ug", name), True)
        outcome = load(Cell(1, "ug", name), bench.folder / "cells")
        assert outcome is not None
        losses[name] = outcome.losses["learnt"]
        if name.startswith("default"):
            record = load_record(bench.folder / "records" / f"{outcome.facts['record']}.safetensors")
            assert record.transliteration == (() if name.endswith("written") else uyghur)
    assert len(set(losses.values())) == len(names)
    model = HyperX.from_pretrained(run_folder(bench, 1, "base"), backbone=load_backbone(bench.backbone))
    attach(bench, Cell(1, "ug", "mean-as-written"), model)
    begin_reading(model, ["ug", "hsb"], "madx")
    assert (model.transliterations["ug"], model.transliterations["hsb"]) == (uyghur, ())
    begin_reading(model, ["ug"], "default-as-written")
    assert model.tokenizer_for("ug") is model.tokenizer
