"""Languages and their versions: numbers, names, parents, and every refusal."""

from collections.abc import Callable

import numpy as np
import pytest

from hyperx_cl import __version__
from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.registry.store import Registry
from tests.registry.conftest import SECOND

Make = Callable[..., LanguageRecord]


def test_a_language_comes_back_as_it_was(registry: Registry, make_record: Make) -> None:
    record = make_record("mt", tokens=1000, losses={"mean": 3.5})
    stored = registry.add_language(record, seed=7, steps=720)
    loaded = registry.language("mlt")
    assert loaded.stored == stored == registry.languages()[0]
    assert loaded.record.hash == record.hash == stored.hash
    assert all(np.array_equal(loaded.record.tensors[name], array) for name, array in record.tensors.items())
    assert (stored.version, stored.current, stored.parent, stored.method) == (1, True, None, "mlm")
    assert (stored.model, stored.fingerprint, stored.numbers, stored.tasks) == ("first", record.model, 17, ())


def test_the_provenance_is_completed(registry: Registry, make_record: Make) -> None:
    record = make_record("mt", seed=1, method="mean", tokens=10, created="2026-01-02T03:04:05+00:00")
    told = registry.add_language(record, method="like", steps=3, parent="f" * 64).provenance
    assert told == {
        **{"method": "like", "tokens": 10, "steps": 3, "parent": "f" * 64, "created": "2026-01-02T03:04:05+00:00"},
        "hyperx_cl": __version__,
        "backbone": {"id": "tiny", "revision": "", "fingerprint": "c3" * 32},
    }
    assert registry.language("mt").record.provenance == told
    assert registry.add_language(make_record("fo")).created.endswith("+00:00")


def test_a_version_is_found_by_its_hash_in_whichever_model(registry: Registry, make_record: Make) -> None:
    first = registry.add_language(make_record(seed=1))
    other = registry.add_language(make_record(seed=1, model=SECOND))
    assert (registry.version(first.hash), registry.version(other.hash)) == (first, other)
    assert other.model == "second" and registry.version("0" * 64) is None


def test_versions_are_counted_and_the_name_points_at_the_newest(registry: Registry, make_record: Make) -> None:
    first = registry.add_language(make_record(seed=1))
    second = registry.add_language(make_record(seed=2), new_version=True, parent=first.hash)
    assert (second.version, second.parent) == (2, first.hash)
    assert [(v.version, v.current) for v in registry.history("mt")] == [(1, False), (2, True)]
    assert registry.language("mt").record.hash == second.hash
    assert registry.language("mt", version=1).record.hash == first.hash
    assert [v.version for v in registry.languages()] == [2]


def test_a_language_already_there_is_refused_and_nothing_changes(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record(seed=1))
    refusal = r"'mt' is already stored .*\(version 1\): pass --new-version"
    with pytest.raises(ConflictError, match=refusal):
        registry.add_language(make_record(seed=2))
    with pytest.raises(ConflictError, match=refusal):
        registry.expect_addable("mlt")
    assert len(registry.history("mt")) == 1
    assert registry.check() == []


def test_what_would_be_refused_later_is_refused_before(registry: Registry, make_record: Make) -> None:
    assert registry.expect_addable("mt") is None
    stored = registry.add_language(make_record())
    assert registry.expect_addable("mt", new_version=True) == stored
    assert registry.expect_addable("mt", model="second") is None


def test_equal_content_is_stored_once(registry: Registry, make_record: Make) -> None:
    first = registry.add_language(make_record(seed=1, method="mlm"))
    registry.add_language(make_record(seed=2), new_version=True)
    again = registry.add_language(make_record(seed=1, method="other"))
    assert (again.version, again.method, again.created) == (1, "mlm", first.created)
    assert len(registry.history("mt")) == 2


def test_one_language_under_two_codes_is_one(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("yue"))
    assert registry.language("zh-yue").stored.language == "yue"
    with pytest.raises(UsageError, match="'grn' has to be made under its canonical code 'gn'"):
        registry.add_language(make_record("grn"))


def test_use_points_the_name_elsewhere(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record(seed=1))
    registry.add_language(make_record(seed=2), new_version=True)
    assert registry.use_language("mt", 1).current
    assert registry.language("mt").stored.version == 1
    assert registry.add_language(make_record(seed=3), new_version=True).version == 3
    with pytest.raises(NotFoundError, match="'mt' of model 'first' has no version 9: it has 1, 2, 3"):
        registry.use_language("mt", 9)


def test_removing_a_version_moves_the_name_to_the_newest_left(registry: Registry, make_record: Make) -> None:
    for seed in (1, 2, 3):
        registry.add_language(make_record(seed=seed), new_version=True)
    assert [v.version for v in registry.remove_language("mt", 3)] == [3]
    assert registry.language("mt").stored.version == 2
    registry.remove_language("mt", 1)
    assert registry.language("mt").stored.version == 2
    assert registry.check() == []


def test_what_is_learnt_again_is_in_use_again(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record(seed=1))
    second = registry.add_language(make_record(seed=2), new_version=True)
    registry.use_language("mt", 1)
    assert registry.add_language(make_record(seed=2), new_version=True).version == second.version == 2
    assert registry.language("mt").stored.version == 2
    assert [stored.version for stored in registry.history("mt")] in ([1, 2], [2, 1])


