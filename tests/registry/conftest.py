"""A registry with two models, and records to put into it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry

FIRST, SECOND = "a1" * 32, "a2" * 32
BACKBONE = {"id": "tiny", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}


@pytest.fixture
def make_record() -> Callable[..., LanguageRecord]:
    """Makes a record of 17 numbers that depend on the seed alone."""

    def make(language: str = "mt", seed: int = 0, model: str = FIRST, **provenance: object) -> LanguageRecord:
        rng = np.random.default_rng(seed)
        shapes = {"embedding": (8,), "part.down": (1, 1, 4), "part.down_bias": (1, 1), "part.up": (1, 4, 1)}
        tensors = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        return LanguageRecord(language, model, tensors, {"method": "mlm", **provenance})

    return make


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the registry's file is."""
    return tmp_path / "a new folder" / "registry.sqlite3"


@pytest.fixture
def registry(database: Path) -> Iterator[Registry]:
    """A registry that knows the models 'first' (the default) and 'second'."""
    with Registry.open(str(database)) as opened:
        for name, fingerprint in (("first", FIRST), ("second", SECOND)):
            opened.add_model(name, fingerprint, f"/models/{name}", BACKBONE, {"d_p": 32})
        yield opened
