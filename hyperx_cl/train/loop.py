"""The one training loop: micro-batches in, optimiser steps out; recipes decide what trains and what happens between."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch import nn

from hyperx_cl.data.batches import Batch
from hyperx_cl.errors import HyperXError
from hyperx_cl.processes import timeout
from hyperx_cl.train.memory import Memory, free, ran_out

Value = TypeVar("Value")
NAMED_SENTENCES = 8
"""So many sentences of a bad batch are named."""


class DivergedError(HyperXError):
    """The numbers have left all bounds; nothing was changed by the step that found it.

    Args:
        step: Number of that step.
        batch: What it read last.
        kept: Step of the last checkpoint, which is a good one; None without any.
    """

    def __init__(self, step: int, batch: Batch, kept: int | None = None) -> None:
        self.step, self.batch = step, batch
        self.pair, self.sentences = batch.segments[-1].pair, [sentence + 1 for sentence in batch.sentences]
        named = ", ".join(map(str, self.sentences[:NAMED_SENTENCES]))
        more = len(self.sentences) - NAMED_SENTENCES
        which = f"; sentences {named}{f' and {more} more' if more > 0 else ''} of what is learnt on" if named else ""
        stays = "" if kept is None else f"; the checkpoint of step {kept} stays, go on from it with --resume"
        super().__init__(
            f"The loss is not a number at step {step} ({self.pair.task} in {self.pair.language}{which}): lower --rate, "
            f"or use --precision fp32{stays}."
        )


@dataclass(frozen=True)
class Group:
    """Parameters that share a learning rate.

    Args:
        parameters: What is trained.
        rate: Peak learning rate.
    """

    parameters: list[nn.Parameter]
    rate: float


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, then linear decay.

    Args:
        steps: Optimiser steps in all.
        warmup: Steps until the peak.
        final: Share of the peak that is left at the end.
    """

    steps: int
    warmup: int = 0
    final: float = 0.0

    def factor(self, step: int) -> float:
        """Share of the peak rate at a step, counted from 0."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return rise * max(self.final, 1 - step / self.steps)


@dataclass(frozen=True)
class Step:
    """What one optimiser step was.

    Args:
        number: Steps taken so far, this one included.
        loss: Mean loss of its micro-batches on this process.
        tokens: Real tokens read so far by all processes, padding left out.
        seconds: Wall-clock seconds since this sitting began.
        task: Task of the last micro-batch.
    """

    number: int
    loss: float
    tokens: int
    seconds: float
    task: str


class Alone:
    """Stands for an accelerator where one process trains, whatever the others that were started with it do."""

    num_processes, process_index = 1, 0

    def prepare_optimizer(self, optimiser: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Leave it as it is."""
        return optimiser

    def backward(self, loss: torch.Tensor) -> None:
        """Compute gradients."""
        loss.backward()

    def clip_grad_norm_(self, parameters: Sequence[nn.Parameter], norm: float) -> torch.Tensor:
        """Keep the global norm of the gradient within bounds, and tell what it was."""
        return nn.utils.clip_grad_norm_(parameters, norm)

    def unwrap_model(self, model: nn.Module) -> nn.Module:
        """The model itself, which nothing was wrapped around."""
        return model


def make_accelerator(*, cpu: bool = False) -> Accelerator:
    """The accelerator of base training; precision is ours (frozen weights in bf16), so it mixes none itself."""
    # A batch trains one pair: the other languages' parameters get no gradient, which DDP must be told.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    patience = InitProcessGroupKwargs(timeout=timedelta(seconds=timeout()))
    return Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[unused, patience])


