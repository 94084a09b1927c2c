"""Every type of backbone alike: seats, heads and positions of its own, nothing moved, every trained tensor reached."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForMaskedLM

from hyperx_cl.config import TrainOptions
from hyperx_cl.data.batches import Batch
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.heads import MaskedHead
from hyperx_cl.model.hooks import norm_key
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from tests.backbone_types import EVERY, MAX_LENGTH, NEW, site_of
from tests.model.building import batch, build, mixed

Folders = Callable[[str], Path]
PLACES = [*((kind, "ffn") for kind in EVERY), *((kind, "layer") for kind in NEW)]
FFN_OUTPUT = {"distilbert": "transformer.layer.{i}.ffn", "modernbert": "layers.{i}.mlp"}
LAYER_END = {"distilbert": "transformer.layer.{i}.output_layer_norm", "modernbert": "layers.{i}"}


@pytest.mark.parametrize(("kind", "placement"), PLACES)
def test_bit_equal_to_the_bare_backbone_when_off(kind: str, placement: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, placement=placement, language_part=2)
    bare = AutoModelForMaskedLM.from_pretrained(typed_backbone(kind), attn_implementation="eager").eval()
    expected = _states(bare.base_model)
    assert torch.equal(_states(model.backbone.encoder), expected)
    given = mixed(model, ("pos", "en"), ("mlm", "mt"))
    before = model(given).logits[0].clone()
    accelerator = make_accelerator(cpu=True)
    loop = Loop(model, groups(model, TrainOptions()), lambda: given, Schedule(3), accelerator=accelerator)
    assert len(list(loop)) == 3
    assert not torch.equal(model(given).logits[0], before)
    assert torch.equal(_states(model.backbone.encoder.eval()), expected)
    held = fingerprint(dict(model.backbone.encoder.named_parameters()))
    assert held == fingerprint(dict(bare.base_model.named_parameters()))
    assert all(p.grad is None for p in model.backbone.encoder.parameters())


@pytest.mark.parametrize(("kind", "placement"), PLACES)
def test_each_seat_gives_what_the_formula_says(kind: str, placement: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, placement=placement, language_part=2)
    given = batch(model, "pos", "mt")
    seen = _watched(model, _seats(model, kind, placement), given)
    assert len(seen) == 2
    (adapters,) = model.hypernetwork(model.task_embedding("pos")[None], model.language("mt").embedding("pos")[None])
    part = model.language("mt").own.part
    assert part is not None
    for layer, ((before, after), own) in enumerate(zip(seen, adapters, strict=True)):
        slow = before + functional.linear(torch.relu(before @ own.down.T + own.down_bias), own.up, own.up_bias)
        slow = slow + torch.relu(before @ part.down[layer].T + part.down_bias[layer]) @ part.up[layer].T
        assert not torch.allclose(after, before, atol=1e-3)
        torch.testing.assert_close(after, slow, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", EVERY)
def test_the_gradient_reaches_every_trained_tensor(kind: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, language_part=2)
    pairs = [(task, language) for task in ("pos", "ner", "mlm") for language in ("en", "mt", "ug")]
    out = model(mixed(model, *pairs))
    assert out.loss is not None
    out.loss.backward()
    # A number that is added to all scores alike, or to all keys, changes nothing: no such tensor is ours.
    still = [name for name, p in model.named_parameters() if p.grad is None or float(p.grad.abs().max()) == 0]
    assert still == []
    assert all(p.grad is None for p in model.backbone.encoder.parameters())


@pytest.mark.parametrize("kind", NEW)
def test_without_adapters_the_whole_is_the_masked_language_model(kind: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, stirred=False)
    with torch.no_grad():
        for name in ("weight", "bias"):  # the adapters' numbers are all written by this one layer
            model.get_parameter(f"hypernetwork.generator.{name}").zero_()
    bare = AutoModelForMaskedLM.from_pretrained(typed_backbone(kind), attn_implementation="eager").eval()
    given = batch(model, "mlm", "en")
    with torch.no_grad():
        expected = bare(input_ids=given.input_ids, attention_mask=given.attention_mask).logits[given.wanted]
    torch.testing.assert_close(model(given).logits[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", EVERY)
def test_every_layernorm_is_copied_as_it_is(kind: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, stirred=False)
    frozen = {n: m for n, m in model.backbone.encoder.named_modules() if isinstance(m, nn.LayerNorm)}
    assert set(model.norms) == {norm_key(name) for name in frozen} and len(frozen) >= 5
    for name, module in frozen.items():
        own = model.norms[norm_key(name)]
        assert own.eps == module.eps and own.state_dict().keys() == module.state_dict().keys()
        assert all(torch.equal(value, module.state_dict()[key]) for key, value in own.state_dict().items())
    biased = {module.bias is not None for module in frozen.values()}
    assert biased == {kind != "modernbert"}


@pytest.mark.parametrize("kind", EVERY)
def test_the_head_is_as_wide_as_the_word_embeddings(kind: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, stirred=False)
    head = model.heads["mlm"]
    assert isinstance(head, MaskedHead)
    width = 16 if kind == "electra" else 32
    assert head.dense.weight.shape == (width, 32) and head.norm.weight.shape == (width,)
    assert bool(model.backbone.head) is (kind != "mpnet")  # a type without a table begins its head anew
    assert {name for name in model.backbone.head if name.endswith("bias")} == (
        set() if kind in ("modernbert", "mpnet") else {"bias", "dense.bias", "norm.bias"}
    )
    for name, value in model.backbone.head.items():
        assert torch.equal(head.state_dict()[name], value)


@pytest.mark.parametrize("kind", EVERY)
def test_only_a_table_of_positions_limits_the_rows(kind: str, typed_backbone: Folders) -> None:
    backbone = load_backbone(str(typed_backbone(kind)), adapter_site=site_of(kind))
    limitless = kind.startswith(("modernbert", "deberta"))  # rotary, relative
    assert backbone.longest == (None if limitless else MAX_LENGTH)
    assert _read(backbone.encoder, MAX_LENGTH) == MAX_LENGTH
    if limitless:
        assert _read(backbone.encoder, MAX_LENGTH + 40) == MAX_LENGTH + 40
    else:
        with pytest.raises((IndexError, RuntimeError)):
            _read(backbone.encoder, MAX_LENGTH + 1)


@pytest.mark.parametrize("kind", EVERY)
def test_mixed_batch_gives_what_its_pairs_give_alone(kind: str, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, language_part=2)
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "ug")]
    for (task, language), shared in zip(pairs, model(mixed(model, *pairs)).logits, strict=True):
        torch.testing.assert_close(shared, model(batch(model, task, language)).logits[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", EVERY)
def test_loaded_again_gives_the_same_bits(kind: str, tmp_path: Path, typed_backbone: Folders) -> None:
    model = _model(typed_backbone, kind, language_part=2)
    mark = model.save_pretrained(tmp_path / "model")
    loaded = HyperX.from_pretrained(tmp_path / "model", backbone=str(typed_backbone(kind)))
    assert loaded.fingerprint() == mark and loaded.options == model.options
    for task in ("pos", "ner", "mlm"):
        given = batch(model, task, "ug")
        assert torch.equal(model(given).logits[0], loaded(given).logits[0])


@pytest.mark.parametrize("kind", [*EVERY, "bert"])
def test_layers_computed_anew_give_the_same_gradients(kind: str, typed_backbone: Folders, tiny_backbone: Path) -> None:
    folders = (lambda _: tiny_backbone) if kind == "bert" else typed_backbone
    model = _model(folders, kind, language_part=2)
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "ug")]
    kept = _gradients(model, *pairs)
    model.gradient_checkpointing = True
    with _counted(model, kind) as runs:
        anew = _gradients(model, *pairs)
    assert len(runs) == 4  # two layers, twice
    assert anew.keys() == kept.keys() and all(torch.equal(value, kept[name]) for name, value in anew.items())
    model(batch(model, "pos", "en"))
    assert all("forward" not in vars(module) for module in model.backbone.encoder.modules())


def test_two_forwards_before_a_backward_each_keep_their_language(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, language_part=2)
    first, second = batch(model, "pos", "en"), batch(model, "pos", "mt")
    apart = [_gradients(model, pair) for pair in (("pos", "en"), ("pos", "mt"))]
    model.gradient_checkpointing = True
    model.zero_grad()
    losses = [model(given).loss for given in (first, second)]
    torch.stack([loss for loss in losses if loss is not None]).sum().backward()
    for name, parameter in model.named_parameters():
        wanted = sum(grads[name] for grads in apart if name in grads)
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [*EVERY, "bert"])
def test_gradients_over_a_backbone_in_bf16_point_where_those_in_fp32_do(
    kind: str, typed_backbone: Folders, tiny_backbone: Path
) -> None:
    folders = (lambda _: tiny_backbone) if kind == "bert" else typed_backbone
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "ug")]
    model = _model(folders, kind, language_part=2)
    exact = _gradients(model, *pairs)
    rough = _gradients(model.place("cpu", torch.bfloat16), *pairs)
    assert rough.keys() == exact.keys() and all(value.dtype == torch.float32 for value in rough.values())
    assert not all(torch.equal(value, exact[name]) for name, value in rough.items())
    a, b = (torch.cat([value.flatten() for value in grads.values()]) for grads in (exact, rough))
    assert functional.cosine_similarity(a, b, dim=0) > 0.999
    assert 0.98 < float(b.norm() / a.norm()) < 1.02


def test_deberta_s_own_head_is_found_where_its_configuration_is_silent(typed_backbone: Folders, tmp_path: Path) -> None:
    import json
    import shutil

    whole = load_backbone(str(typed_backbone("deberta-v2-own-head")))
    shutil.copytree(typed_backbone("deberta-v2-own-head"), tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("legacy") is False
    (tmp_path / "config.json").write_text(json.dumps(config))
    silent = load_backbone(str(tmp_path))
    assert len(silent.head) == 5 and silent.info.fingerprint == whole.info.fingerprint


def _gradients(model: HyperX, *pairs: tuple[str, str]) -> dict[str, Tensor]:
    model.zero_grad()
    out = model(mixed(model, *pairs))
    assert out.loss is not None
    out.loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@contextmanager
def _counted(model: HyperX, kind: str) -> Iterator[list[int]]:
    """Runs of the seats of both layers."""
    runs: list[int] = []
    seats = _seats(model, kind, "ffn")
    handles = [seat.register_forward_pre_hook(lambda _m, _i: runs.append(1)) for seat in seats]
    yield runs
    for handle in handles:
        handle.remove()


def _model(folders: Folders, kind: str, **options: Any) -> HyperX:
    return build(folders(kind), adapter_site=site_of(kind), **options)


def _seats(model: HyperX, kind: str, placement: str) -> list[nn.Module]:
    """The modules of the two layers, written out by type."""
    family = kind.removesuffix("-biased")
    paths = FFN_OUTPUT if placement == "ffn" else LAYER_END
    path = paths.get(family, f"encoder.layer.{{i}}.output.{'dense' if placement == 'ffn' else 'LayerNorm'}")
    return [model.backbone.encoder.get_submodule(path.replace("{i}", str(i))) for i in range(2)]


def _watched(model: HyperX, seats: list[nn.Module], given: Batch) -> list[tuple[Tensor, Tensor]]:
    """What each seat puts out in a run before and behind the adapter; the LayerNorm's own weights have acted before."""
    seen: list[tuple[Tensor, Tensor]] = []
    applied = model.active

    class Watching:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def read(self, ids: Tensor, words: Tensor) -> Tensor:
            return self.inner.read(ids, words)  # type: ignore[no-any-return]

        def apply(self, states: Tensor, layer: int) -> Tensor:
            out: Tensor = self.inner.apply(states, layer)
            before.append((states.detach(), out.detach()))
            return out

    before: list[tuple[Tensor, Tensor]] = []
    after: list[Tensor] = []
    handles = [seat.register_forward_hook(lambda _m, _i, out: after.append(out.detach())) for seat in seats]
    first = model.backbone.word_module.register_forward_pre_hook(
        lambda _m, _i: setattr(model, "active", Watching(model.active))
    )
    with torch.no_grad():
        model(given)
    for handle in (*handles, first):
        handle.remove()
    assert model.active is applied is None and len(before) == len(after)
    for (states, out), left in zip(before, after, strict=True):
        assert torch.equal(out, left)  # the adapted states are what the seat hands on
        seen.append((states, left))
    return seen


def _states(encoder: nn.Module) -> Tensor:
    ids = torch.tensor([[2, 9, 17, 40, 3], [2, 30, 5, 3, 1]])
    with torch.no_grad():
        states: Tensor = encoder(input_ids=ids, attention_mask=(ids != 1).long()).last_hidden_state
    return states


def _read(encoder: nn.Module, length: int) -> int:
    ids = torch.full((1, length), 9)
    with torch.no_grad():
        return int(encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.shape[1])
