"""The model against the slow, plain implementation in tests/reference: outputs, loss, gradients, one optimiser step."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from hyperx_cl.config import TrainOptions
from hyperx_cl.data.batches import Batch
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from tests.model.building import TASKS, batch, build, mixed
from tests.reference import paper

BERT, XLMR = "tiny_backbone", "tiny_xlmr"
CASES = [
    *itertools.product([BERT], ["pos", "mlm"], ["ffn", "layer"], [False, True], [0, 4]),
    *itertools.product([XLMR], ["pos", "ner", "mlm"], ["ffn"], [False], [4]),
    (XLMR, "mlm", "layer", True, 0),
    (BERT, "ner", "ffn", False, 0),
]
"""Backbone, task, placement of the adapter, LayerNorm inside it, rank of the language part."""


@pytest.mark.parametrize(("fixture", "task", "placement", "norm", "part"), CASES)
def test_logits_loss_and_gradients_are_those_of_the_paper(
    fixture: str, task: str, placement: str, norm: bool, part: int, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(fixture)
    model = build(folder, placement=placement, adapter_norm=norm, language_part=part)
    given = batch(model, task, "mt")
    out = model(given)
    assert out.loss is not None
    out.loss.backward()
    backbone, shape = _plain_backbone(folder, model)
    weights = {name: value.requires_grad_() for name, value in _plain(model, dict(model.named_parameters())).items()}
    examples = _examples(given)
    expected = torch.cat([paper.logits(example, backbone, weights, shape) for example in examples])
    loss = paper.loss(examples, backbone, weights, shape)
    _same("logits", out.logits[0], expected)
    _same("loss", out.loss, loss)
    loss.backward()
    assert _same_gradients(model, weights) > 20


@pytest.mark.parametrize("task", ["pos", "mlm"])
def test_one_clipped_step_of_adamw(tiny_backbone: Path, task: str) -> None:
    model = build(tiny_backbone, adapter_norm=True, language_part=4)
    options, clip = TrainOptions(steps=10, warmup=2, seed=0), 0.1
    given = batch(model, task, "mt")
    backbone, shape = _plain_backbone(tiny_backbone, model)
    before = _plain(model, dict(model.named_parameters()))
    leaves = {name: value.clone().requires_grad_() for name, value in before.items()}
    paper.loss(_examples(given), backbone, leaves, shape).backward()
    gradients = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    assert sum(float((g**2).sum()) for g in gradients.values()) ** 0.5 > 2 * clip
    rates = {name: 0.5 * rate for name, rate in _rates(model, options).items()}  # step 1 of 2 of the warm-up
    expected = paper.adamw_step(before, gradients, {}, step=1, rates=rates, clip=clip)

    schedule = Schedule(options.steps, options.warmup, options.final_rate)
    loop = Loop(
        model, groups(model, options), lambda: given, schedule, clip=clip, accelerator=make_accelerator(cpu=True)
    )
    next(iter(loop))
    after = _plain(model, dict(model.named_parameters()))
    for name, old in before.items():
        if name not in gradients:
            assert torch.equal(after[name], old), name
            continue
        # The first step is about the rate times the gradient's sign, so a gradient of rounding errors says nothing.
        firm = gradients[name].abs() > 1e-5
        _same(name, after[name][firm], expected[name][firm])
        assert float((after[name] - old).abs().max()) <= 1.001 * rates[name], name


@pytest.mark.parametrize("fixture", [BERT, XLMR])
def test_mixed_batch_gives_what_its_pairs_give_alone(fixture: str, request: pytest.FixtureRequest) -> None:
    model = build(request.getfixturevalue(fixture), language_part=4)
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "ug"), ("pos", "mt")]
    alone = [model(batch(model, *pair)) for pair in pairs]
    together = model(mixed(model, *pairs))
    for single, shared in zip(alone, together.logits, strict=True):
        _same("logits", shared, single.logits[0])
    assert together.loss is not None
    _same("loss", together.loss, torch.stack([out.loss for out in alone]).mean())


def test_mixed_batch_has_the_gradients_of_the_paper(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, adapter_norm=True, language_part=4)
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "en")]
    model(mixed(model, *pairs)).loss.backward()
    backbone, shape = _plain_backbone(tiny_backbone, model)
    weights = {name: value.requires_grad_() for name, value in _plain(model, dict(model.named_parameters())).items()}
    losses = [paper.loss(_examples(batch(model, *pair)), backbone, weights, shape) for pair in pairs]
    torch.stack(losses).mean().backward()
    assert _same_gradients(model, weights) > 30


def test_order_of_tasks_and_languages_changes_nothing(tiny_backbone: Path) -> None:
    one = build(tiny_backbone, stirred=False)
    other = build(tiny_backbone, stirred=False, tasks=TASKS[::-1], languages=("ug", "mt", "en"))
    assert one.fingerprint() == other.fingerprint()
    given = batch(one, "mlm", "ug")
    assert torch.equal(one(given).logits[0], other(given).logits[0])
    assert sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in other.parameters())


def test_a_segment_without_any_known_label_counts_nothing(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    given = batch(model, "pos", "en")
    assert given.targets is not None
    empty = Batch(
        given.input_ids, given.attention_mask, given.wanted, torch.full_like(given.targets, -100), given.segments
    )
    loss = model(empty).loss
    assert loss is not None and loss.item() == 0
    loss.backward()
    assert all(g is None or float(g.abs().max()) == 0 for g in (p.grad for p in model.parameters()))


def _same(name: str, found: Tensor, expected: Tensor) -> None:
    """Equal up to 1e-5, of the largest value where that is above 1."""
    found, expected = found.detach(), expected.detach()
    assert found.shape == expected.shape, name
    if found.numel():
        apart, size = float((found - expected).abs().max()), float(expected.abs().max())
        assert apart <= 1e-5 * max(1.0, size), f"{name} is {apart} apart, at values up to {size}"


def _same_gradients(model: HyperX, weights: Mapping[str, Tensor]) -> int:
    """Compare all trained tensors' gradients; how many of them are not zero."""
    found, moved = _plain(model, _gradients(model)), 0
    assert found.keys() == weights.keys()
    for name, weight in weights.items():
        gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
        _same(name, found[name], gradient)
        moved += int(gradient.abs().max() > 1e-4)
    return moved


