"""Hyper-X written out slowly and plainly, to compare the fast implementation with.

Everything is a loop over examples, layers, attention heads; nothing is batched, cached or fused, and nothing of
`hyperx_cl` is imported. The formulas are those of the paper (Üstün et al. 2022, equations 1-4) with what its code
adds: biases of the adapter, an optional adapter LayerNorm whose scale and shift are generated, LayerNorms of our own.

Letters: T tokens of one example, h hidden size, b adapter bottleneck, r bottleneck of a language part,
s the size of one source vector (64), d the projected source (d_p), C classes, V vocabulary, L layers.

`backbone` is the state dict of a `BertForMaskedLM`, `RobertaForMaskedLM` or `XLMRobertaForMaskedLM`. `weights` is one
flat dict of everything Hyper-X owns:

```
task.<task>  language.<language>  layer.<i>              [s]         source vectors
projector.first.weight [3s, 3s]  .bias [3s]              projector.second.weight [d, 3s]  .bias [d]
generator.down.weight       [b*h, d]  .bias [b*h]        read row by row as D [b, h]
generator.down_bias.weight  [b, d]    .bias [b]
generator.up.weight         [h*b, d]  .bias [h*b]        read row by row as U [h, b]
generator.up_bias.weight    [h, d]    .bias [h]
generator.scale.weight      [h, d]    .bias [h]          optional, together with
generator.shift.weight      [h, d]    .bias [h]          the adapter LayerNorm
norm.embeddings.weight [h]  .bias [h]                    optional: used in the place of the backbone's own
norm.<i>.attention.weight   norm.<i>.output.weight       the same, one of each a layer
part.<language>.<i>.down [r, h]  .down_bias [r]  .up [h, r]          optional language part
head.<task>.weight [C, h]  .bias [C]                     token classification
head.mlm.dense.weight [h, h]  .bias [h]                  optional: in the place of the backbone's own MLM head,
head.mlm.norm.weight [h]  .bias [h]  head.mlm.bias [V]   whose decoder is always the backbone's word embeddings
```
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]

MLM = "mlm"


@dataclass(frozen=True)
class Shape:
    """What cannot be read off the tensors' shapes."""

    heads: int
    """Attention heads of the backbone."""
    layers: int
    """Layers of the backbone."""
    norm_eps: float = 1e-12
    """`layer_norm_eps` of the backbone."""
    adapter_norm_eps: float = 1e-5
    """Added to the variance in the adapter's own LayerNorm."""
    pad_id: int = 0
    """Padding id; a RoBERTa counts its positions from `pad_id + 1`."""
    placement: str = "ffn"
    """`ffn`: at the FFN output, before residual and LayerNorm. `layer`: after the layer's output LayerNorm."""


@dataclass(frozen=True)
class Example:
    """One sentence and what is asked of it."""

    task: str
    """A task with a head in `weights`, or `mlm`."""
    language: str
    ids: Sequence[int]
    """Token ids with special tokens, and possibly padding at the end."""
    mask: Sequence[int]
    """1 for a real token, 0 for padding."""
    wanted: Sequence[int] = ()
    """Positions in `ids` at which the head's output is asked for."""
    targets: Sequence[int] = ()
    """One class (or token id, for `mlm`) per wanted position; -100 is not counted in the loss."""


