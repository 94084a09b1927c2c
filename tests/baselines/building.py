"""Tiny MAD-X models and what they are taught, for the tests of baselines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from hyperx_cl.baselines.madx import MadX
from hyperx_cl.data.batches import Batch
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.tasks import NER, POS, Task
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.infer import masked_batches
from tests.train.small_text import lines

LANGUAGES = ("en", "mt", "ug")
RANKS: dict[str, int] = {"language_rank": 5, "task_rank": 3}


def build(
    backbone: Path | Backbone, *, tasks: Sequence[Task] = (POS, NER), languages: Sequence[str] = LANGUAGES,
    seed: int = 0, stirred: bool = True,
) -> MadX:  # fmt: skip
    """A model over a tiny backbone; `stirred` moves all that is learnt off its starting values."""
    loaded = backbone if isinstance(backbone, Backbone) else load_backbone(str(backbone))
    torch.manual_seed(seed)
    model = MadX(loaded, tasks, languages, **RANKS)
    if stirred:
        with torch.no_grad():
            for parameter in learnt(model).values():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def learnt(model: MadX) -> dict[str, torch.nn.Parameter]:
    """All parameters but the backbone's own head."""
    return {name: p for name, p in model.named_parameters() if not name.startswith("heads.mlm.")}


def copied(model: MadX) -> dict[str, torch.Tensor]:
    """All tensors, the backbone's and its head's too, as they are now."""
    tensors = {**model.state_dict(), **model.backbone.encoder.state_dict(prefix="backbone.")}
    return {name: value.clone() for name, value in tensors.items()}


def text(model: MadX, code: str) -> tuple[list[Encoded], list[Batch]]:
    """An invented language: what is learnt on, and what is looked at."""
    encoder = Encoder(model.tokenizer, max_length=24)
    found = lines(80)
    return encoder.text(found[:60]), masked_batches(cast(Any, model), code, encoder.text(found[60:]), seed=1)
