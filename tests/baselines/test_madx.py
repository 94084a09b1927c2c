"""MAD-X against its formulas written out plainly, its sizes, and the code that scores a HyperX."""

import gc
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from hyperx_cl.baselines.madx import Bottleneck, MadX, adapter_numbers
from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.infer import label_ids, masked_score
from tests.baselines.building import build, learnt, text
from tests.model import building
from tests.reference import paper

TAGGED = building.TAGGED["pos"]


@pytest.mark.parametrize("fixture", ["tiny_backbone", "tiny_xlmr"])
@pytest.mark.parametrize("task", ["pos", "ner", "mlm"])
def test_logits_and_gradients_are_those_of_the_formulas(
    fixture: str, task: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(fixture)
    model = build(folder)
    given = _batch(model, task, "mt")
    out = model(given)
    assert out.loss is not None and given.targets is not None
    out.loss.backward()

    plain = _Plain(folder, model)
    rows = [_row(plain, given, i, task, "mt") for i in range(given.rows)]
    expected = torch.cat(rows)
    _same("logits", out.logits[0], expected)
    known = given.targets != -100
    loss = torch.nn.functional.cross_entropy(expected[known], given.targets[known])
    _same("loss", out.loss, loss)
    loss.backward()
    moved = 0
    for name, parameter in model.named_parameters():
        wanted = plain.weights[name].grad
        if parameter.grad is None:
            assert wanted is None or not wanted.any(), name
            continue
        assert wanted is not None, name
        _same(name, parameter.grad, wanted)
        moved += int(parameter.grad.abs().max() > 1e-4)
    assert moved == (4 if task == "mlm" else 10), "language adapter, task adapter and head"


def test_an_adapter_that_adds_nothing_leaves_masked_text_to_the_backbone(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    with torch.no_grad():
        for parameter in (model.language("mt").up, model.language("mt").up_bias):
            parameter.zero_()
    given = _batch(model, "mlm", "mt")
    bare = AutoModelForMaskedLM.from_pretrained(tiny_backbone, attn_implementation="eager").eval()
    with torch.no_grad():
        found = model(given).logits[0]
        expected = bare(input_ids=given.input_ids, attention_mask=given.attention_mask).logits[given.wanted]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_backbone_is_bit_equal_when_off_and_when_the_model_is_gone(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    ids = torch.arange(5, 17)[None]
    before, tensors = _states(backbone, ids), {n: t.clone() for n, t in backbone.encoder.state_dict().items()}
    hooks = _hooks(backbone)
    model = build(backbone)
    model(_batch(model, "pos", "en"))
    assert torch.equal(_states(backbone, ids), before)
    with pytest.raises(NotFoundError):
        model(_batch(model, "pos", "xx"))
    assert torch.equal(_states(backbone, ids), before)
    for name, value in backbone.encoder.state_dict().items():
        assert torch.equal(value, tensors[name]), name
    assert _hooks(backbone) == hooks + 6
    del model
    gc.collect()
    assert _hooks(backbone) == hooks


def test_a_hyperx_on_the_same_backbone_is_not_disturbed(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    other = building.build(backbone)
    given = building.batch(other, "pos", "mt")
    before = other(given).logits[0]
    model = build(backbone)
    alone = build(tiny_backbone)
    assert torch.equal(other(given).logits[0], before)
    assert torch.equal(model(given).logits[0], alone(given).logits[0])


def test_mixed_batch_gives_what_its_pairs_give_alone(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    pairs = [("pos", "en"), ("mlm", "mt"), ("ner", "ug"), ("pos", "mt")]
    alone = [model(_batch(model, *pair)) for pair in pairs]
    together = model(building.mixed(cast(Any, model), *pairs))
    for single, shared in zip(alone, together.logits, strict=True):
        _same("logits", shared, single.logits[0])
    assert together.loss is not None
    _same("loss", together.loss, torch.stack([out.loss for out in alone]).mean())


@pytest.mark.parametrize(("rank", "numbers"), [(384, 7_091_712), (256, 4_730_880), (48, 894_528)])
def test_sizes_at_the_shape_of_mbert(rank: int, numbers: int) -> None:
    with torch.device("meta"):
        adapter = Bottleneck(12, 768, rank)
    assert adapter_numbers(12, 768, rank) == sum(p.numel() for p in adapter.parameters()) == numbers


def test_sizes_of_a_model_and_what_of_it_is_saved(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    for module, numbers in (
        (model.language("mt"), model.language_numbers),
        (model.task_adapters["ner"], model.task_numbers),
    ):
        assert sum(p.numel() for p in module.parameters()) == numbers > 0
    assert set(model.saved_tensors()) == set(learnt(model))
    default = MadX(model.backbone, [POS])
    assert (default.language_rank, default.task_rank, default.languages()) == (384, 48, [])


def test_adapters_start_small_and_the_backbone_s_head_never_moves(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, stirred=False)
    adapter = model.new_language("yo")
    assert 0.015 < float(adapter.down.detach().std()) < 0.025 and 0.015 < float(adapter.up.detach().std()) < 0.025
    assert not adapter.down_bias.any() and not adapter.up_bias.any()
    assert model.languages() == ["en", "mt", "ug", "yo"]
    head = dict(model.heads["mlm"].named_parameters())
    assert not any(p.requires_grad for p in head.values())
    assert all(torch.equal(head[name], value) for name, value in model.backbone.head.items())
    model.train()
    assert model.training and not model.backbone.encoder.training


def test_what_scores_a_hyperx_scores_it(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    same = cast(Any, model)
    pair, encoder = Pair("pos", "mt"), Encoder(model.tokenizer, max_length=24)
    encoded = encoder.words(TAGGED, None)
    best = model(_batch(model, "pos", "mt")).logits[0].argmax(-1).tolist()
    found = [i for ids in label_ids(same, pair, encoded, sentences=2) for i in ids.tolist()]
    assert found == best
    gold = [label for sentence in TAGGED for label in sentence.labels or ()]
    right = sum(POS.labels[i] == label for i, label in zip(best, gold, strict=True))
    counts = labelled_counts(same, pair, TAGGED, encoded)
    assert counts.metric == "POS accuracy, syntactic words"
    assert counts.value == pytest.approx(right / sum(label != "_" for label in gold))
    score = masked_score(same, text(model, "mt")[1])
    assert score.pieces > 20 and 1 < score.loss < 20


def test_frozen_weights_in_bf16_and_ours_in_fp32(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    given = _batch(model, "pos", "mt")
    exact = model(given).logits[0]
    model.place("cpu", torch.bfloat16)
    assert model.backbone.word_embeddings.dtype == torch.bfloat16
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    rounded = model(given).logits[0]
    assert rounded.dtype == torch.float32
    assert float((rounded - exact).detach().abs().max()) < 0.1 * float(exact.detach().abs().max())


def test_what_is_not_there_is_named(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    with pytest.raises(NotFoundError, match=r"no language 'mtt' \(did you mean 'mt'\?\); learn its adapter"):
        model.language("mtt")
    with pytest.raises(NotFoundError, match=r"no task 'poss' \(did you mean 'pos'\?\); it has mlm, ner, pos\."):
        model.task("poss")
    headless = load_backbone(str(tiny_backbone))
    headless.head = {}
    with pytest.raises(UsageError, match="has no MLM head, which MAD-X needs"):
        MadX(headless, [POS])


class _Plain:
    """The tensors of a backbone and of a MAD-X model, copied, and the formulas over one row at a time."""

    def __init__(self, folder: Path, model: MadX) -> None:
        config = model.backbone.config
        self.backbone = paper._plain_names(AutoModelForMaskedLM.from_pretrained(folder).state_dict())
        self.weights = {n: p.detach().clone().requires_grad_(p.requires_grad) for n, p in model.named_parameters()}
        self.shape = paper.Shape(
            heads=config.num_attention_heads, layers=config.num_hidden_layers, norm_eps=config.layer_norm_eps,
            pad_id=config.pad_token_id,
        )  # fmt: skip

    def norm(self, x: Tensor, name: str) -> Tensor:
        scale, shift = self.backbone[f"{name}.weight"], self.backbone[f"{name}.bias"]
        return paper._normalised(x, self.shape.norm_eps) * scale + shift

    def adapter(self, name: str, layer: int, token: Tensor) -> Tensor:
        down, down_bias, up, up_bias = (
            self.weights[f"{name}.{kind}"][layer] for kind in ("down", "down_bias", "up", "up_bias")
        )
        return up @ torch.relu(down @ token + down_bias) + up_bias

    def layer(self, states: Tensor, example: paper.Example, layer: int) -> Tensor:
        at, plain = f"layer.{layer}", self.backbone
        mixed = paper._attention(states, example.mask, at, plain, self.shape)
        x = self.norm(paper._linear(mixed, plain, f"{at}.attention.out") + states, f"{at}.attention.norm")
        r = paper._linear(paper._gelu(paper._linear(x, plain, f"{at}.ffn.in")), plain, f"{at}.ffn.out")
        z = self.norm(r + x, f"{at}.ffn.norm")
        rows = []
        for t in range(len(x)):
            adapted = self.adapter(f"language_adapters.{example.language}", layer, z[t]) + r[t]
            if example.task != "mlm":
                adapted = self.adapter(f"task_adapters.{example.task}", layer, adapted) + r[t]
            rows.append(adapted + x[t])
        return self.norm(torch.stack(rows), f"{at}.ffn.norm")

    def logits(self, example: paper.Example) -> Tensor:
        states = paper._embed(example, self.backbone, {}, self.shape)
        for layer in range(self.shape.layers):
            states = self.layer(states, example, layer)
        asked = [states[i] for i in example.wanted]
        if example.task == "mlm":
            return torch.stack([paper._mlm_head(h, self.backbone, {}, self.shape) for h in asked])
        weight, bias = self.weights[f"heads.{example.task}.weight"], self.weights[f"heads.{example.task}.bias"]
        return torch.stack([weight @ h + bias for h in asked])


def _row(plain: _Plain, given: Batch, row: int, task: str, language: str) -> Tensor:
    wanted = given.wanted[row].nonzero()[:, 0].tolist()
    ids, mask = given.input_ids[row].tolist(), given.attention_mask[row].tolist()
    return plain.logits(paper.Example(task, language, ids, mask, wanted)) if wanted else torch.zeros(0)


def _batch(model: MadX, task: str, language: str) -> Batch:
    return building.batch(cast(Any, model), task, language)


def _states(backbone: Backbone, ids: Tensor) -> Tensor:
    with torch.no_grad():
        states: Tensor = backbone.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return states


def _hooks(backbone: Backbone) -> int:
    return sum(len(module._forward_hooks) for module in backbone.encoder.modules())


def _same(name: str, found: Tensor, expected: Tensor) -> None:
    """Equal up to 1e-5, of the largest value where that is above 1."""
    assert found.shape == expected.shape, name
    apart, size = float((found - expected).detach().abs().max()), float(expected.detach().abs().max())
    assert apart <= 1e-5 * max(1.0, size), f"{name} is {apart} apart, at values up to {size}"
