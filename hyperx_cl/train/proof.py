"""Proof that learning touched nothing else: one hash over all that must stay, and the bits of the logits it gives.

It covers the model and the languages and learnt tasks in use, not what is stored elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hyperx_cl.data.batches import Batch, Pair, Segment
from hyperx_cl.model.devices import own_random_numbers
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference

PROBE_LENGTH = 12


@dataclass(frozen=True)
class Proof:
    """What was hashed before and after.

    Args:
        before: SHA-256 over the model, every other language and learnt task in use (and what one task alone may not
            move), before.
        after: The same, after.
        probe: Whether the logits of all of these on a fixed probe are bit-identical.
        languages: How many other languages are in use.
    """

    before: str
    after: str
    probe: bool
    languages: int

    @property
    def holds(self) -> bool:
        """Nothing else has changed."""
        return self.before == self.after and self.probe

    @property
    def covers(self) -> str:
        """What was hashed and probed, in words."""
        others = "language" if self.languages == 1 else "languages"
        return f"the model and the {self.languages} other {others} in use"


class Witness:
    """Remembers a model and its languages at one moment.

    Args:
        model: The model.
        code: The language that may change; ``None`` where none may, as when a task is learnt that is not there yet.
        task: The only task in which it may, or ``None`` for all.
    """

    def __init__(self, model: HyperX, code: str | None, *, task: str | None = None) -> None:
        self._model = model
        self._tasks = [*model.added_tasks]
        self._others = [other for other in model.languages() if other != code]
        self._pairs = [Pair(name, other) for other in self._others for name in model.tasks]
        self._moves = Pair(task, code) if task and code else None
        if task and code:
            self._pairs += [Pair(name, code) for name in model.tasks if name != task]
        self._hash, self._logits = self._look()

    def compare(self) -> Proof:
        """Look again and compare."""
        after, logits = self._look()
        return Proof(self._hash, after, logits == self._logits, len(self._others))

    def _look(self) -> tuple[str, str]:
        tensors: dict[str, Tensor] = dict(self._model.saved_tensors())
        read: dict[str, Any] = {}
        for code in [*self._others, *([self._moves.language] if self._moves else [])]:
            language = self._model.language(code)
            reading = language.pieces, self._model.transliterations.get(code, ())
            read |= {code: reading} if any(reading) else {}
            for name, value in language.tensors().items():
                tensors[f"language/{code}/{name}"] = torch.from_numpy(value)
        for name in self._tasks:
            for part, value in self._model.added_tasks[name].tensors().items():
                tensors[f"task/{name}/{part}"] = torch.from_numpy(value)
        if self._moves:
            own = f"language/{self._moves.language}/pair.{self._moves.task}."
            tensors = {name: value for name, value in tensors.items() if not name.startswith(own)}
        digest = hashlib.sha256()
        with inference(self._model):
            for pair in self._pairs:
                logits = self._model(_probe(self._model, pair)).logits[0]
                digest.update(logits.float().cpu().numpy().tobytes())
        return fingerprint(tensors, extra=json.dumps(read) if read else ""), digest.hexdigest()


@contextmanager
def frozen(model: HyperX, *, seed: int) -> Iterator[None]:
    """Let nothing of the model train meanwhile, and draw what is drawn (new parts, dropout) from that seed.

    What is added inside trains as it likes. Afterwards the model trains as before, and torch draws on as before.
    """
    parameters, training = [p for p in model.parameters() if p.requires_grad], model.training
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        with own_random_numbers(model.device, seed):
            yield
    finally:
        model.train(training)
        for parameter in parameters:
            parameter.requires_grad_(True)


def _probe(model: HyperX, pair: Pair) -> Batch:
    vocabulary = model.backbone.info.vocabulary
    ids = torch.from_numpy(np.random.default_rng(0).integers(vocabulary, size=(1, PROBE_LENGTH)))
    wanted = torch.zeros(1, PROBE_LENGTH, dtype=torch.bool)
    wanted[0, ::3] = True
    return Batch(ids, torch.ones_like(ids), wanted, None, [Segment(pair, 1)]).to(model.device)


def put_back(model: HyperX, code: str, earlier: nn.Module | None) -> None:
    """Give a language back what it was before a recipe that failed, or remove it where it was not there."""
    if earlier is not None:
        model.added[code] = earlier
    elif code in model.added:
        del model.added[code]
