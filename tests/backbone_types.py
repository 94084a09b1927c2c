"""A tiny random backbone of every type, made on the spot: what is there in one type and not in another is in here."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SITE = "encoder.layer.{i}.output.dense"
MAX_LENGTH = 128
WORDPIECE = ("electra", "distilbert", "modernbert", "modernbert-biased", "deberta-v2", "deberta-v2-own-head")
UNIGRAM = ("camembert", "mpnet")
NEW = (*WORDPIECE, "camembert")
"""Those with a table of seats beside bert, roberta and xlm-roberta."""
EVERY = (*NEW, "mpnet")
"""And one that has none, whose seats a user names."""

SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
}  # fmt: skip


def site_of(kind: str) -> str:
    """The seats that a user has to name for it; empty where a table has them."""
    return SITE if kind == "mpnet" else ""


def masked_lm(kind: str, vocabulary: int) -> "Callable[[], PreTrainedModel]":
    """What builds a masked language model of a type.

    Args:
        kind: One of `EVERY`.
        vocabulary: Pieces of its tokenizer.
    """
    import transformers as t

    common: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": int(kind in UNIGRAM)}
    match kind:
        case "electra":  # word embeddings narrower than the hidden states
            electra = t.ElectraConfig(embedding_size=16, max_position_embeddings=MAX_LENGTH, **common, **SIZES)
            return lambda: t.ElectraForMaskedLM(electra)
        case "distilbert":
            distil = t.DistilBertConfig(
                dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=MAX_LENGTH, **common
            )
            return lambda: t.DistilBertForMaskedLM(distil)
        case "modernbert" | "modernbert-biased":  # two kinds of attention; biases everywhere or nowhere
            biased = kind.endswith("biased")
            own: dict[str, Any] = {
                "global_attn_every_n_layers": 2, "local_attention": 4, "norm_bias": biased, "mlp_bias": biased,
                "classifier_bias": biased, "decoder_bias": biased, "bos_token_id": 2, "cls_token_id": 2,
                "eos_token_id": 3, "sep_token_id": 3, "max_position_embeddings": MAX_LENGTH,
            }  # fmt: skip
            modern = t.ModernBertConfig(**own, **common, **SIZES)
            return lambda: t.ModernBertForMaskedLM(modern)
        case "deberta-v2" | "deberta-v2-own-head":  # a LayerNorm over relative positions, a convolution with another
            own = {
                "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True,
                "pos_att_type": ["p2c", "c2p"], "conv_kernel_size": 3, "position_biased_input": False,
                "type_vocab_size": 0, "legacy": kind == "deberta-v2", "max_position_embeddings": MAX_LENGTH,
            }  # fmt: skip
            deberta = t.DebertaV2Config(**own, **common, **SIZES)
            return lambda: t.DebertaV2ForMaskedLM(deberta)
        case "camembert":
            shifted = MAX_LENGTH + 2  # its positions start behind the padding's
            camembert = t.CamembertConfig(max_position_embeddings=shifted, type_vocab_size=1, **common, **SIZES)
            return lambda: t.CamembertForMaskedLM(camembert)
        case "mpnet":
            mpnet = t.MPNetConfig(max_position_embeddings=MAX_LENGTH + 2, **common, **SIZES)
            return lambda: t.MPNetForMaskedLM(mpnet)
    raise ValueError(kind)


def with_tokenizer(source: Path, folder: Path) -> int:
    """Put another tiny backbone's tokenizer into a folder; how many pieces it has."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)
