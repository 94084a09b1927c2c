"""The slow reference is itself checked: its bare encoder against transformers, its step against torch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from tests.reference.paper import Example, Shape, adamw_step, adapter_weights, encode, logits, loss

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
IDS = [2, 9, 17, 4, 30, 3]


def bert() -> tuple[PreTrainedModel, Shape]:
    config = BertConfig(**SIZES)
    return BertForMaskedLM(config), Shape(heads=4, layers=2, norm_eps=config.layer_norm_eps)


def xlm_roberta() -> tuple[PreTrainedModel, Shape]:
    config = XLMRobertaConfig(**SIZES, pad_token_id=1)
    return XLMRobertaForMaskedLM(config), Shape(heads=4, layers=2, norm_eps=config.layer_norm_eps, pad_id=1)


def roberta() -> tuple[PreTrainedModel, Shape]:
    config = RobertaConfig(**SIZES, pad_token_id=1, type_vocab_size=1)
    return RobertaForMaskedLM(config), Shape(heads=4, layers=2, norm_eps=config.layer_norm_eps, pad_id=1)


def stirred(model: PreTrainedModel) -> PreTrainedModel:
    """Every tensor random, LayerNorms and biases too, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.2)
    model.eval()
    return model


def hyper_weights(*, norm: bool, part: bool) -> dict[str, Tensor]:
    """Small random weights for one task, two languages, two layers: s = 3, d = 5, b = 4, h = 16, r = 2."""
    generator = torch.Generator().manual_seed(6)
    shapes: dict[str, tuple[int, ...]] = {
        **{name: (3,) for name in ("task.pos", "task.mlm", "language.a", "language.b", "layer.0", "layer.1")},
        "projector.first.weight": (9, 9),
        "projector.first.bias": (9,),
        "projector.second.weight": (5, 9),
        "projector.second.bias": (5,),
        "head.pos.weight": (3, 16),
        "head.pos.bias": (3,),
    }
    generated = {"down": 64, "down_bias": 4, "up": 64, "up_bias": 16} | ({"scale": 16, "shift": 16} if norm else {})
    for name, size in generated.items():
        shapes |= {f"generator.{name}.weight": (size, 5), f"generator.{name}.bias": (size,)}
    if part:
        for layer in range(2):
            at = f"part.a.{layer}"
            shapes |= {f"{at}.down": (2, 16), f"{at}.down_bias": (2,), f"{at}.up": (16, 2)}
    return {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}


@pytest.mark.parametrize("make", [bert, roberta, xlm_roberta])
def test_bare_encoder_and_mlm_head_are_those_of_transformers(
    make: Callable[[], tuple[PreTrainedModel, Shape]],
) -> None:
    torch.manual_seed(0)
    model, shape = make()
    stirred(model)
    ids, mask = [*IDS, shape.pad_id, shape.pad_id], [1] * len(IDS) + [0, 0]
    with torch.no_grad():
        theirs = model(input_ids=torch.tensor([ids]), attention_mask=torch.tensor([mask]), output_hidden_states=True)
    example = Example("mlm", "a", ids, mask, wanted=range(len(IDS)))
    hidden = encode(example, model.state_dict(), {}, shape)
    ours = logits(example, model.state_dict(), {}, shape)
    assert (hidden[: len(IDS)] - theirs.hidden_states[-1][0, : len(IDS)]).abs().max() <= 1e-5
    assert (ours - theirs.logits[0, : len(IDS)]).abs().max() <= 1e-5


def test_loss_and_gradients_of_the_bare_encoder_are_those_of_transformers() -> None:
    model, shape = bert()
    stirred(model)
    labels = torch.full((1, len(IDS)), -100)
    labels[0, 1], labels[0, 3] = 7, 8
    theirs = model(input_ids=torch.tensor([IDS]), attention_mask=torch.ones(1, len(IDS)), labels=labels).loss
    theirs.backward()
    own = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm) and ".layer." in name:
            layer, place = name.split(".layer.")[1].split(".", 1)
            at = f"norm.{layer}.{'attention' if place.startswith('attention') else 'output'}"
            own[f"{at}.weight"] = (module.weight.detach().clone().requires_grad_(), module.weight)
            own[f"{at}.bias"] = (module.bias.detach().clone().requires_grad_(), module.bias)
    example = Example("mlm", "a", IDS, [1] * len(IDS), wanted=[1, 2, 3], targets=[7, -100, 8])
    ours = loss([example], model.state_dict(), {name: pair[0] for name, pair in own.items()}, shape)
    ours.backward()
    assert len(own) == 8
    assert abs(ours.item() - theirs.item()) <= 1e-5
    for mine, original in own.values():
        assert mine.grad is not None and original.grad is not None
        assert (mine.grad - original.grad).abs().max() <= 1e-5


