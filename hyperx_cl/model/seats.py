"""Where things sit in a backbone of each type: the seats of adapters, and the tensors of its MLM head.

Every place is a module path. Adding a type is adding a line here: what reads the table finds LayerNorms, word
embeddings and positions by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers.activations import ACT2FN


@dataclass(frozen=True)
class HeadPaths:
    """An MLM head: dense, activation, LayerNorm, then the word embeddings as decoder, with a bias.

    Args:
        dense: Path of the dense layer in the masked language model, from the hidden width to that of the embeddings.
        norm: Path of the LayerNorm.
        bias: Path of the decoder's bias, which a checkpoint may lack.
        activation: The configuration's field that names the function, or the function where it is always the same.
    """

    dense: str
    norm: str
    bias: str
    activation: str


@dataclass(frozen=True)
class Seats:
    """Places in a backbone of one type.

    Args:
        ffn: Path of layer ``i``'s FFN output in the encoder, before dropout, residual and LayerNorm.
        layer: Path of what ends the layer: its last LayerNorm, or the layer itself where none stands at its end.
        heads: Layouts that the MLM head may have.
    """

    ffn: str
    layer: str
    heads: tuple[HeadPaths, ...]


_BERT_HEAD = HeadPaths(
    "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias", "hidden_act"
)
_ROBERTA_HEAD = HeadPaths("lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "gelu")
_ELECTRA_HEAD = HeadPaths(
    "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.bias", "gelu"
)
_DISTILBERT_HEAD = HeadPaths("vocab_transform", "vocab_layer_norm", "vocab_projector.bias", "activation")
_MODERNBERT_HEAD = HeadPaths("head.dense", "head.norm", "decoder.bias", "classifier_activation")
_DEBERTA_HEAD = HeadPaths(
    "lm_predictions.lm_head.dense", "lm_predictions.lm_head.LayerNorm", "lm_predictions.lm_head.bias", "hidden_act"
)


def _like_bert(*heads: HeadPaths) -> Seats:
    return Seats("encoder.layer.{i}.output.dense", "encoder.layer.{i}.output.LayerNorm", heads)


SEATS: dict[str, Seats] = {
    "bert": _like_bert(_BERT_HEAD),
    "roberta": _like_bert(_ROBERTA_HEAD),
    "xlm-roberta": _like_bert(_ROBERTA_HEAD),
    "camembert": _like_bert(_ROBERTA_HEAD),
    "electra": _like_bert(_ELECTRA_HEAD),
    "deberta-v2": _like_bert(_DEBERTA_HEAD, _BERT_HEAD),
    "distilbert": Seats("transformer.layer.{i}.ffn", "transformer.layer.{i}.output_layer_norm", (_DISTILBERT_HEAD,)),
    "modernbert": Seats("layers.{i}.mlp", "layers.{i}", (_MODERNBERT_HEAD,)),
}
"""By transformers' `model_type`."""


def head_paths(masked_lm: nn.Module, model_type: str) -> HeadPaths | None:
    """Which of its type's layouts a masked language model has; ``None`` for a type without a table."""
    modules = dict(masked_lm.named_modules())
    layouts = SEATS[model_type].heads if model_type in SEATS else ()
    return next((layout for layout in layouts if layout.dense in modules), None)


def head_tensors(masked_lm: nn.Module, paths: HeadPaths) -> dict[str, Tensor]:
    """The MLM head under canonical names: ``dense.weight``, ``dense.bias``, ``norm.…``, ``bias``; absent ones left out.

    Shapes: ``(e, h)``, ``(e,)``, ``(e,)`` and ``(vocabulary,)`` with word embeddings of width ``e``.
    """
    place, _, name = paths.bias.rpartition(".")
    bias: Tensor | None = getattr(masked_lm.get_submodule(place), name)
    out = {} if bias is None else {"bias": bias.detach()}
    for part, path in (("dense", paths.dense), ("norm", paths.norm)):
        module = masked_lm.get_submodule(path)
        out |= {f"{part}.{kind}": value.detach() for kind, value in module.named_parameters()}
    return out


def head_activation(config: Any, paths: HeadPaths | None) -> Callable[[Tensor], Tensor]:
    """The function between dense layer and LayerNorm of an MLM head.

    Args:
        config: The backbone's configuration.
        paths: Its head's layout; ``None`` where the head is ours alone, and the function that of the layers.
    """
    field = "hidden_act" if paths is None else paths.activation
    named = getattr(config, field, "gelu" if paths is None else field)
    return named if callable(named) else ACT2FN[named]  # type: ignore[no-any-return]