def test_a_version_number_is_never_given_twice(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record(seed=1))
    registry.add_language(make_record(seed=2), new_version=True)
    assert len(registry.remove_language("mt")) == 2
    assert registry.languages() == []
    assert registry.add_language(make_record(seed=1)).version == 3
    assert registry.check() == []


def test_an_unknown_language_is_one_sentence(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("hsb"))
    with pytest.raises(NotFoundError) as caught:
        registry.language("dsb")
    assert str(caught.value) == (
        "language 'dsb' (Lower Sorbian) is not stored for model 'first' (did you mean 'hsb'?): "
        "learn it with `hyperx-cl add-language dsb --mlm FILE`"
    )
    with pytest.raises(NotFoundError, match=r"'maltees' is not a language code \(did you mean 'mt'"):
        registry.language("maltees")


def test_a_language_of_another_model_is_one_sentence(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("ug", model="a2" * 32))
    with pytest.raises(NotFoundError) as caught:
        registry.language("ug")
    assert str(caught.value) == (
        "language 'ug' (Uyghur) is not stored for model 'first', only for model 'second': pass --model second, "
        "or learn it for this model with `hyperx-cl add-language ug --model first --mlm FILE`"
    )
    assert registry.language("ug", model="second").stored.model == "second"


def test_a_record_of_an_unknown_model_or_backbone_is_refused(registry: Registry, make_record: Make) -> None:
    with pytest.raises(ConflictError, match="for model dddddddddddd…, which is not in the registry"):
        registry.add_language(make_record(model="d" * 64))
    with pytest.raises(ConflictError, match=r"on backbone eeeeeeeeeeee…, but model 'first' belongs to .* c3c3c3"):
        registry.add_language(make_record(backbone={"fingerprint": "e" * 64}))
    with pytest.raises(UsageError, match="without the method"):
        registry.add_language(make_record(method=None))
    assert registry.languages() == []
    assert registry.check() == []


def test_two_models_have_their_own_versions(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("mt"))
    assert registry.add_language(make_record("mt", model="a2" * 32)).version == 1
    registry.remove_language("mt", model="second")
    assert [v.model for v in registry.history("mt")] == ["first"]


def test_what_is_said_anew_of_equal_numbers_is_kept_as_a_correction(registry: Registry, make_record: Make) -> None:
    first = registry.add_language(make_record(seed=1, source="wiki", licence="CC0"))
    registry.add_language(make_record(seed=2), new_version=True)
    again = registry.add_language(make_record(seed=1, source="news", licence="CC0"), new_version=True, run=4)
    assert (again.version, again.current, again.created) == (1, True, first.created)
    (correction,) = again.provenance["corrections"]
    assert again.provenance["source"] == "news" and again.provenance["licence"] == "CC0"
    assert (correction["run"], correction["was"], correction["is"]) == (4, {"source": "wiki"}, {"source": "news"})
    assert correction["at"].endswith("+00:00")
    later = registry.add_language(make_record(seed=1, licence="CC-BY-4.0"))
    assert (later.provenance["source"], later.provenance["licence"]) == ("news", "CC-BY-4.0")
    assert [c["is"] for c in later.provenance["corrections"]] == [{"source": "news"}, {"licence": "CC-BY-4.0"}]
    assert registry.add_language(make_record(seed=1, source="news")) == later  # nothing new
    assert registry.language("mt").record.hash == first.hash
    assert registry.check() == []


def test_the_pieces_of_a_token_patch_come_back(registry: Registry, make_record: Make) -> None:
    plain = make_record("mt")
    rows = {"patch.embeddings": np.ones((2, 4), np.float32), "patch.bias": np.zeros(2, np.float32)}
    record = LanguageRecord("mt", plain.model, {**plain.tensors, **rows}, plain.provenance, ("##ċ", "ġ"))
    stored = registry.add_language(record)
    loaded = registry.language("mt")
    assert loaded.record.pieces == ("##ċ", "ġ") and loaded.record.hash == record.hash == stored.hash
    assert stored.numbers == plain.numbers + 10 and registry.check() == []
    registry.add_language(plain, new_version=True)
    assert registry.language("mt").record.pieces == ()


def test_rollback_goes_to_the_parent_or_to_the_one_before(registry: Registry, make_record: Make) -> None:
    first = registry.add_language(make_record(seed=1))
    with pytest.raises(ConflictError, match="version 1 of language 'mt' is the first"):
        registry.rollback_language("mt")
    for seed in (2, 3):
        registry.add_language(make_record(seed=seed), new_version=True)
    registry.add_language(make_record(seed=4), new_version=True, parent=first.hash)
    registry.add_language(make_record(seed=5), new_version=True, parent="f" * 64)
    assert [registry.rollback_language("mt").version for _ in range(2)] == [4, 1]
    assert [stored.current for stored in registry.history("mt")] == [True, False, False, False, False]
    registry.use_language("mt", 3)
    registry.remove_language("mt", 2)
    assert registry.rollback_language("mt").version == 1
    assert registry.check() == []


def test_what_no_column_holds_is_refused(registry: Registry, make_record: Make) -> None:
    with pytest.raises(DataError, match="the method of language 'mt' is 'mmm.*at most 64 characters is expected"):
        registry.add_language(make_record(method="m" * 65))
    with pytest.raises(DataError, match="the parent of language 'mt' is 5"):
        registry.add_language(make_record(parent=5))
    assert registry.languages() == []
