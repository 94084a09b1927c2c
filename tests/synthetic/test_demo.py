"""The demo from beginning to end, in small; as it is, `test_readme_demo` runs it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from hyperx_cl.artefact import load_record, save_record
from hyperx_cl.config import AddOptions, FewshotOptions, ModelOptions, TrainOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import ConflictError
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Language
from hyperx_cl.synthetic.backbone import BackboneOptions
from hyperx_cl.synthetic.corpus import Sizes
from hyperx_cl.synthetic.demo import BASE, LABELLED, NEW, Demo, DemoOptions, run_demo
from hyperx_cl.synthetic.family import default_family
from hyperx_cl.train.starts import controls

pytestmark = pytest.mark.long

TINY = DemoOptions(
    sizes=Sizes(train=24, dev=6, test=10, text=100),
    backbone=BackboneOptions(vocabulary=300, layers=2, hidden=32, heads=2, feed_forward=32, steps=20, batch=16),
    model=ModelOptions(embedding=8, source_hidden=12, projected=8, bottleneck=8),
    train=TrainOptions(
        steps=20, warmup=2, max_tokens=256, max_length=48, rate=5e-3, rate_generator=3e-3, rate_embedding=2e-2,
        validate_every=10, checkpoint_every=10, average_last=1, validation_sentences=4, precision="fp32",
    ),
    add=AddOptions(steps=6, check_every=3, mixture_steps=2, rate=2e-2, rank=2, max_tokens=256, precision="fp32"),
    fewshot=FewshotOptions(n=8, folds=2, epochs=6, rate=3e-2, rate_embedding=1e-1, rank=2, precision="fp32"),
)  # fmt: skip


class Told:
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, done: int, text: str) -> None:
        """Ignore."""

    def say(self, text: str) -> None:
        """Keep."""
        self.lines.append(text)


class Shown(NamedTuple):
    """A demo and what it said."""

    demo: Demo
    said: list[str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The demo in small, in a folder that is not there yet."""
    told = Told()
    demo = run_demo(tmp_path_factory.mktemp("demo") / "new" / "folder", options=TINY, reporter=told)
    return Shown(demo, told.lines)


def test_it_goes_through_all_steps_and_leaves_everything_in_its_folder(shown: Shown) -> None:
    demo = shown.demo
    assert {path.name for path in demo.folder.iterdir()} == {"demo.json", "data", "backbone", "model", "languages.svg"}
    assert [line[:3] for line in shown.said if line[1:3] == "/5"] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert json.loads((demo.folder / "demo.json").read_text())["synthetic"] is True
    loaded = HyperX.from_pretrained(demo.folder / "model", backbone=str(demo.folder / "backbone"))
    assert loaded.fingerprint() == demo.trained.fingerprint
    assert tuple(loaded.base) == BASE and NEW not in loaded.languages() and set(LABELLED) < set(BASE)
    assert (demo.shape, demo.options) == (TINY.model, replace(TINY.train, seed=1))
    assert demo.seconds > 0


def test_the_table_has_every_control_and_what_was_learnt(shown: Shown) -> None:
    demo = shown.demo
    assert [row.way for row in demo.rows] == [
        "random vector", "zero vector", "mean vector", f"nearest language ({demo.added.nearest})",
        "learnt from raw text", "learnt, then 8 POS sentences",
    ]  # fmt: skip
    assert [row.loss for row in demo.rows] == [*demo.added.losses.values(), None]
    assert all(0 <= score <= 1 for row in demo.rows for score in (row.pos, row.ner))
    learnt, after = demo.rows[4], demo.rows[5]
    assert (learnt.pos, after.pos) == pytest.approx((demo.learnt.before, demo.learnt.after))
    assert learnt.ner == after.ner  # only the pair has moved
    assert demo.added.losses["learnt"] < min(demo.added.losses[name] for name in ("random", "zero", "mean", "nearest"))


def test_the_controls_read_nothing_of_what_was_learnt(shown: Shown) -> None:
    folder = shown.demo.folder
    assert "shift.factors" in shown.demo.added.record.tensors
    backbone = load_backbone(str(folder / "backbone"))
    model, root = HyperX.from_pretrained(folder / "model", backbone=backbone), DataRoot(folder / "data")
    found = {row.way: (row.pos, row.ner) for row in shown.demo.rows}
    for name, slot in controls(model, NEW, shown.demo.added.nearest, seed=1).items():
        model.added[NEW] = Language(slot)
        scores = evaluate_pairs(model, root, [Pair("pos", NEW), Pair("ner", NEW)], samples=20)
        way = next(way for way in found if way.startswith(name))
        assert found[way] == (scores[0].value, scores[1].value), way


def test_the_proofs_hold_and_the_records_belong_to_the_stored_model(shown: Shown, tmp_path: Path) -> None:
    demo = shown.demo
    assert demo.added.proof.holds and demo.learnt.proof.holds
    assert demo.added.proof.languages == len(BASE)
    assert demo.records[0] is demo.added.record
    assert demo.records[1:] == ([] if demo.learnt.record is None else [demo.learnt.record])
    loaded = HyperX.from_pretrained(demo.folder / "model", backbone=str(demo.folder / "backbone"))
    for record in demo.records:
        assert record.provenance["source"] == "synthetic" and record.language == NEW
        loaded.attach(load_record(save_record(record, tmp_path)))


def test_the_picture_shows_every_language_and_says_that_it_is_synthetic(shown: Shown) -> None:
    picture = shown.demo.picture.read_text("utf-8")
    assert picture.startswith("<svg") and "synthetic" in picture
    assert all(f">{code}<" in picture for code in (*BASE, NEW))


def test_the_same_again_gives_the_same_and_takes_the_old_one_s_place(shown: Shown, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()  # an empty folder is room enough
    torch.manual_seed(5)
    again = run_demo(folder, options=TINY)
    assert again.trained.fingerprint == shown.demo.trained.fingerprint
    assert again.rows == shown.demo.rows and again.learnt.folds == shown.demo.learnt.folds
    assert [record.hash for record in again.records] == [record.hash for record in shown.demo.records]
    assert again.picture.read_bytes() == shown.demo.picture.read_bytes()
    (folder / "registry.db").write_text("an earlier one")
    (folder / "mine.txt").write_text("kept")
    other = run_demo(folder, seed=2, options=TINY)
    assert other.trained.fingerprint != again.trained.fingerprint and other.options.seed == 2
    assert not (folder / "registry.db").exists() and (folder / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["data", "mine.txt"])
def test_a_folder_of_somebody_else_stays_as_it_is(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name / "inside.txt" if name == "data" else tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(ConflictError, match="holds something that is no demo; name another folder with --output-dir"):
        run_demo(tmp_path, options=TINY)
    assert mine.read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(ConflictError, match="no demo"):
        run_demo(tmp_path / "demo", options=TINY)


def test_the_new_language_has_a_near_relative_in_the_base_and_is_not_in_it() -> None:
    family = default_family(1)
    assert NEW in family.codes and NEW not in BASE and NEW not in family.seen
    assert family.nearest(NEW, BASE) == "qaj" and set(LABELLED) < set(BASE) <= set(family.codes)