def _examples(given: Batch) -> list[paper.Example]:
    """The rows of a batch as the reference reads them."""
    pairs = [segment.pair for segment in given.segments for _ in range(segment.rows)]
    counts = given.wanted.sum(1).tolist()
    assert given.targets is not None
    return [
        paper.Example(
            pair.task, pair.language, ids.tolist(), mask.tolist(), wanted.nonzero()[:, 0].tolist(), targets.tolist()
        )
        for pair, ids, mask, wanted, targets in zip(
            pairs, given.input_ids, given.attention_mask, given.wanted, given.targets.split(counts), strict=True
        )
    ]


def _plain_backbone(folder: Path, model: HyperX) -> tuple[dict[str, Tensor], paper.Shape]:
    config = model.backbone.config
    shape = paper.Shape(
        heads=config.num_attention_heads, layers=config.num_hidden_layers, norm_eps=config.layer_norm_eps,
        pad_id=config.pad_token_id, placement=model.options.placement,
    )  # fmt: skip
    return AutoModelForMaskedLM.from_pretrained(folder).state_dict(), shape


def _gradients(model: HyperX) -> dict[str, Tensor]:
    return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in model.named_parameters()}


def _rates(model: HyperX, options: TrainOptions) -> dict[str, float]:
    """The rate that every tensor of the reference is to have, written out by name."""
    named = _plain(model, dict(model.named_parameters()))
    vectors, generator = ("task.", "language.", "layer."), [n for n in named if n.startswith("generator.")]
    rates = {name: options.rate_embedding if name.startswith(vectors) else options.rate for name in named}
    return rates | {name: options.rate_generator for name in generator if name.endswith(".weight")}


def _plain(model: HyperX, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our tensors, or their gradients, under the names of the reference and cut as it has them."""
    out: dict[str, Tensor] = {}
    for name, value in named.items():
        out |= _renamed(name.split("."), value.detach().clone(), list(model.shape.sizes.items()))
    return out


def _renamed(path: Sequence[str], value: Tensor, blocks: list[tuple[str, int]]) -> dict[str, Tensor]:
    match path:
        case ["hypernetwork", "layer_embeddings"]:
            return {f"layer.{i}": row for i, row in enumerate(value.unbind())}
        case ["hypernetwork", "projector", place, kind]:
            return {f"projector.{'first' if place == '0' else 'second'}.{kind}": value}
        case ["hypernetwork", "generator", kind]:
            pieces = value.split([size for _, size in blocks])
            return {f"generator.{block}.{kind}": piece for (block, _), piece in zip(blocks, pieces, strict=True)}
        case ["task_embeddings", task]:
            return {f"task.{task}": value}
        case ["base", language, "own", "embedding"]:
            return {f"language.{language}": value}
        case ["base", language, "own", "part", kind]:
            return {f"part.{language}.{i}.{kind}": row for i, row in enumerate(value.unbind())}
        case ["heads", *rest]:
            return {f"head.{'.'.join(rest)}": value}
        case ["norms", "embeddings/LayerNorm", kind]:
            return {f"norm.embeddings.{kind}": value}
        case ["norms", norm, kind]:
            parts = norm.split("/")
            return {f"norm.{parts[2]}.{'attention' if 'attention' in parts else 'output'}.{kind}": value}
    raise AssertionError(f"no place in the reference for {'.'.join(path)}")
