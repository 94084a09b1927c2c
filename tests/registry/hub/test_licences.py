"""The licences of a record are those of all that it was learnt from; data without one is refused."""

from dataclasses import replace
from typing import Any

import pytest

from hyperx_cl.errors import UsageError
from hyperx_cl.registry.hub.licences import chain, licences_of
from hyperx_cl.registry.records import StoredLanguage

FIRST = StoredLanguage("mt", "m", "a1" * 32, 1, False, "h1", None, "mlm", "", 1, (), {"licence": "CC-BY-4.0"})


def test_a_chain_goes_back_as_far_as_it_is_stored_and_ends() -> None:
    second = replace(FIRST, version=2, hash="h2", parent="h1")
    third = replace(FIRST, version=3, hash="h3", parent="h2")
    assert chain(third, [FIRST, second, third]) == [third, second, FIRST]
    assert chain(third, [third]) == [third]
    loop = replace(FIRST, parent="h2")
    assert chain(second, [loop, second]) == [second, loop]


@pytest.mark.parametrize(
    "links, given, found",
    [
        ([("mlm", {"licence": "A"})], None, ["A"]), ([("fewshot", {}), ("mlm", {"licence": "A"})], "B", ["A", "B"]),
        ([("like", {})], None, []), ([("mlm", {"hub": {"licences": ["C", "A"]}})], None, ["A", "C"]),
        ([("mlm", {"licence": "A"})], "B", ["A"]),
    ],
)  # fmt: skip
def test_the_union(links: list[tuple[str, dict[str, Any]]], given: str | None, found: list[str]) -> None:
    assert licences_of("it", links, given) == found


@pytest.mark.parametrize("told", [{}, {"licence": None}, {"licence": "  "}, {"hub": {"licences": []}}])
def test_data_without_a_licence_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no licence is known"):
        licences_of("it", [("mlm", told), ("mlm", {"licence": "A"})], None)
