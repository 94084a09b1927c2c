"""A fast tokenizer's own description of itself, and a tokenizer made out of one that was changed."""

import json
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast


def engine_state(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Normaliser, pre-tokenizer, model and the rest, as the `tokenizers` library writes them; a copy."""
    state: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    return state


def with_engine(tokenizer: PreTrainedTokenizerBase, state: dict[str, Any]) -> PreTrainedTokenizerFast:
    """Copy a tokenizer, with another engine under the same special tokens.

    Args:
        tokenizer: A fast tokenizer; never changed.
        state: Of `engine_state`, changed.
    """
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)), model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )  # fmt: skip