def loss(examples: Sequence[Example], backbone: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """Mean cross entropy over all wanted positions of all examples together.

    Returns:
        A scalar, differentiable in `weights`.
    """
    total = torch.zeros(())
    counted = 0
    for example in examples:
        rows = logits(example, backbone, weights, shape)
        for row, target in zip(rows, example.targets, strict=True):
            if target == -100:
                continue
            total = total - (row[target] - torch.logsumexp(row, dim=0))
            counted += 1
    return total / counted


def logits(example: Example, backbone: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """The head's output of one example.

    Returns:
        [wanted, C], or [wanted, V] for `mlm`.
    """
    hidden = encode(example, backbone, weights, shape)
    rows = []
    for position in example.wanted:
        if example.task == MLM:
            rows.append(_mlm_head(hidden[position], _plain_names(backbone), weights, shape))
        else:
            head = f"head.{example.task}"
            rows.append(weights[f"{head}.weight"] @ hidden[position] + weights[f"{head}.bias"])
    return torch.stack(rows)


def encode(example: Example, backbone: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """Hidden states of the last layer, padding included.

    With empty `weights` this is the bare backbone.

    Returns:
        [T, h].
    """
    plain = _plain_names(backbone)
    x = _embed(example, plain, weights, shape)
    for layer in range(shape.layers):
        x = _layer(x, example, layer, plain, weights, shape)
    return x


def adapter_weights(task: str, language: str, layer: int, weights: Tensors) -> dict[str, Tensor]:
    """The generated adapter of one layer (paper, equations 2-4).

    Returns:
        `down` [b, h], `down_bias` [b], `up` [h, b], `up_bias` [h], and where generated `scale` [h], `shift` [h].
    """
    source = torch.cat([weights[f"task.{task}"], weights[f"language.{language}"], weights[f"layer.{layer}"]])
    projected = _linear(torch.relu(_linear(source, weights, "projector.first")), weights, "projector.second")
    flat = {}
    for name in ("down", "down_bias", "up", "up_bias", "scale", "shift"):
        if f"generator.{name}.weight" in weights:
            flat[name] = _linear(projected, weights, f"generator.{name}")
    b, h = len(flat["down_bias"]), len(flat["up_bias"])
    flat["down"] = torch.stack([flat["down"][i * h : (i + 1) * h] for i in range(b)])
    flat["up"] = torch.stack([flat["up"][i * b : (i + 1) * b] for i in range(h)])
    return flat


def adamw_step(
    weights: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    moments: dict[str, tuple[Tensor, Tensor]],
    *,
    step: int,
    rates: Mapping[str, float],
    clip: float | None = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> dict[str, Tensor]:
    """One AdamW step with clipping by the global norm.

    Args:
        weights: What is trained.
        gradients: The same names; a name without gradient is left as it is.
        moments: First and second moments by name, empty before the first step; updated in place.
        step: 1 for the first step.
        rates: Learning rate by name.
        clip: Largest allowed norm over all gradients together; None does not clip.
        betas: Decay of the moments.
        eps: Added to the root of the second moment.
        weight_decay: Decoupled decay, times the rate.

    Returns:
        The new weights.
    """
    squares = sum(float((g.double() ** 2).sum()) for g in gradients.values())
    # torch.nn.utils.clip_grad_norm_ adds the same 1e-6.
    factor = 1.0 if clip is None else min(1.0, clip / (math.sqrt(squares) + 1e-6))
    new = {}
    for name, weight in weights.items():
        if name not in gradients:
            new[name] = weight
            continue
        g = gradients[name] * factor
        first, second = moments.get(name, (torch.zeros_like(weight), torch.zeros_like(weight)))
        first = betas[0] * first + (1 - betas[0]) * g
        second = betas[1] * second + (1 - betas[1]) * g * g
        moments[name] = (first, second)
        unbiased_first = first / (1 - betas[0] ** step)
        unbiased_second = second / (1 - betas[1] ** step)
        decayed = weight * (1 - rates[name] * weight_decay)
        new[name] = decayed - rates[name] * unbiased_first / (unbiased_second.sqrt() + eps)
    return new


def _layer(x: Tensor, example: Example, layer: int, plain: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """One transformer layer with the adapter at its seat: [T, h] -> [T, h]."""
    at = f"layer.{layer}"
    attended = _linear(_attention(x, example.mask, at, plain, shape), plain, f"{at}.attention.out")
    x = _norm(attended + x, f"{at}.attention.norm", f"norm.{layer}.attention", plain, weights, shape)
    z = _linear(_gelu(_linear(x, plain, f"{at}.ffn.in")), plain, f"{at}.ffn.out")
    if shape.placement == "ffn":
        z = _adapt(z, example, layer, weights, shape)
    out = _norm(z + x, f"{at}.ffn.norm", f"norm.{layer}.output", plain, weights, shape)
    if shape.placement == "layer":
        out = _adapt(out, example, layer, weights, shape)
    return out


def _adapt(z: Tensor, example: Example, layer: int, weights: Tensors, shape: Shape) -> Tensor:
    """A(z) = z + g(U ReLU(D z + b_D) + b_U), plus the language part (paper, equation 1): [T, h] -> [T, h]."""
    out = z
    if f"task.{example.task}" in weights:
        a = adapter_weights(example.task, example.language, layer, weights)
        rows = []
        for token in z:
            change = a["up"] @ torch.relu(a["down"] @ token + a["down_bias"]) + a["up_bias"]
            if "scale" in a:
                change = a["scale"] * _normalised(change, shape.adapter_norm_eps) + a["shift"]
            rows.append(token + change)
        out = torch.stack(rows)
    part = f"part.{example.language}.{layer}"
    if f"{part}.down" in weights:
        down, bias, up = (weights[f"{part}.{name}"] for name in ("down", "down_bias", "up"))
        out = out + torch.stack([up @ torch.relu(down @ token + bias) for token in z])
    return out


def _embed(example: Example, plain: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """Word, position and type embeddings, summed and normalised: [T, h]."""
    rows = []
    seen = 0
    for place, token in enumerate(example.ids):
        if "roberta" in plain:
            seen += token != shape.pad_id
            place = shape.pad_id + seen if token != shape.pad_id else shape.pad_id
        words, places, kinds = (plain[f"embeddings.{name}"] for name in ("word", "position", "type"))
        rows.append(words[token] + places[place] + kinds[0])
    return _norm(torch.stack(rows), "embeddings.norm", "norm.embeddings", plain, weights, shape)


def _attention(x: Tensor, mask: Sequence[int], at: str, plain: Tensors, shape: Shape) -> Tensor:
    """Scaled dot-product attention, one head and one token at a time; padding is never looked at: [T, h] -> [T, h]."""
    query, key, value = (_linear(x, plain, f"{at}.attention.{name}") for name in ("query", "key", "value"))
    real = [i for i, m in enumerate(mask) if m]
    size = x.shape[1] // shape.heads
    rows = []
    for q in query:
        mixed = []
        for head in range(shape.heads):
            own = slice(head * size, (head + 1) * size)
            scores = torch.stack([q[own] @ key[i, own] for i in real]) / math.sqrt(size)
            share = torch.softmax(scores, dim=0)
            mixed.append(sum((share[n] * value[i, own] for n, i in enumerate(real)), torch.zeros(size)))
        rows.append(torch.cat(mixed))
    return torch.stack(rows)


def _mlm_head(hidden: Tensor, plain: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """Dense, gelu, LayerNorm, then the word embeddings themselves as decoder: [h] -> [V]."""
    own = {name.removeprefix("head."): tensor for name, tensor in weights.items() if name.startswith("head.mlm.")}
    head = {**{name: plain[name] for name in plain if name.startswith("mlm.")}, **own}
    x = _gelu(_linear(hidden, head, "mlm.dense"))
    x = _normalised(x, shape.norm_eps) * head["mlm.norm.weight"] + head["mlm.norm.bias"]
    return plain["embeddings.word"] @ x + head["mlm.bias"]


def _linear(x: Tensor, tensors: Tensors, name: str) -> Tensor:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def _normalised(x: Tensor, eps: float) -> Tensor:
    """Mean 0 and variance 1 along the last axis."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + eps)


def _norm(x: Tensor, name: str, own: str, plain: Tensors, weights: Tensors, shape: Shape) -> Tensor:
    """A backbone LayerNorm, with our own copy of its scale and shift where there is one."""
    scale = weights[f"{own}.weight"] if f"{own}.weight" in weights else plain[f"{name}.weight"]
    shift = weights[f"{own}.bias"] if f"{own}.bias" in weights else plain[f"{name}.bias"]
    return _normalised(x, shape.norm_eps) * scale + shift


_RENAMED = (
    ("bert.", ""),
    ("roberta.", ""),
    ("embeddings.word_embeddings.weight", "embeddings.word"),
    ("embeddings.position_embeddings.weight", "embeddings.position"),
    ("embeddings.token_type_embeddings.weight", "embeddings.type"),
    ("embeddings.LayerNorm", "embeddings.norm"),
    ("encoder.layer.", "layer."),
    ("attention.self.", "attention."),
    ("attention.output.dense", "attention.out"),
    ("attention.output.LayerNorm", "attention.norm"),
    ("intermediate.dense", "ffn.in"),
    ("output.dense", "ffn.out"),
    ("output.LayerNorm", "ffn.norm"),
    ("cls.predictions.transform.dense", "mlm.dense"),
    ("cls.predictions.transform.LayerNorm", "mlm.norm"),
    ("cls.predictions.bias", "mlm.bias"),
    ("lm_head.dense", "mlm.dense"),
    ("lm_head.layer_norm", "mlm.norm"),
    ("lm_head.bias", "mlm.bias"),
)


def _plain_names(backbone: Tensors) -> dict[str, Tensor]:
    """The backbone's tensors under this file's names, and `roberta` as a mark where positions are counted its way."""
    plain = {}
    for name, tensor in backbone.items():
        short = name
        for old, new in _RENAMED:
            short = short.replace(old, new)
        plain[short] = tensor.detach()
    if any(name.startswith("roberta.") for name in backbone):
        plain["roberta"] = torch.ones(1)
    return plain
