"""What the tests of push and pull share: a home with a language to push, and homes to pull into."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.loading import load_model
from hyperx_cl.registry.store import Registry
from hyperx_cl.task_record import TaskRecord
from tests.conftest import Online

REPO = "org/languages"
WIDTH, HIDDEN, LAYERS = 64, 32, 3
RNG_SCALE = 0.05


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Small numbers that fp16 has to round."""
    return (RNG_SCALE * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def language(model: str, code: str = "mt", *, seed: int = 1, part: bool = True, **more: object) -> LanguageRecord:
    """A record for the tests' tiny model: a vector, and with `part` a part and a shift too."""
    tensors = {"embedding": numbers(seed, WIDTH) * 20}
    if part:
        tensors |= {
            "part.down": numbers(seed + 1, 2, 4, HIDDEN), "part.down_bias": numbers(seed + 2, 2, 4),
            "part.up": numbers(seed + 3, 2, HIDDEN, 4), "shift.ids": np.array([5, 7, 130], np.float32),
            "shift.factors": numbers(seed + 4, 3, 2), "shift.basis": numbers(seed + 5, 2, HIDDEN),
        }  # fmt: skip
    told: dict[str, object] = {
        "method": "mlm",
        "source": "Maltese Wikipedia",
        "licence": "CC-BY-SA-4.0",
        "created": "2026-01-01",
    }
    told["losses"] = {"random": 9.5, "zero": 7.25, "mean": 5.0625, "nearest": 4.75, "start": 5.0625, "learnt": 3.125}
    return LanguageRecord(code, model, tensors, told | more)


def task(model: str, name: str = "number", *, seed: int = 30) -> TaskRecord:
    """A learnt task for it."""
    tensors = {
        "embedding": numbers(seed, WIDTH), "head.weight": numbers(seed + 1, 3, HIDDEN), "head.bias": numbers(seed, 3)
    }  # fmt: skip
    told = {"method": "task", "licence": "CC-BY-4.0"}
    return TaskRecord(name, model, "words", ("none", "Plur", "Sing"), "feats.Number", tensors, told)


@dataclass
class Homes:
    """Homes of people who share over one Hub: the current one is where commands run."""

    online: Online
    folder: Path
    patch: pytest.MonkeyPatch

    def go(self, name: str) -> Path:
        """Be somebody: make their home the current one."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        self.patch.setenv("HYPERX_HOME", str(home))
        return home

    def __call__(self, *words: str | Path, code: int = 0) -> tuple[str, str]:
        """Run a command line online, which ends with that code; what it printed and said."""
        found, out, err = self.online(*words)
        assert found == code, out + err
        return out, err


def logits(backbone: Path, code: str) -> list[bytes]:
    """The bits of what the default model of the current home computes for fixed pieces in a language, by task."""
    import torch

    from hyperx_cl.data.batches import Batch, Pair, Segment

    with Registry.open(readonly=True) as registry:
        model = load_model(registry, registry.model(), backbone=str(backbone), device="cpu", precision="fp32")
    ids = torch.arange(5, 5 + 24).reshape(2, 12)
    everywhere = torch.ones_like(ids, dtype=torch.bool)
    found = []
    for name in sorted(model.tasks):
        batch = Batch(ids, everywhere.long(), everywhere, None, [Segment(Pair(name, code), 2)])
        with torch.no_grad():
            found.append(model(batch).logits[0].numpy().tobytes())
    return found