class Loop:
    """Steps of AdamW over an endless stream of micro-batches.

    Args:
        model: What is called with a batch and gives an output with a loss.
        groups: What trains, and how fast.
        draw: Gives the micro-batch of this process for its running number.
        schedule: Learning rates over the steps.
        clip: Largest global norm of the gradient.
        accumulation: Micro-batches a step.
        accelerator: Shared by model, optimiser and processes; without one, this process trains alone.
        memory: How much goes through the model at once.
    """

    def __init__(
        self, model: nn.Module, groups: Sequence[Group], draw: Callable[[], Batch], schedule: Schedule, *,
        clip: float = 1.0, accumulation: int = 1, accelerator: Accelerator | Alone | None = None,
        memory: Memory | None = None,
    ) -> None:  # fmt: skip
        shared: Any = accelerator or Alone()
        self.accelerator = shared
        self.groups = [group for group in groups if group.parameters]
        self.parameters = [parameter for group in self.groups for parameter in group.parameters]
        optimiser = torch.optim.AdamW(
            [{"params": group.parameters, "lr": group.rate} for group in self.groups], weight_decay=0.0, fused=True
        )
        self.model: nn.Module = self.accelerator.prepare_model(model) if self.accelerator.num_processes > 1 else model
        self.optimiser: Any = self.accelerator.prepare_optimizer(optimiser)
        self.draw, self.schedule, self.clip, self.accumulation = draw, schedule, clip, accumulation
        self.memory = memory or Memory()
        self.number = self.tokens = 0
        self._last: Batch | None = None

    def __iter__(self) -> Iterator[Step]:
        """Train up to the last step of the schedule, handing out every step."""
        begin = time.perf_counter()
        while self.number < self.schedule.steps:
            loss, task = self._step()
            yield Step(self.number, loss, self.tokens, time.perf_counter() - begin, task)

    def expect_sound(self) -> None:
        """See to it that what is about to be kept is worth keeping.

        Raises:
            DivergedError: The last batch, read again, has no finite loss now that the step was taken.
        """
        if self._last is None:
            return
        model: nn.Module = self.accelerator.unwrap_model(self.model)
        training = model.training
        model.eval()
        with torch.no_grad():
            total = sum(float(model(piece).loss) * share for piece, share in self.memory.pieces(self._last))
        model.train(training)
        if not math.isfinite(total):
            raise DivergedError(self.number, self._last)

    def _step(self) -> tuple[float, str]:
        for group, settings in zip(self.optimiser.param_groups, self.groups, strict=True):
            group["lr"] = settings.rate * self.schedule.factor(self.number)
        self.model.train()
        batches = [self.draw() for _ in range(self.accumulation)]
        total, last = self._gradients(batches), batches[-1]
        # Before the step, for after it the weights would be no numbers either.
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.clip)
        if not (math.isfinite(total) and math.isfinite(float(norm))):
            self.optimiser.zero_grad(set_to_none=True)
            raise DivergedError(self.number + 1, last)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._last = last
        self.number += 1
        self.tokens += self._everywhere(sum(batch.tokens for batch in batches))
        return total, last.segments[-1].pair.task

    def _gradients(self, batches: Sequence[Batch]) -> float:
        """Add up the gradients of a step, in pieces that fit into memory, and return the mean loss."""
        chance = _chance(batches[0].input_ids.device) if self.memory.halves else None
        while True:
            try:
                return sum(self._backward(batch) for batch in batches)
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
            # Outside of the handler: what it holds is what must be given back.
            self.optimiser.zero_grad(set_to_none=True)
            free()
            self.memory.halve(batches)
            if chance is not None:
                _restore_chance(*chance)

    def _backward(self, batch: Batch) -> float:
        total = 0.0
        for piece, share in self.memory.pieces(batch):
            loss = self.model(piece).loss * share / self.accumulation
            self.accelerator.backward(loss)
            total += float(loss.detach())
        return total

    def gathered(self, value: Value) -> list[Value]:
        """What every process has, in the order of their ranks."""
        found: list[Any] = [value] * self.accelerator.num_processes
        if len(found) > 1:
            torch.distributed.all_gather_object(found, value)
        return found

    def _everywhere(self, count: int) -> int:
        if self.accelerator.num_processes == 1:
            return count
        shared: torch.Tensor = self.accelerator.reduce(torch.tensor(count, device=self.accelerator.device))
        return int(shared)


def _chance(device: torch.device) -> tuple[torch.device, torch.Tensor, torch.Tensor | None]:
    """What dropout would draw next."""
    return device, torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _restore_chance(device: torch.device, cpu: torch.Tensor, gpu: torch.Tensor | None) -> None:
    torch.set_rng_state(cpu)
    if gpu is not None:
        torch.cuda.set_rng_state(gpu, device)
