"""Going on after an interruption, and what is refused before anything is learnt."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.data.text import Text, split_text
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.checkpoint import remove_checkpoint
from tests.model.building import build
from tests.train.small_text import Interrupting, add_options, as_text, lines, state


@pytest.mark.parametrize("look", [2, 3, 6])
def test_interrupted_and_resumed_is_as_never_interrupted(
    look: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options = add_options(check_every=2)
    whole = add_language(build(tiny_backbone, dropout=True), "qaa", text, options)
    model, folder = build(tiny_backbone, dropout=True), tmp_path / "checkpoint"
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, options, checkpoint=folder, reporter=Interrupting(look))
    assert state(model) == before
    model = build(tiny_backbone, dropout=True)
    torch.manual_seed(77)
    resumed = add_language(model, "qaa", text, options, checkpoint=folder, resume=True)
    assert resumed.record.hash == whole.record.hash
    assert (resumed.losses, resumed.steps, resumed.tokens) == (whole.losses, whole.steps, whole.tokens)
    assert (resumed.start, resumed.nearest) == (whole.start, whole.nearest)
    assert resumed.record.provenance["stop_losses"] == whole.record.provenance["stop_losses"]
    assert resumed.proof.holds


@pytest.mark.parametrize("step", [3, 8], ids=["in MLM", "in self-training"])
def test_interrupted_before_or_in_self_training_the_pairs_end_as_never_interrupted(
    step: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options = add_options(check_every=2, self_tasks="ner", self_steps=4, self_lines=20)
    whole = add_language(build(tiny_backbone), "qaa", text, options)
    model, folder = build(tiny_backbone), tmp_path / "checkpoint"
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, options, checkpoint=folder, reporter=Interrupting(step))
    assert state(model) == before
    resumed = add_language(build(tiny_backbone), "qaa", text, options, checkpoint=folder, resume=True)
    assert "pair.ner.part.up" in resumed.record.tensors and resumed.record.hash == whole.record.hash


@pytest.mark.parametrize(
    ("changes", "steps"), [({}, 12), ({"rate": 1e-30, "steps": 50, "patience": 2}, 8)], ids=["all steps", "stopped"]
)
def test_resuming_what_is_done_takes_no_further_step(
    changes: dict[str, Any], steps: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options = add_options(**changes)
    done = add_language(build(tiny_backbone), "qaa", text, options, checkpoint=tmp_path / "c")
    again = add_language(build(tiny_backbone), "qaa", text, options, checkpoint=tmp_path / "c", resume=True)
    assert (again.record.hash, again.steps, again.losses) == (done.record.hash, steps, done.losses)


def test_what_comes_after_the_last_step_may_be_chosen_anew(tiny_backbone: Path, text: Text, tmp_path: Path) -> None:
    options = add_options(capacity="part")
    add_language(build(tiny_backbone), "qaa", text, options, checkpoint=tmp_path / "c")
    changed = add_options(capacity="part", keep_part=0.5, self_tasks="ner", self_steps=2, self_lines=20)
    anew = add_language(build(tiny_backbone), "qaa", text, changed, checkpoint=tmp_path / "c", resume=True)
    whole = add_language(build(tiny_backbone), "qaa", text, changed)
    assert anew.record.hash == whole.record.hash and "pair.ner.part.up" in anew.record.tensors


def test_without_resume_a_checkpoint_is_not_written_over(model: HyperX, text: Text, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(), checkpoint=tmp_path / "c", reporter=Interrupting(2))
    before, kept = state(model), {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()}
    said = rf"run of 'qaa' has left a checkpoint; go on with --resume, or remove {tmp_path / 'c'}\."
    with pytest.raises(ConflictError, match=said):
        add_language(model, "qaa", text, add_options(), checkpoint=tmp_path / "c")
    assert state(model) == before
    assert kept == {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()}
    remove_checkpoint(tmp_path / "c")
    assert add_language(model, "qaa", text, add_options(), checkpoint=tmp_path / "c").proof.holds


def test_seconds_and_tokens_are_those_of_all_sittings(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(), checkpoint=folder, reporter=Interrupting(3))
    state_file = folder / "state.json"
    kept = json.loads(state_file.read_text())
    assert 0 < kept["seconds"] < 1000
    state_file.write_text(json.dumps(kept | {"seconds": 5000.0}))
    resumed = add_language(model, "qaa", text, add_options(), checkpoint=folder, resume=True)
    assert 5000 <= resumed.seconds < 6000 and resumed.record.provenance["seconds"] == resumed.seconds
    assert json.loads(state_file.read_text())["seconds"] > 5000


def test_a_checkpoint_of_the_first_version_goes_on(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(), checkpoint=folder, reporter=Interrupting(3))
    kept = json.loads((folder / "state.json").read_text())
    del kept["seconds"]
    (folder / "state.json").write_text(json.dumps(kept))
    resumed = add_language(model, "qaa", text, add_options(), checkpoint=folder, resume=True)
    assert resumed.steps == 12 and 0 <= resumed.seconds < 1000


def test_a_checkpoint_of_something_else_is_refused(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder, options = tmp_path / "c", add_options()
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, options, checkpoint=folder, reporter=Interrupting(2))
    before = state(model)
    (tmp_path / "other").mkdir()
    other = as_text(lines(90, seed=1), tmp_path / "other")
    tries = [
        ("qaa", other, options), ("qab", text, options), ("qaa", text, add_options(rank=2)),
        ("qaa", text, add_options(capacity="vector")), ("qaa", text, add_options(rate=1e-3)),
    ]  # fmt: skip
    for code, given, chosen in tries:
        with pytest.raises(ConflictError, match="made with another text, model or other options; resume with the same"):
            add_language(model, code, given, chosen, checkpoint=folder, resume=True)
        assert state(model) == before
    with torch.no_grad():
        model.language("en").own.embedding.add_(1)
    with pytest.raises(ConflictError, match="another text, model"):
        add_language(model, "qaa", text, options, checkpoint=folder, resume=True)


def test_twenty_lines_are_enough_and_nineteen_are_not(model: HyperX, tmp_path: Path) -> None:
    added = add_language(model, "qaa", as_text(lines(20), tmp_path), add_options())
    assert added.record.provenance["text"]["lines"] == {"train": 12, "stop": 4, "report": 4}
    assert added.losses["learnt"] < added.losses["mean"]
    del model.added["qaa"]
    before = state(model)
    for given, options in ((lines(19), add_options()), (lines(80), add_options(max_lines=19))):
        with pytest.raises(DataError, match=r"\.txt (gives|has) 19 .*lines .*give at least 20"):
            add_language(model, "qaa", as_text(given, tmp_path), options)
    assert state(model) == before


def test_a_part_of_unknown_pieces_alone_is_refused(model: HyperX, tmp_path: Path) -> None:
    known = lines(40)
    held = split_text(known).report
    fresh = (f"ᎠᎡ Ꭲ{'Ꭳ' * n}" for n in range(1, 900))  # letters that the vocabulary lacks
    given = list(known)
    while len(unknown := [line for line in split_text(given).report if line[0] != "Ꭰ"]):
        given = [next(fresh) if line == unknown[0] else line for line in given]
    assert len(held) < 10
    with pytest.raises(DataError, match="too few pieces that the backbone's tokenizer knows"):
        add_language(model, "qaa", as_text(given, tmp_path), add_options(patch_pieces=0))
    assert "qaa" not in model.languages()


def test_a_text_that_nothing_can_be_learnt_from_is_refused(model: HyperX, tmp_path: Path) -> None:
    before = state(model)
    cyrillic = [f"жаңа сөз {i} қала мектеп" for i in range(60)]
    unknown = [f"ᎠᎡᎢ {i} ᎣᎤᎥ ᎦᎧᎨ ab" for i in range(60)]
    tries = [
        ("fo", cyrillic, DataError, r"of the letters in .*\.txt are Cyrl, but Faroese is written in Latn"),
        ("qaa", unknown, DataError, r"does not know \d+% of the pieces of"),
        ("qaa", ["12 34 5" + "6" * i for i in range(60)], DataError, "has no line with letters"),
        ("xx", lines(60), NotFoundError, "'xx' is not a language code"),
    ]  # fmt: skip
    for code, given, error, said in tries:
        told = Interrupting(0)
        with pytest.raises(error, match=said):
            add_language(model, code, as_text(given, tmp_path), add_options(patch_pieces=0), reporter=told)
        assert told.said == [""] and state(model) == before


def test_what_is_doubtful_is_said_first_and_handed_back(model: HyperX, tmp_path: Path) -> None:
    given, told = [*lines(60), *(f"новая жизнь города {i}" for i in range(20))], Interrupting(0)
    text = as_text(given, tmp_path)
    added = add_language(model, "fo", text, add_options(), reporter=told)
    few, mixed = added.warnings
    assert "has only 80 lines" in few and "other languages may be mixed in" in mixed
    assert told.said[1:3] == [f"Warning: {few}", f"Warning: {mixed}"]
    assert text.path not in json.dumps(added.record.provenance)


def test_rows_longer_than_the_backbone_reads_are_refused(model: HyperX, text: Text) -> None:
    before = state(model)
    with pytest.raises(UsageError, match="max_length is 129, but .* reads at most 128 pieces; make it at most 128"):
        add_language(model, "qaa", text, add_options(max_length=129, max_tokens=256))
    assert state(model) == before
