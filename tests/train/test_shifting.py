"""A shift learnt with its language: of the pieces that its text is made of, and kept by all that comes later."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.text import Text, split_text
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches
from hyperx_cl.model.language import Slot
from hyperx_cl.train.add_language import Added, add_language
from hyperx_cl.train.fewshot import fewshot
from hyperx_cl.train.starts import loss_with
from tests.model.building import build
from tests.train.small_text import Interrupting, add_options, few_options, state, tagged

SHIFT: dict[str, Any] = {"shift_pieces": 10, "shift_least": 2}


def learn(model: HyperX, text: Text, **changes: Any) -> Added:
    """The language with a shift."""
    return add_language(model, "qaa", text, add_options(**SHIFT | changes))


def test_it_is_of_the_frequent_pieces_and_all_of_it_learns(model: HyperX, text: Text) -> None:
    before = state(model)
    added = learn(model, text)
    counts = Counter(
        token
        for line in split_text(text.lines).train
        for token in model.tokenizer(line, add_special_tokens=False)["input_ids"]
    )
    tensors = added.record.tensors
    ids = [int(token) for token in tensors["shift.ids"]]
    assert len(ids) == 10 and ids == sorted(ids)
    assert min(counts[token] for token in ids) >= max(n for token, n in counts.items() if token not in ids)
    assert tensors["shift.factors"].shape == (10, 4) and tensors["shift.factors"].any(1).all()
    assert added.record.provenance["shift"]["pieces"] == 10 and added.record.provenance["shift"]["rank"] == 4
    assert 0.5 < added.record.provenance["shift"]["covered"] < 1
    after = state(model)
    del after["records"]["qaa"]
    assert after == before and added.proof.holds
    assert all(p.requires_grad for p in model.language("qaa").parameters())


def test_it_lowers_the_loss_and_the_controls_do_not_read_it(model: HyperX, tiny_backbone: Path, text: Text) -> None:
    options: dict[str, Any] = {"capacity": "part", "start": "mean", "steps": 40}
    without = add_language(build(tiny_backbone), "qaa", text, add_options(**options))
    added = learn(build(tiny_backbone), text, **options)
    assert {n: v for n, v in added.losses.items() if n != "learnt"} == {
        n: v for n, v in without.losses.items() if n != "learnt"
    }
    assert added.losses["learnt"] < without.losses["learnt"] < added.losses["mean"]


def test_interrupted_and_resumed_it_ends_bit_for_bit_the_same(tiny_backbone: Path, text: Text, tmp_path: Path) -> None:
    whole = learn(build(tiny_backbone), text)
    model, folder = build(tiny_backbone), tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(**SHIFT), checkpoint=folder, reporter=Interrupting(2))
    resumed = add_language(model, "qaa", text, add_options(**SHIFT), checkpoint=folder, resume=True)
    assert resumed.record.hash == whole.record.hash


def test_what_is_kept_is_of_the_best_look(model: HyperX, text: Text) -> None:
    added = learn(model, text, rate=30.0, steps=50, check_every=2, patience=3)
    looks = added.record.provenance["stop_losses"]
    best = min(loss for _, loss in looks)
    own = model.language("qaa").own
    encoder = Encoder(model.tokenizer, max_length=24)
    stop = masked_batches(model, "qaa", encoder.text(split_text(text.lines).stop), seed=1)
    assert round(loss_with(model, "qaa", Slot(own.embedding, own.part), stop), 4) == best < looks[-1][1]


@pytest.mark.parametrize("changes", [{"capacity": "vector"}, {"shift_pieces": 0}, {"shift_least": 10**6}])
def test_there_is_none_where_none_is_wanted(model: HyperX, text: Text, changes: dict[str, Any]) -> None:
    added = learn(model, text, steps=2, warmup=0, **changes)
    assert not any(name.startswith("shift") for name in added.record.tensors)
    assert "shift" not in added.record.provenance


def test_fewshot_keeps_it(model: HyperX, text: Text) -> None:
    added = learn(model, text, steps=2, warmup=0)
    learnt = fewshot(model, "qaa", "pos", tagged(8), few_options(epochs=2))
    record = learnt.record or model.record("qaa", {})
    for name, values in added.record.tensors.items():
        if name.startswith("shift"):
            assert torch.equal(torch.tensor(values), torch.tensor(record.tensors[name]))
