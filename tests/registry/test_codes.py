"""A language known under two codes is one language, wherever the registry takes a code."""

from collections.abc import Callable

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.registry.search import Wanted
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]

TWINS = [
    ("gn", "grn"), ("yue", "zh-yue"), ("sq", "alb"), ("sq", "sqi"), ("he", "iw"), ("id", "in"), ("ro", "mo"),
    ("nan", "zh-min-nan"), ("vro", "fiu-vro"), ("zh", "cmn"), ("mt", "MLT"), ("sr-Latn", "srp_latn"), ("yi", "ji"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "twin"), TWINS)
def test_every_entry_takes_both_codes(registry: Registry, make_record: Make, code: str, twin: str) -> None:
    with pytest.raises(UsageError, match=f"has to be made under its canonical code '{code}'"):
        registry.add_language(make_record(twin.replace("_", "-")))
    assert registry.expect_addable(twin) is None
    registry.add_language(make_record(code, seed=1))
    registry.add_language(make_record(code, seed=2), new_version=True)
    registry.add_language(make_record("fo", seed=3))
    with pytest.raises(ConflictError, match=f"'{code}' is already stored"):
        registry.expect_addable(twin)
    assert registry.language(twin).stored == registry.language(code).stored
    assert registry.history(twin) == registry.history(code)
    assert [s.language for s in registry.search(Wanted(codes=[twin]))] == [code]
    assert registry.use_language(twin, 1).language == code
    assert registry.use_language(twin, 2).version == 2
    assert registry.rollback_language(twin).version == 1
    assert [n.language for n in registry.near(twin)] == ["fo"]
    assert code in [n.language for n in registry.near("fao")]
    assert [gone.version for gone in registry.remove_language(twin)] == [1, 2]
    assert registry.check() == []
