"""The paper's backbone itself: fingerprint, counts, fill-mask scores as known, one training step."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

from hyperx_cl.config import ModelOptions, TrainOptions
from hyperx_cl.data.tasks import MLM, NER, POS
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from tests.model.building import batch

pytestmark = pytest.mark.real

CARD = {
    "model": 0.10182085633277893,
    "world": 0.052126359194517136,
    "data": 0.048930276185274124,
    "flight": 0.02036019042134285,
    "business": 0.020079681649804115,
}
"""Best five guesses for ``Hello I'm a [MASK] model.``, from the model card of bert-base-multilingual-cased."""

FINGERPRINT = "bcbc27c15104bcf1da3a585e82e2c0bfc7ac1a43ee9054e9e612c6b6cb44b420"
"""Of these weights, whatever file they lie in: models that others share name it."""

LANGUAGES = "ar az br cs da en gn he hi is kk nb pl sa tr uz".split()


@pytest.fixture(scope="module")
def backbone(mbert: Path) -> Iterator[Backbone]:
    yield load_backbone(str(mbert))
    gc.collect()


@pytest.fixture(scope="module")
def model(backbone: Backbone) -> HyperX:
    torch.manual_seed(0)
    return HyperX(backbone, ModelOptions(), [POS, NER, MLM], LANGUAGES).eval()


def test_it_is_the_multilingual_bert(backbone: Backbone) -> None:
    info = backbone.info
    assert (info.model_type, info.layers, info.hidden, info.vocabulary) == ("bert", 12, 768, 119_547)
    assert info.fingerprint == FINGERPRINT
    assert len(backbone.norms) == 25 and len(backbone.head) == 5


def test_fill_mask_of_the_bare_pipeline_is_the_card_s(mbert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mbert)
    fill = pipeline("fill-mask", model=AutoModelForMaskedLM.from_pretrained(mbert), tokenizer=tokenizer)
    found = {guess["token_str"]: guess["score"] for guess in fill("Hello I'm a [MASK] model.", top_k=5)}
    assert list(found) == list(CARD)
    assert found == pytest.approx(CARD, abs=1e-5)


def test_our_masked_head_starts_as_the_backbone_s(model: HyperX) -> None:
    tokenizer = model.tokenizer
    encoded = tokenizer("Hello I'm a [MASK] model.", return_tensors="pt")
    place = int((encoded["input_ids"][0] == tokenizer.mask_token_id).nonzero())
    with torch.no_grad():
        states = model.backbone.encoder(**encoded).last_hidden_state[0, place]
        scores = torch.softmax(model.heads["mlm"](states[None], model.backbone.word_embeddings)[0], -1)
    best = scores.topk(5)
    found = dict(zip(tokenizer.convert_ids_to_tokens(best.indices), best.values.tolist(), strict=True))
    assert list(found) == list(CARD)
    assert found == pytest.approx(CARD, abs=1e-5)


def test_counts_of_the_small_model(model: HyperX) -> None:
    numbers = {name: p.numel() for name, p in model.named_parameters() if not name.startswith("heads.")}
    assert sum(numbers.values()) == 13_093_536
    assert model.new_language("mt", torch.zeros(64), rank=16).own.part is not None
    added = [p.numel() for name, p in model.named_parameters() if name.startswith("added.mt.")]
    assert sum(added) == 295_104 + 64
    del model.added["mt"]


def test_one_step_moves_what_is_trained_and_nothing_else(model: HyperX) -> None:
    held = fingerprint(dict(model.backbone.encoder.named_parameters()))
    before = {name: value.clone() for name, value in model.saved_tensors().items()}
    given = batch(model, "mlm", "tr", rows=1)
    loop = Loop(
        model, groups(model, TrainOptions()), lambda: given, Schedule(1), accelerator=make_accelerator(cpu=True)
    )
    (step,) = loop
    assert 0 < step.loss < 15
    moved = {name for name, value in model.saved_tensors().items() if not torch.equal(value, before[name])}
    still = {name for name in before if name.startswith(("base.", "heads.", "task_embeddings."))}
    still -= {"base.tr.own.embedding", "task_embeddings.mlm", *(name for name in before if "heads.mlm" in name)}
    assert not moved & still
    assert {"base.tr.own.embedding", "heads.mlm.bias", "hypernetwork.generator.bias"} <= moved
    assert sum(name.startswith("norms.") for name in moved) == 50
    assert fingerprint(dict(model.backbone.encoder.named_parameters())) == held


def test_fingerprint_does_not_depend_on_the_layout_of_the_files(
    mbert: Path, backbone: Backbone, tmp_path: Path
) -> None:
    bare = AutoModelForMaskedLM.from_pretrained(mbert)
    bare.save_pretrained(tmp_path, max_shard_size="300MB")
    del bare
    gc.collect()
    AutoTokenizer.from_pretrained(mbert).save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert load_backbone(str(tmp_path)).info.fingerprint == backbone.info.fingerprint
