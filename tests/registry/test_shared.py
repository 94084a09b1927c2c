"""What is stored from the Hub is stored whole or not at all, and moves no name back."""

from collections.abc import Callable

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.store import Registry
from tests.registry.conftest import BACKBONE

Make = Callable[..., LanguageRecord]
THIRD = "a3" * 32


def test_new_versions_are_in_use_and_known_ones_change_nothing(registry: Registry, make_record: Make) -> None:
    first, second = make_record(seed=1), make_record(seed=2)
    assert [stored.version for stored in registry.add_shared([first, second])] == [1, 2]
    assert registry.add_shared([first]) == []
    assert registry.language("mt").stored.hash == second.hash
    assert registry.add_shared([first], in_use=True) == []
    assert registry.language("mt").stored.hash == first.hash
    assert registry.check() == []


def test_all_of_it_or_nothing(registry: Registry, make_record: Make) -> None:
    model = {"name": "third", "fingerprint": THIRD, "path": "/models/third", "backbone": BACKBONE, "config": {},
             "created": None}  # fmt: skip
    records = [make_record("mt", model=THIRD), make_record("ug", model="a9" * 32)]
    with pytest.raises(ConflictError, match="not in the registry"):
        registry.add_shared(records, model=model)
    assert [known.name for known in registry.list_models()] == ["first", "second"]
    registry.add_shared(records[:1], model=model)
    assert [stored.language for stored in registry.languages("third")] == ["mt"]


def test_nothing_is_nothing(registry: Registry) -> None:
    assert registry.add_shared([]) == []
