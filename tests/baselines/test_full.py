"""Full fine-tuning: a copy learns and the backbone stays, stopped runs go on alike, files are checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.baselines.full import Full, load_full, save_full
from hyperx_cl.baselines.full_train import is_learnt, learn_full
from hyperx_cl.data.batches import Pair, collate, join
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from tests.baselines.test_madx_train import Stop, Stopping
from tests.model.building import TAGGED
from tests.train.small_root import write_root

RUN: dict[str, Any] = {
    "sources": {"pos": ["en", "mt"], "ner": ["en"]}, "steps": 40, "rate": 5e-3, "warmup": 4, "max_tokens": 256,
    "max_length": 24, "check_every": 10, "precision": "fp32", "cpu": True,
}  # fmt: skip


def build(backbone: Path, *, seed: int = 0) -> Full:
    """A model before anything was learnt."""
    torch.manual_seed(seed)
    return Full(load_backbone(str(backbone)), [POS, NER]).eval()


def run(backbone: Path, root: Path, folder: Path, **changes: Any) -> Full:
    """Learn on the tiny root."""
    return learn_full(load_backbone(str(backbone)), DataRoot(root), folder, **RUN | changes)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def learnt(tiny_backbone: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the run has ended."""
    folder = tmp_path_factory.mktemp("full")
    run(tiny_backbone, root, folder)
    return folder


def test_it_learns_and_the_backbone_stays(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    before = fingerprint(backbone.encoder.state_dict())
    model = learn_full(backbone, DataRoot(root), tmp_path, **RUN)
    assert fingerprint(backbone.encoder.state_dict()) == before
    assert not any(parameter.requires_grad for parameter in backbone.encoder.parameters())
    moved = model.encoder.state_dict()
    assert all(not torch.equal(moved[n], t) for n, t in backbone.encoder.named_parameters() if "pooler" not in n)
    dev = DataRoot(root).load(POS, "mt", "dev")
    encoded, like = Encoder(model.tokenizer, max_length=24).words(dev, None), [build(tiny_backbone), model]
    anything: list[Any] = like
    untaught, taught = (labelled_counts(m, Pair("pos", "mt"), dev, encoded).value for m in anything)
    assert taught > 0.7 > untaught
    assert is_learnt(tmp_path) and not (tmp_path / "checkpoint").exists()
    facts = json.loads((tmp_path / "learnt.json").read_text())
    assert facts["learnt"]["steps"] == 40 and set(facts["learnt"]["scores"]) == {"pos:en", "pos:mt", "ner:en"}


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(
    tiny_backbone: Path, root: Path, learnt: Path, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        run(tiny_backbone, root, tmp_path, reporter=Stopping("at step 20"))
    assert not is_learnt(tmp_path)
    resumed = run(tiny_backbone, root, tmp_path)
    whole = load_full(learnt, load_backbone(str(tiny_backbone)))
    assert fingerprint(resumed.saved_tensors()) == fingerprint(whole.saved_tensors())


def test_what_is_done_is_read_and_other_options_are_refused(tiny_backbone: Path, root: Path, learnt: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in learnt.iterdir()}
    run(tiny_backbone, root, learnt)
    assert {file.name: file.stat().st_mtime_ns for file in learnt.iterdir()} == before
    with pytest.raises(ConflictError, match="learn with the same ones, or in another folder"):
        run(tiny_backbone, root, learnt, steps=41)


def test_rows_of_several_pairs_are_scored_as_if_alone(tiny_backbone: Path) -> None:
    model, pad = build(tiny_backbone), 0
    encoder, pairs = Encoder(model.tokenizer, max_length=32), (Pair("pos", "en"), Pair("ner", "mt"))
    alone = [collate(encoder.words(TAGGED[p.task], model.task(p.task).label_ids), p, pad_id=pad) for p in pairs]
    together = model(join(alone, pad))
    for given, logits in zip(alone, together.logits, strict=True):
        assert torch.allclose(model(given).logits[0], logits, atol=1e-5)
    losses = [model(given).loss.detach() for given in alone]
    assert float(together.loss.detach()) == pytest.approx(float(sum(losses)) / 2, abs=1e-5)
    assert [len(logits[0]) for logits in together.logits] == [17, 7]
    assert model.numbers == sum(tensor.numel() for tensor in model.saved_tensors().values())


def test_bf16_rounds_products_and_keeps_the_weights(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    given = collate(Encoder(model.tokenizer, max_length=32).words(TAGGED["pos"], POS.label_ids), Pair("pos", "en"),
                    pad_id=0)  # fmt: skip
    exact = model(given).logits[0]
    rounded = model.place("cpu", torch.bfloat16)(given).logits[0]
    assert {p.dtype for p in model.parameters()} == {torch.float32} and rounded.dtype == torch.float32
    assert 0 < float((rounded - exact).detach().abs().max()) < 0.2


def test_what_is_not_there_is_named(tiny_backbone: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no task 'poss' \(did you mean 'pos'\?\); it has ner, pos\."):
        build(tiny_backbone).task("poss")
    for tasks in ([], [POS, MLM]):
        with pytest.raises(UsageError, match="give at least one, and not mlm"):
            Full(load_backbone(str(tiny_backbone)), tasks)


def test_what_is_saved_is_loaded(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone)
    mark = save_full(model, tmp_path)
    again = load_full(tmp_path, load_backbone(str(tiny_backbone)))
    assert fingerprint(again.saved_tensors()) == mark == fingerprint(model.saved_tensors())
    assert list(again.tasks) == ["ner", "pos"] and not again.training
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def _another_format(folder: Path) -> None:
    (folder / "config.json").write_text('{"format": "other"}')


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-7])


def _other_weights(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_another_format, "has format 'other'"),
        (_no_json, "is not the configuration of a fine-tuned model"),
        (_cut, "is damaged or missing"),
        (_other_weights, "is not what config.json tells of"),
    ],
)
def test_a_damaged_model_is_refused(
    damage: Callable[[Path], None], said: str, tiny_backbone: Path, tmp_path: Path
) -> None:
    save_full(build(tiny_backbone), tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=said):
        load_full(tmp_path, load_backbone(str(tiny_backbone)))


def test_another_backbone_is_refused(tiny_backbone: Path, tiny_xlmr: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no fine-tuned model"):
        load_full(tmp_path, load_backbone(str(tiny_backbone)))
    save_full(build(tiny_backbone), tmp_path)
    with pytest.raises(ConflictError, match="give the right backbone"):
        load_full(tmp_path, load_backbone(str(tiny_xlmr)))
