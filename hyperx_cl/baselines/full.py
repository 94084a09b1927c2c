"""Full fine-tuning: a copy of the whole backbone, all of whose weights move, under a head for each task.

The plain baseline of cross-lingual transfer: learnt on the sources of the tasks, run as it is on any other language
(zero-shot), or learnt on from a few of its sentences by `hyperx_cl.baselines.few`. It knows nothing of languages.
"""

import copy
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hyperx_cl.data.batches import Batch
from hyperx_cl.data.tasks import MLM, Task
from hyperx_cl.data.tokenizer_views import TokenizerViews
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.model.backbone import Backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.heads import WordHead, segment_loss
from hyperx_cl.model.hyperx import Output
from hyperx_cl.model.table import Table
from hyperx_cl.transliteration import Transliteration

FORMAT = "hyperx-cl/full@1"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


class Full(nn.Module):
    """A fine-tuned copy of the backbone, and heads. Whatever scores a `HyperX` by labels can score it.

    Dropout is on while it is trained, as the backbone's own configuration says: all of it moves, and little data is
    learnt by heart otherwise.

    Args:
        backbone: The loaded backbone; it is copied, and stays as it is.
        tasks: Tasks with labels.

    Raises:
        UsageError: `mlm` is among the tasks, or there is none.
    """

    def __init__(self, backbone: Backbone, tasks: Sequence[Task]) -> None:
        super().__init__()
        if not tasks or any(task.kind == MLM.kind for task in tasks):
            raise UsageError("Full fine-tuning learns tasks with labels: give at least one, and not mlm.")
        self._backbone = [backbone]  # in a list, so that its tensors are no part of this module
        self._views = TokenizerViews(backbone.tokenizer, backbone.info.vocabulary)
        self.transliterations: dict[str, Transliteration] = {}
        self.tasks: dict[str, Task] = {task.name: task for task in sorted(tasks, key=lambda task: task.name)}
        self.encoder = copy.deepcopy(backbone.encoder).float()
        self.heads: Table[WordHead] = Table(
            {name: WordHead(backbone.info.hidden, len(task.labels)) for name, task in self.tasks.items()}
        )
        self.requires_grad_(True)
        self._mixed = False

    @property
    def backbone(self) -> Backbone:
        """The backbone that it began as."""
        return self._backbone[0]

    @property
    def tokenizer(self) -> Any:
        """The backbone's fast tokenizer."""
        return self.backbone.tokenizer

    def tokenizer_for(self, code: str) -> Any:
        """The tokenizer that a language's text is read with: the backbone's, behind its transliteration."""
        return self._views.view(self.transliterations.get(code, ()))

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return next(self.encoder.parameters()).device

    @property
    def numbers(self) -> int:
        """Numbers of the whole model, heads included: what one more language costs where each has its own."""
        return sum(tensor.numel() for tensor in self.saved_tensors().values())

    def place(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Move the model to a device; with bf16 its products are taken in bf16, and its weights stay fp32."""
        self._mixed = dtype == torch.bfloat16
        return self.to(device)

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises:
            NotFoundError: The model does not have it.
        """
        if name not in self.tasks:
            known = ", ".join(self.tasks)
            raise NotFoundError(
                f"The fine-tuned model has no task '{name}'{did_you_mean(name, self.tasks)}; it has {known}."
            )
        return self.tasks[name]

    def forward(self, batch: Batch) -> Output:
        """Run a batch of one pair, or of several, whose rows lie together.

        Args:
            batch: ``input_ids`` and ``attention_mask`` ``(B, T)``, ``wanted`` ``(B, T)``, ``targets`` ``(N,)`` or none.

        Raises:
            NotFoundError: The model lacks a pair's task.
        """
        pairs, rows = [s.pair for s in batch.segments], [s.rows for s in batch.segments]
        heads = [self.heads[self.task(pair.task).name] for pair in pairs]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed):
            states = self.encoder(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask
            ).last_hidden_state  # (B, T, h)
        counts = [int(wanted.sum()) for wanted in batch.wanted.split(rows)]
        asked = states[batch.wanted].float().split(counts)
        logits: list[Tensor] = [head(own) for head, own in zip(heads, asked, strict=True)]
        return Output(None if batch.targets is None else segment_loss(logits, batch.targets.split(counts)), logits)

    @contextmanager
    def cached_adapters(self) -> Iterator[None]:
        """There are no adapters, so nothing is kept."""
        yield

    def saved_tensors(self) -> dict[str, Tensor]:
        """Everything, but for a pooler, which no task reads."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.pooler.")}


def save_full(model: Full, folder: Path) -> str:
    """Write ``model.safetensors`` and ``config.json``, each whole or not at all.

    Args:
        model: The model.
        folder: Made if absent; the two files in it are replaced.

    Returns:
        The model's fingerprint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.saved_tensors().items()}
    mark = fingerprint(tensors)
    config = {
        "format": FORMAT, "fingerprint": mark, "backbone": asdict(model.backbone.info),
        "tasks": [asdict(task) | {"label_map": dict(task.label_map)} for task in model.tasks.values()],
    }  # fmt: skip
    weights, text = (folder / f"{name}.{os.getpid()}.tmp" for name in (WEIGHTS, CONFIG))
    save_file(tensors, weights, metadata={"hyperx-cl": json.dumps({"format": FORMAT, "fingerprint": mark})})
    text.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(weights, folder / WEIGHTS)
    os.replace(text, folder / CONFIG)  # last: where it is, the weights are whole
    return mark


def load_full(folder: Path, backbone: Backbone) -> Full:
    """Read what `save_full` wrote.

    Raises:
        NotFoundError: No such model there.
        DataError: It is damaged or of another format.
        ConflictError: It began as another backbone.
    """
    file = folder / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise DataError(f"{file} has format '{config['format']}', not {FORMAT}; give a fine-tuned model.")
        tasks, other, mark = [Task(**task) for task in config["tasks"]], config["backbone"], config["fingerprint"]
        known = other["fingerprint"]
    except FileNotFoundError:
        raise NotFoundError(f"There is no fine-tuned model in {folder}: it needs {CONFIG}.") from None
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise DataError(f"{file} is not the configuration of a fine-tuned model; learn it again.") from error
    if known != backbone.info.fingerprint:
        raise ConflictError(
            f"The model in {folder} began as a backbone with fingerprint {known[:12]}, but {backbone.info.id} has "
            f"{backbone.info.fingerprint[:12]}; give the right backbone."
        )
    model = Full(backbone, tasks)
    try:
        tensors = load_file(folder / WEIGHTS)
        sound = fingerprint(tensors) == mark
        model.load_state_dict(model.state_dict() | tensors)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise DataError(f"{folder / WEIGHTS} is damaged or missing; learn or copy it again.") from error
    if not sound or tensors.keys() != model.saved_tensors().keys():
        raise DataError(f"{folder / WEIGHTS} is not what {CONFIG} tells of; learn or copy it again.")
    return model.eval()
