"""Proof that adding touched nothing else: one hash over the model and every other language, and bits of their logits."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hyperx_cl.data.batches import Batch, Pair, Segment
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import inference

PROBE_LENGTH = 12


@dataclass(frozen=True)
class Proof:
    """What was hashed before and after.

    Args:
        before: SHA-256 over the model and every other language, before.
        after: The same, after.
        probe: Whether the other languages' logits on a fixed probe are bit-identical.
        languages: How many other languages there are.
    """

    before: str
    after: str
    probe: bool
    languages: int

    @property
    def holds(self) -> bool:
        """Nothing else has changed."""
        return self.before == self.after and self.probe


class Witness:
    """Remembers a model and its other languages at one moment.

    Args:
        model: The model.
        code: The language that may change.
    """

    def __init__(self, model: HyperX, code: str) -> None:
        self._model, self._code = model, code
        self._others = [other for other in model.languages() if other != code]
        self._hash, self._logits = self._look()

    def compare(self) -> Proof:
        """Look again and compare."""
        after, logits = self._look()
        return Proof(self._hash, after, logits == self._logits, len(self._others))

    def _look(self) -> tuple[str, str]:
        tensors: dict[str, Tensor] = dict(self._model.saved_tensors())
        for code in self._others:
            for name, value in self._model.language(code).tensors().items():
                tensors[f"language/{code}/{name}"] = torch.from_numpy(value)
        digest = hashlib.sha256()
        with inference(self._model):
            for code in self._others:
                for task in self._model.tasks:
                    logits = self._model(_probe(self._model, Pair(task, code))).logits[0]
                    digest.update(logits.float().cpu().numpy().tobytes())
        return fingerprint(tensors), digest.hexdigest()


@contextmanager
def frozen(model: HyperX) -> Iterator[None]:
    """Let nothing of the model train meanwhile; what is added inside trains as it likes."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _probe(model: HyperX, pair: Pair) -> Batch:
    vocabulary = model.backbone.info.vocabulary
    ids = torch.from_numpy(np.random.default_rng(0).integers(vocabulary, size=(1, PROBE_LENGTH)))
    wanted = torch.zeros(1, PROBE_LENGTH, dtype=torch.bool)
    wanted[0, ::3] = True
    return Batch(ids, torch.ones_like(ids), wanted, None, [Segment(pair, 1)]).to(model.device)
