"""Nearest languages by cosine."""

from collections.abc import Callable

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]


def add(registry: Registry, language: str, *vector: float, model: str = "a1" * 32) -> None:
    record = LanguageRecord(language, model, {"embedding": np.array(vector, dtype=np.float32)}, {"method": "mean"})
    registry.add_language(record, new_version=True)


@pytest.fixture
def filled(registry: Registry) -> Registry:
    """Four languages of known directions; 'kk' has an old version that must not count."""
    add(registry, "tr", 1, 0)
    add(registry, "kk", 1, 0)
    add(registry, "kk", 2, 2)
    add(registry, "mt", 0, 3)
    add(registry, "en", -1, 0)
    add(registry, "fo", 1, 0, model="a2" * 32)
    return registry


def test_neighbours_of_a_language(filled: Registry) -> None:
    found = filled.near("tur")
    assert [(n.language, n.version) for n in found] == [("kk", 2), ("mt", 1), ("en", 1)]
    assert [n.cosine for n in found] == pytest.approx([2**-0.5, 0.0, -1.0])


def test_neighbours_of_a_vector(filled: Registry) -> None:
    assert [n.language for n in filled.near([0.1, 5.0], k=2)] == ["mt", "kk"]
    assert [n.cosine for n in filled.near(np.zeros(2))] == [0.0] * 4


def test_what_cannot_be_asked(filled: Registry) -> None:
    with pytest.raises(UsageError, match="have 2 numbers, not 3"):
        filled.near([1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="at least one neighbour"):
        filled.near("tr", k=0)
    with pytest.raises(NotFoundError, match="is not stored for model 'first', only for model 'second'"):
        filled.near("fo")
    assert filled.near("fo", model="second") == []