def test_zero_generators_leave_the_backbone_as_it_is() -> None:
    model, shape = bert()
    weights = hyper_weights(norm=False, part=False)
    silent = {name: w * 0 if name.startswith("generator.up") else w for name, w in weights.items()}
    example = Example("pos", "a", IDS, [1] * len(IDS))
    bare = encode(example, model.state_dict(), {}, shape)
    assert torch.equal(encode(example, model.state_dict(), silent, shape), bare)
    assert not torch.allclose(encode(example, model.state_dict(), weights, shape), bare)


@pytest.mark.parametrize("placement", ["ffn", "layer"])
@pytest.mark.parametrize("norm", [False, True])
def test_one_token_by_hand(placement: str, norm: bool) -> None:
    model, shape = bert()
    shape = Shape(heads=4, layers=1, placement=placement)
    weights = hyper_weights(norm=norm, part=True)
    seats: dict[str, Tensor] = {}
    first: Any = model.get_submodule("bert.encoder.layer.0")
    first.output.dense.register_forward_hook(lambda m, i, out: seats.update(ffn=out))
    first.output.register_forward_hook(lambda m, i, out: seats.update(layer=out, residual=i[1]))
    model.eval()
    with torch.no_grad():
        model(input_ids=torch.tensor([[9]]))
        z = seats[placement][0, 0]
        a = adapter_weights("pos", "a", 0, weights)
        change = nn.functional.linear(torch.relu(nn.functional.linear(z, a["down"], a["down_bias"])), a["up"])
        change = change + a["up_bias"]
        if norm:
            change = nn.functional.layer_norm(change, (16,), a["scale"], a["shift"], eps=1e-5)
        part = weights["part.a.0.up"] @ torch.relu(weights["part.a.0.down"] @ z + weights["part.a.0.down_bias"])
        expected = z + change + part
        if placement == "ffn":
            expected = first.output.LayerNorm(expected + seats["residual"][0, 0])
        ours = encode(Example("pos", "a", [9], [1]), model.state_dict(), weights, shape)[0]
    assert (ours - expected).abs().max() <= 1e-5


def test_a_part_belongs_to_one_language_only() -> None:
    model, shape = bert()
    with_part, without = hyper_weights(norm=True, part=True), hyper_weights(norm=True, part=True)
    without = {name: w for name, w in without.items() if not name.startswith("part.")}
    for language, same in (("a", False), ("b", True)):
        example = Example("pos", language, IDS, [1] * len(IDS), wanted=[1])
        ours = logits(example, model.state_dict(), with_part, shape)
        assert torch.equal(ours, logits(example, model.state_dict(), without, shape)) is same


def test_generated_matrices_are_read_row_by_row() -> None:
    weights = hyper_weights(norm=False, part=False)
    a = adapter_weights("pos", "b", 1, weights)
    source = torch.cat([weights["task.pos"], weights["language.b"], weights["layer.1"]])
    hidden = torch.relu(weights["projector.first.weight"] @ source + weights["projector.first.bias"])
    projected = weights["projector.second.weight"] @ hidden + weights["projector.second.bias"]
    flat = weights["generator.down.weight"] @ projected + weights["generator.down.bias"]
    assert a["down"].shape == (4, 16) and a["up"].shape == (16, 4)
    assert torch.allclose(a["down"], flat.reshape(4, 16))


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_step_is_that_of_torch(decay: float) -> None:
    generator = torch.Generator().manual_seed(7)
    start = {name: torch.randn(3, 4, generator=generator) for name in ("x", "y")}
    rates = {"x": 1e-2, "y": 3e-3}
    theirs = {name: nn.Parameter(w.clone()) for name, w in start.items()}
    groups = [{"params": [theirs[name]], "lr": rates[name]} for name in start]
    optimiser = torch.optim.AdamW(groups, weight_decay=decay)
    ours: dict[str, Tensor] = start
    moments: dict[str, tuple[Tensor, Tensor]] = {}
    for step in (1, 2, 3):
        gradients = {name: torch.randn(3, 4, generator=generator) for name in start}
        for name, weight in theirs.items():
            weight.grad = gradients[name].clone()
        nn.utils.clip_grad_norm_(theirs.values(), 1.0)
        optimiser.step()
        ours = adamw_step(ours, gradients, moments, step=step, rates=rates, weight_decay=decay)
    for name, weight in theirs.items():
        assert (ours[name] - weight).abs().max() <= 1e-6
