"""What a backbone will be, out of its configuration alone: no weights are read."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hyperx_cl.model.accepted import expect_encoder, expect_known_type
from hyperx_cl.model.transformers_errors import plain_errors, quiet_transformers


@dataclass(frozen=True)
class Planned:
    """The sizes of a backbone that decide how many numbers a model of it trains.

    Args:
        layers: Layers, ``L``.
        hidden: Hidden width, ``h``.
        norms: Numbers of its LayerNorms, which a model has copies of.
    """

    layers: int
    hidden: int
    norms: int


def planned(id_or_path: str, *, adapter_site: str = "") -> Planned:
    """Build a backbone without any numbers in it, and measure it: types differ in where their LayerNorms are.

    Args:
        id_or_path: Folder, or Hub id.
        adapter_site: As for `load_backbone`, which refuses what this refuses.

    Raises:
        NotFoundError: There is no such folder, and the Hub does not have it.
        NetworkError: It is not in the cache and the Hub cannot be reached.
        DataError: Its configuration is damaged.
        UsageError: A type of model that cannot be used, or has no seats.
    """
    from transformers import AutoModelForMaskedLM

    with plain_errors(id_or_path), quiet_transformers():
        config = read_config(id_or_path, None, adapter_site)
        with torch.device("meta"):
            masked_lm = AutoModelForMaskedLM.from_config(config, attn_implementation="eager")
    numbers = sum(value.numel() for norm in norms_of(masked_lm.base_model).values() for value in norm.parameters())
    return Planned(config.num_hidden_layers, config.hidden_size, numbers)


def read_config(id_or_path: str, revision: str | None, adapter_site: str) -> Any:
    """Read a backbone's configuration, and refuse a type that cannot be used.

    Args:
        id_or_path: Folder, or Hub id.
        revision: Branch, tag or commit on the Hub.
        adapter_site: Where a user says that the seats are, for a type without a table.

    Raises:
        UsageError: A type of model that cannot be used, or has no seats.
    """
    from transformers import AutoConfig, PreTrainedConfig

    described, _ = PreTrainedConfig.get_config_dict(id_or_path, revision=revision)
    expect_known_type(id_or_path, described)
    config = AutoConfig.from_pretrained(id_or_path, revision=revision, trust_remote_code=False)
    expect_encoder(id_or_path, config, adapter_site)
    return config


def norms_of(encoder: nn.Module) -> dict[str, nn.LayerNorm]:
    """The LayerNorms that have numbers, by their paths."""
    return {
        name: module
        for name, module in encoder.named_modules()
        if isinstance(module, nn.LayerNorm) and module.elementwise_affine
    }
