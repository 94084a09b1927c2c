"""Which types of model can be a backbone; others are refused with what to use instead, before weights are read."""

from typing import Any

from hyperx_cl.errors import UsageError
from hyperx_cl.model.seats import SEATS

WANTED = ("model_type", "num_hidden_layers", "hidden_size", "vocab_size")


def expect_known_type(name: str, described: dict[str, Any]) -> None:
    """Refuse a type that transformers does not have.

    Args:
        name: Of the backbone, for messages.
        described: What stands in its ``config.json``.

    Raises:
        UsageError: transformers has no such type.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = described.get("model_type")
    if isinstance(kind, str) and kind not in CONFIG_MAPPING:
        raise UsageError(
            f"The backbone {name} is of type '{kind}', which transformers does not know; use {_instead()}."
        )


def expect_encoder(name: str, config: Any, adapter_site: str) -> None:
    """Refuse what is no encoder that predicts masked pieces, and an encoder whose seats nobody names.

    Args:
        name: Of the backbone, for messages.
        config: Its configuration, of transformers.
        adapter_site: Where a user says that the seats are; empty for the table's.

    Raises:
        UsageError: It is refused.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        raise UsageError(f"The backbone {name} of type '{kind}' is an encoder with a decoder; use {_instead()}.")
    masked = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if getattr(config, "is_decoder", False) or (not masked and kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        raise UsageError(
            f"The backbone {name} of type '{kind}' is a decoder, which reads a word without what follows; "
            f"use {_instead()}."
        )
    if not masked:
        raise UsageError(f"The backbone {name} of type '{kind}' is no masked language model; use {_instead()}.")
    if kind not in SEATS and not adapter_site:
        raise UsageError(
            f"The backbone {name} is of type '{kind}', which has no table of adapter seats here; use one of "
            f"{', '.join(sorted(SEATS))}, or name each layer's FFN output: "
            "--adapter-site 'encoder.layer.{i}.output.dense'."
        )
    for field in WANTED:
        if getattr(config, field, None) is None:
            raise UsageError(f"The backbone {name} of type '{kind}' does not tell its {field}; use {_instead()}.")


def _instead() -> str:
    return f"an encoder, such as one of type {', '.join(sorted(SEATS))}"
