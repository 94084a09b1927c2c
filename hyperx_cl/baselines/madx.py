"""MAD-X (Pfeiffer et al. 2020): over a frozen backbone, adapters of each language under adapters of each task.

With r the output of a layer's FFN, x what its LayerNorm LN adds to it, and z = LN(r + x), a layer gives

``LA = U·ReLU(D·z + b) + b' + r``  and  ``LN(LA + x)`` for MLM,
``TA = U_t·ReLU(D_t·LA + b_t) + b'_t + r``  and  ``LN(TA + x)`` for every other task,

where LN is the backbone's own, read twice and never trained. Invertible adapters are left out, as in the comparison of
the Hyper-X paper, whose language adapters have rank 256 (MAD-X's own: half the hidden width).
"""

import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.tasks import MLM, Task
from hyperx_cl.data.tokenizer_views import TokenizerViews
from hyperx_cl.errors import NotFoundError, UsageError, did_you_mean
from hyperx_cl.model.backbone import Backbone
from hyperx_cl.model.heads import MaskedHead, WordHead, segment_loss
from hyperx_cl.model.hyperx import Output
from hyperx_cl.model.table import Table
from hyperx_cl.transliteration import Transliteration


class MadX(nn.Module):
    """Language adapters, task adapters and heads. Whatever scores a `HyperX` can score it.

    The backbone's own MLM head scores masked pieces, and stays as it is. Dropout stays off, as in `HyperX`.

    Args:
        backbone: The loaded backbone.
        tasks: Tasks with labels; `mlm` is always one more.
        languages: Codes of the languages that have an adapter from the start.
        language_rank: Bottleneck width of language adapters.
        task_rank: Bottleneck width of task adapters.

    Raises:
        UsageError: The backbone has no MLM head, or its layers do not end in a LayerNorm.
    """

    def __init__(
        self, backbone: Backbone, tasks: Sequence[Task], languages: Iterable[str] = (), *, language_rank: int = 384,
        task_rank: int = 48,
    ) -> None:  # fmt: skip
        super().__init__()
        if not backbone.head:
            raise UsageError(f"The backbone {backbone.info.id} has no MLM head, which MAD-X needs; use one that has.")
        self._backbone = [backbone]  # in a list, so that its tensors are no part of this module
        self._views = TokenizerViews(backbone.tokenizer, backbone.info.vocabulary)
        self.transliterations: dict[str, Transliteration] = {}
        self.active: _Active | None = None
        self.language_rank, self.task_rank = language_rank, task_rank
        self.tasks: dict[str, Task] = {task.name: task for task in sorted([*tasks, MLM], key=lambda task: task.name)}
        labelled = [task for task in self.tasks.values() if task.kind != "mlm"]
        self.language_adapters: Table[Bottleneck] = Table({c: self._adapter(language_rank) for c in sorted(languages)})
        self.task_adapters: Table[Bottleneck] = Table({task.name: self._adapter(task_rank) for task in labelled})
        self.heads: Table[nn.Module] = Table({name: self._head(task) for name, task in self.tasks.items()})
        _seat(self)

    @property
    def backbone(self) -> Backbone:
        """The frozen backbone."""
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
        return self.backbone.word_embeddings.device

    @property
    def language_numbers(self) -> int:
        """Numbers of one language's adapter, all layers."""
        info = self.backbone.info
        return adapter_numbers(info.layers, info.hidden, self.language_rank)

    @property
    def task_numbers(self) -> int:
        """Numbers of one task's adapter, all layers, its head left out."""
        info = self.backbone.info
        return adapter_numbers(info.layers, info.hidden, self.task_rank)

    def place(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Move the model to a device, with the frozen weights held in `dtype` and what is trained in fp32."""
        self.backbone.to(device, dtype)
        return self.to(device)

    def train(self, mode: bool = True) -> Self:
        """Switch to training; the backbone's dropout stays off, whoever used the backbone before."""
        self.backbone.encoder.eval()
        return super().train(mode)

    def languages(self) -> list[str]:
        """Codes of all languages that have an adapter."""
        return sorted(self.language_adapters)

    def language(self, code: str) -> "Bottleneck":
        """The language's adapter.

        Raises:
            NotFoundError: There is none.
        """
        if code not in self.language_adapters:
            near = did_you_mean(code, self.languages())
            raise NotFoundError(f"The MAD-X model has no language '{code}'{near}; learn its adapter from text first.")
        return self.language_adapters[code]

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises:
            NotFoundError: The model does not have it.
        """
        if name not in self.tasks:
            known = ", ".join(self.tasks)
            raise NotFoundError(
                f"The MAD-X model has no task '{name}'{did_you_mean(name, self.tasks)}; it has {known}."
            )
        return self.tasks[name]

    def new_language(self, code: str) -> "Bottleneck":
        """Begin a language, or begin it anew, with an adapter drawn from torch's generator."""
        self.language_adapters[code] = self._adapter(self.language_rank).to(self.device)
        return self.language_adapters[code]

    def forward(self, batch: Batch) -> Output:
        """Run a batch of one pair, or of several, whose rows lie together.

        Args:
            batch: ``input_ids`` and ``attention_mask`` ``(B, T)``, ``wanted`` ``(B, T)``, ``targets`` ``(N,)`` or none.

        Raises:
            NotFoundError: The model lacks a pair's language or task.
        """
        pairs, rows = [s.pair for s in batch.segments], [s.rows for s in batch.segments]
        self.active = _Active([self._stack(pair) for pair in pairs], rows)
        try:
            states = self.backbone.encoder(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask
            ).last_hidden_state  # (B, T, h)
        finally:
            self.active = None
        counts = [int(wanted.sum()) for wanted in batch.wanted.split(rows)]
        asked = states[batch.wanted].split(counts)
        logits = [self._score(pair, own) for pair, own in zip(pairs, asked, strict=True)]
        return Output(None if batch.targets is None else segment_loss(logits, batch.targets.split(counts)), logits)

    @contextmanager
    def cached_adapters(self) -> Iterator[None]:
        """Nothing is generated here, so nothing is kept."""
        yield

    def saved_tensors(self) -> dict[str, Tensor]:
        """What is learnt: all adapters, and the heads but for the backbone's own."""
        frozen = tuple(f"heads.{name}." for name, task in self.tasks.items() if task.kind == "mlm")
        return {name: value for name, value in self.state_dict().items() if not name.startswith(frozen)}

    def _adapter(self, rank: int) -> "Bottleneck":
        return Bottleneck(self.backbone.info.layers, self.backbone.info.hidden, rank)

    def _head(self, task: Task) -> nn.Module:
        if task.kind != "mlm":
            return WordHead(self.backbone.info.hidden, len(task.labels))
        return self.backbone.masked_head().requires_grad_(False)

    def _stack(self, pair: Pair) -> "list[Bottleneck]":
        language = self.language(pair.language)
        return [language] if self.task(pair.task).kind == "mlm" else [language, self.task_adapters[pair.task]]

    def _score(self, pair: Pair, states: Tensor) -> Tensor:
        head = self.heads[pair.task]
        if isinstance(head, MaskedHead):
            return head(states, self.backbone.word_embeddings)  # type: ignore[no-any-return]
        return head(states.float())  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """One adapter a layer, without its residual: ``U·ReLU(D·z + b) + b'``, matrices from N(0, 0.02²), biases 0.

    Args:
        layers: Layers of the backbone, ``L``.
        hidden: Hidden width of the backbone, ``h``.
        rank: Bottleneck width, ``r``.
    """

    def __init__(self, layers: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(layers, rank, hidden) * 0.02)
        self.down_bias = nn.Parameter(torch.zeros(layers, rank))
        self.up = nn.Parameter(torch.randn(layers, hidden, rank) * 0.02)
        self.up_bias = nn.Parameter(torch.zeros(layers, hidden))

    def forward(self, states: Tensor, layer: int) -> Tensor:
        """Read hidden states ``(B, T, h)`` at a layer, in the type they have."""
        down, down_bias, up, up_bias = (
            w[layer].to(states.dtype) for w in (self.down, self.down_bias, self.up, self.up_bias)
        )
        return functional.linear(functional.relu(functional.linear(states, down, down_bias)), up, up_bias)


def adapter_numbers(layers: int, hidden: int, rank: int) -> int:
    """Numbers of an adapter: in each layer two matrices and two biases."""
    return layers * (2 * hidden * rank + rank + hidden)


class _Active:
    """The adapters of the batch that is running: of each segment the language's, then the task's."""

    def __init__(self, stacks: list[list[Bottleneck]], rows: list[int]) -> None:
        self.stacks, self.rows = stacks, rows
        self.ffn = torch.empty(0)

    def end(self, norm: nn.LayerNorm, added: Tensor, read: Tensor, layer: int) -> Tensor:
        """End a layer: from r + x and z = LN(r + x), ``(B, T, h)``, to LN(TA + x), or LN(LA + x) without a task."""
        parts = (tensor.split(self.rows) for tensor in (read, self.ffn))
        changes = []
        for stack, z, r in zip(self.stacks, *parts, strict=True):
            change = stack[0](z, layer)
            for task in stack[1:]:
                change = task(change + r, layer)
            changes.append(change)
        # Both residuals are r, so TA + x is the change on top of r + x; a direct call runs no hooks.
        return norm.forward(added + (changes[0] if len(changes) == 1 else torch.cat(changes)))


def _seat(model: MadX) -> None:
    """Put hooks into the backbone that do nothing unless `model.active` is set, and go with the model."""
    me, ends = weakref.ref(model), model.backbone.sites("layer")
    norms = [end for end in ends if isinstance(end, nn.LayerNorm)]
    if len(norms) < len(ends):
        name = model.backbone.info.id
        raise UsageError(
            f"MAD-X needs layers that end in a LayerNorm, which those of {name} do not; use BERT or XLM-R."
        )
    handles = [_remember_ffn(me, ffn) for ffn in model.backbone.sites("ffn")]
    handles += [_adapt_end(me, norm, layer) for layer, norm in enumerate(norms)]
    weakref.finalize(model, _remove, handles)


def _remember_ffn(me: "weakref.ref[MadX]", ffn: nn.Module) -> RemovableHandle:
    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        model = me()
        if model is not None and model.active is not None:
            model.active.ffn = output

    return ffn.register_forward_hook(hook)


def _adapt_end(me: "weakref.ref[MadX]", norm: nn.LayerNorm, layer: int) -> RemovableHandle:
    def hook(module: nn.LayerNorm, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        model = me()
        if model is None or model.active is None:
            return None
        return model.active.end(module, inputs[0], output, layer)

    return norm.register_forward_hook(hook)


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
