"""The demo as the README shows it, and the mechanism it shows: the nearer a relative, the better its vector."""

from pathlib import Path
from typing import NamedTuple

import pytest

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.text import read_text
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches
from hyperx_cl.synthetic.demo import BASE, LABELLED, NEW
from hyperx_cl.synthetic.family import default_family
from hyperx_cl.train.starts import loss_with, place
from tests.readme import RUN_BLOCKS, run_block

pytestmark = pytest.mark.long

SISTER, COUSIN = "qaj", "qal"
"""The new language's nearest relatives in the base; the rest are strangers."""

WAYS = ("random", "zero", "mean", "nearest", "learnt")
HEADER = "\tMLM loss, nats\tPOS accuracy %\tNER F1 %"


class Done(NamedTuple):
    """What the demo printed, and where it left everything."""

    printed: str
    folder: Path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The README's block, run as it stands: some two minutes."""
    (block,) = (block for block in RUN_BLOCKS if "hyperx-cl demo" in block)
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(folder / "home"))
        return Done(run_block(block, folder), folder / "work" / "demo")


@pytest.fixture(scope="module")
def model(done: Done) -> HyperX:
    """The demo's model after base training."""
    return HyperX.from_pretrained(done.folder / "model", backbone=str(done.folder / "backbone"))


def test_the_new_language_finds_its_sister_and_learns_beyond_it(done: Done) -> None:
    assert f"start of the vector: nearest: {SISTER};" in done.printed
    lines = done.printed.splitlines()
    rows = [line.split("\t") for line in lines[lines.index(HEADER) + 1 :][:6]]
    assert [way.partition(" ")[0].rstrip(",") for way, *_ in rows] == [*WAYS, "learnt"]
    table = dict(zip((*WAYS, "few-shot"), rows, strict=True))
    losses = {way: float(table[way][1]) for way in WAYS}
    assert losses["learnt"] < losses["nearest"] < min(losses["mean"], losses["zero"], losses["random"])
    accuracy = {way: float(row[2]) for way, row in table.items()}
    assert accuracy["nearest"] > accuracy["mean"] and accuracy["few-shot"] >= accuracy["learnt"]


def test_more_related_languages_transfer_better(done: Done, model: HyperX) -> None:
    root, family = DataRoot(done.folder / "data"), default_family(1)
    file = root.text(NEW)
    assert file is not None
    encoded = Encoder(model.tokenizer, max_length=64).text(read_text(file).lines[:200])
    batches = masked_batches(model, NEW, encoded, seed=1)
    losses = {code: loss_with(model, NEW, model.language(code).own, batches) for code in BASE}
    related = {code: family.relatedness(NEW, code) for code in BASE}
    strangers = [code for code in BASE if code not in (SISTER, COUSIN)]
    assert related[SISTER] > related[COUSIN] > 0 == max(related[code] for code in strangers)
    assert losses[SISTER] < losses[COUSIN] < sum(losses[code] for code in strangers) / len(strangers)
    assert losses[SISTER] < min(losses[code] for code in strangers) - 0.1

    scores = {}
    for code in LABELLED:  # the vectors of the others have never met the tags
        place(model, NEW, model.language(code).own)
        scores[code] = evaluate_pairs(model, root, [Pair("pos", NEW)], samples=2)[0].value
    assert scores[SISTER] > max(scores[code] for code in LABELLED if code != SISTER) + 0.05
