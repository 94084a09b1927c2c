"""The backbone stays what it was: bit-equal when we are off, never written; and what cannot be used is refused."""

import gc
import json
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM, BertModel

from hyperx_cl.config import TrainOptions
from hyperx_cl.data.batches import Batch, Pair, Segment
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import ConflictError, DataError, NetworkError, NotFoundError, UsageError
from hyperx_cl.model.backbone import Backbone, fast_dtype, load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from tests.model.building import batch, build, mixed

CPU = torch.device("cpu")
MAX_LENGTH = 128


@pytest.mark.parametrize("placement", ["ffn", "layer"])
@pytest.mark.parametrize("fixture", ["tiny_backbone", "tiny_xlmr"])
def test_bit_equal_to_the_bare_backbone_when_off(fixture: str, placement: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    bare = AutoModelForMaskedLM.from_pretrained(folder, attn_implementation="eager").eval()
    model = build(folder, placement=placement, language_part=4)
    expected = _states(bare.base_model)
    assert torch.equal(_states(model.backbone.encoder), expected)
    held = _hash(model.backbone)
    given = mixed(model, ("pos", "en"), ("mlm", "mt"))
    before = model(given).logits[0].clone()
    loop = Loop(
        model, groups(model, TrainOptions()), lambda: given, Schedule(3), accelerator=make_accelerator(cpu=True)
    )
    assert len(list(loop)) == 3
    assert not torch.equal(model(given).logits[0], before)
    assert torch.equal(_states(model.backbone.encoder.eval()), expected)
    assert _hash(model.backbone) == held == fingerprint(dict(bare.base_model.named_parameters()))
    assert all(p.grad is None for p in model.backbone.encoder.parameters())


def test_a_forward_that_fails_leaves_us_off(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    expected = _states(model.backbone.encoder)
    given = batch(model, "pos", "en")
    given.input_ids[0, 1] = -1
    with pytest.raises(IndexError):
        model(given)
    assert torch.equal(_states(model.backbone.encoder), expected)


def test_models_on_one_backbone_do_not_meet_and_go(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    first = build(backbone, seed=1)
    given = batch(first, "pos", "mt")
    alone = first(given).logits[0]
    second = build(backbone, seed=2)
    assert torch.equal(first(given).logits[0], alone)
    assert not torch.equal(second(given).logits[0], alone)
    gone = weakref.ref(second)
    del second
    gc.collect()
    assert gone() is None
    assert sum(len(module._forward_hooks) for module in backbone.encoder.modules()) == 3 + 7 + 1
    assert torch.equal(first(given).logits[0], alone)


REFUSED = {
    "gpt2": ({}, "of type 'gpt2' is a decoder, which reads a word without what follows; use an encoder"),
    "llama": ({}, "of type 'llama' is a decoder, .*; use an encoder, such as one of type bert"),
    "bert": ({"is_decoder": True}, "of type 'bert' is a decoder"),
    "t5": ({}, "of type 't5' is an encoder with a decoder; use an encoder"),
    "mt5": ({}, "of type 'mt5' is an encoder with a decoder; use an encoder"),
    "vit": ({}, "of type 'vit' is no masked language model; use an encoder"),
    "mpnet": ({}, "of type 'mpnet', which has no table of adapter seats here; use one of bert, .*--adapter-site"),
    "sparkle": ({}, "of type 'sparkle', which transformers does not know; use an encoder"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_encoder_with_seats_is_refused(kind: str, tmp_path: Path) -> None:
    fields, said = REFUSED[kind]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, **fields}))
    with pytest.raises(UsageError, match=said):
        load_backbone(str(tmp_path))


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(
        NotFoundError, match=r"^There is no backbone folder /nowhere/at/all; give the folder it lies in\.$"
    ):
        load_backbone("/nowhere/at/all")


def test_an_id_that_cannot_be_fetched() -> None:
    with pytest.raises(
        NetworkError, match=r"nobody/no-such-model is neither a folder nor in the cache.*--backbone DIR"
    ):
        load_backbone("nobody/no-such-model")


def test_a_folder_without_weights(tiny_backbone: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_backbone / "config.json", tmp_path)
    with pytest.raises(NotFoundError, match="cannot be loaded"):
        load_backbone(str(tmp_path))


def _halved(name: str) -> Callable[[Path], object]:
    def halve(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])

    return halve


def _written(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _configured(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return change


DAMAGE = {
    "half of the weights": _halved("model.safetensors"),
    "no byte of the weights": _written("model.safetensors", b""),
    "half of config.json": _halved("config.json"),
    "config.json of something else": _written("config.json", b"[1]"),
    "weights of other sizes": _configured(hidden_size=64),
    "a size that is none": _configured(hidden_size="wide"),
    "half of the tokenizer": _halved("tokenizer.json"),
    "a tokenizer that is none": _written("tokenizer.json", b"[1]"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_folder_is_one_sentence(what: str, tiny_backbone: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_backbone, tmp_path, dirs_exist_ok=True)
    DAMAGE[what](tmp_path)
    with pytest.raises(DataError, match=r"^The backbone in .* cannot be read \(.+\); copy or download") as seen:
        load_backbone(str(tmp_path))
    assert str(tmp_path) in str(seen.value) and "\n" not in str(seen.value)


def test_a_folder_without_a_tokenizer(tiny_backbone: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_backbone / name, tmp_path)
    with pytest.raises(DataError, match="lacks its tokenizer; copy or download"):
        load_backbone(str(tmp_path))


def test_what_was_cached_from_the_hub_is_remembered_by_its_commit(
    tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, cache = "ab" * 20, tmp_path / "models--somebody--tiny"
    shutil.copytree(tiny_backbone, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    info = load_backbone("somebody/tiny").info
    assert (info.id, info.revision) == ("somebody/tiny", commit)
    assert load_backbone(str(tiny_backbone)).info.revision is None
    (cache / "snapshots" / commit / "model.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="somebody/tiny cannot be read .*remove it from the Hub's cache"):
        load_backbone("somebody/tiny")


@pytest.mark.parametrize("fixture", ["tiny_backbone", "tiny_xlmr"])
def test_the_longest_row_is_read_and_a_longer_one_refused(fixture: str, request: pytest.FixtureRequest) -> None:
    model = build(request.getfixturevalue(fixture))
    given = batch(model, "pos", "en")

    def row(length: int) -> Batch:
        ids = torch.full((1, length), int(given.input_ids[0, 1]))
        return replace(
            given, input_ids=ids, attention_mask=torch.ones_like(ids), wanted=torch.ones_like(ids).bool(), targets=None,
            segments=[Segment(Pair("pos", "en"), 1)],
        )  # fmt: skip

    assert model.backbone.longest == MAX_LENGTH
    model.backbone.expect_room(MAX_LENGTH)
    assert len(model(row(MAX_LENGTH)).logits[0]) == MAX_LENGTH
    with pytest.raises((IndexError, RuntimeError)):
        model(row(MAX_LENGTH + 1))
    with pytest.raises(UsageError, match=r"max_length is 129, but .* reads at most 128 pieces; make it at most 128"):
        model.backbone.expect_room(MAX_LENGTH + 1)


def test_a_checkpoint_that_lacks_a_layer(tiny_backbone: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_backbone, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(ConflictError, match=r"lacks weights \(.*layer\.3"):
        load_backbone(str(tmp_path))


def test_a_backbone_without_an_mlm_head_works(tiny_backbone: Path, tmp_path: Path) -> None:
    headless = _headless(tiny_backbone, tmp_path)
    model = build(headless)
    assert model.backbone.head == {}
    loss = model(batch(model, "mlm", "mt")).loss
    assert loss is not None and torch.isfinite(loss)
    whole = load_backbone(str(tiny_backbone))
    assert torch.equal(_states(model.backbone.encoder), _states(whole.encoder))


def test_bf16_is_close_to_fp32_and_rounds_only_what_is_frozen(tiny_backbone: Path) -> None:
    exact, fast = build(tiny_backbone, language_part=4), build(tiny_backbone, language_part=4)
    fast.place("cpu", torch.bfloat16)
    assert {p.dtype for p in fast.backbone.encoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in fast.parameters()} == {torch.float32}
    assert fast.fingerprint() == exact.fingerprint()
    for pair in (("pos", "en"), ("mlm", "mt")):
        given = batch(exact, *pair)
        one, other = exact(given).loss, fast(given).loss
        assert one is not None and other is not None
        assert other.item() == pytest.approx(one.item(), rel=0.03)
        other.backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in fast.parameters())


def test_rounded_weights_do_not_become_exact_again(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    model = build(backbone, stirred=False)
    fresh = model.fingerprint()
    model.place("cpu", torch.bfloat16).place("cpu", torch.bfloat16)
    with pytest.raises(ConflictError, match="held in torch.bfloat16; load it again to use it in fp32"):
        model.place("cpu", torch.float32)
    assert build(backbone, stirred=False).fingerprint() == fresh  # own LayerNorms start from the exact ones


@pytest.mark.parametrize("dropout", [False, True])
def test_the_backbone_s_dropout_is_on_where_asked_for(tiny_backbone: Path, dropout: bool) -> None:
    model = build(tiny_backbone, dropout=dropout)
    given = batch(model, "pos", "en")
    model.train()
    torch.manual_seed(0)
    differs = not torch.equal(model(given).logits[0], model(given).logits[0])
    assert differs is dropout
    model.eval()
    assert torch.equal(model(given).logits[0], model(given).logits[0])


@pytest.mark.parametrize(
    ("capability", "flags", "fast"),
    [("AVX512", {"avx2", "avx512_bf16"}, True), ("AVX512", {"avx2"}, False), ("AVX2", {"avx2"}, False)],
)
def test_precision_is_chosen_for_the_device(
    capability: str, flags: set[str], fast: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr("hyperx_cl.model.backbone._cpu_flags", lambda: flags)
    assert fast_dtype("fp32", CPU) == torch.float32
    assert fast_dtype("auto", CPU) == (torch.bfloat16 if fast else torch.float32)
    assert caplog.text == ""
    assert fast_dtype("bf16", CPU) == torch.bfloat16
    assert ("may be a hundred times slower: leave --precision out" in caplog.text) is not fast


@pytest.mark.parametrize("real", [True, False])
def test_a_gpu_that_imitates_bf16_computes_in_fp32(real: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or real)
    assert fast_dtype("auto", torch.device("cuda")) == (torch.bfloat16 if real else torch.float32)


def test_loading_leaves_transformers_settings_as_they_were(tiny_backbone: Path) -> None:
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load_backbone(str(tiny_backbone))
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)


def test_seats_are_where_the_table_says(tiny_xlmr: Path) -> None:
    model = build(tiny_xlmr, tasks=[POS])
    layers = model.backbone.encoder.get_submodule("encoder.layer")
    assert isinstance(layers, torch.nn.ModuleList)
    assert model.backbone.sites("ffn") == [layer.get_submodule("output.dense") for layer in layers]
    assert model.backbone.sites("layer") == [layer.get_submodule("output.LayerNorm") for layer in layers]


def _states(encoder: torch.nn.Module) -> Tensor:
    ids = torch.tensor([[2, 9, 17, 40, 3], [2, 30, 5, 3, 1]])
    with torch.no_grad():
        states: Tensor = encoder(input_ids=ids, attention_mask=(ids != 1).long()).last_hidden_state
    return states


def _hash(backbone: Backbone) -> str:
    return fingerprint(dict(backbone.encoder.named_parameters()))


def _headless(folder: Path, target: Path) -> Path:
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, target)
    BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(target)
    return target
