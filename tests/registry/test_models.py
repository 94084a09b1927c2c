"""Models: one default, names and fingerprints, and what removing does."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, NotFoundError, UsageError
from hyperx_cl.registry.store import Registry

Make = Callable[..., LanguageRecord]
BACKBONE = {"id": "tiny", "revision": "r1", "fingerprint": "c3" * 32, "model_type": "bert"}


def defaults(registry: Registry) -> list[str]:
    return [model.name for model in registry.list_models() if model.default]


def test_the_first_model_is_the_default_until_another_is_used(registry: Registry) -> None:
    assert [model.name for model in registry.list_models()] == ["first", "second"]
    assert registry.model().name == "first"
    assert registry.use_model("second").default
    assert registry.model().name == "second"
    assert defaults(registry) == ["second"]
    registry.use_model("second")
    assert defaults(registry) == ["second"]


def test_a_model_keeps_what_it_was_added_with(registry: Registry) -> None:
    added = registry.add_model(
        "third.v1", "0f" * 32, "models/x", BACKBONE, {"d_p": 32}, created="2026-01-01T00:00:00+00:00"
    )
    assert registry.model("third.v1") == added
    assert (added.backbone, added.config, added.default) == (BACKBONE, {"d_p": 32}, False)
    assert added.path == str(Path("models/x").absolute())
    assert added.created == "2026-01-01T00:00:00+00:00"


def test_a_model_is_found_by_the_beginning_of_its_fingerprint(registry: Registry) -> None:
    assert registry.model("a1a1").name == "first"
    registry.add_model("third", "a1" * 31 + "ff", "/x", BACKBONE, {})
    with pytest.raises(ConflictError, match="'a1a1' fits the models first, third: give a name"):
        registry.model("a1a1")


def test_adding_a_model_twice_only_renews_its_path(registry: Registry) -> None:
    registry.add_model("first", "a1" * 32, "/moved", BACKBONE, {})
    assert [model.path for model in registry.list_models()] == ["/moved", "/models/second"]


def test_a_name_or_a_model_taken_already_is_refused(registry: Registry) -> None:
    with pytest.raises(ConflictError, match=r"'first' belongs to another model \(a1a1a1a1a1a1…, this one is dddddd"):
        registry.add_model("first", "d" * 64, "/x", BACKBONE, {})
    with pytest.raises(ConflictError, match="already in the registry as 'first'"):
        registry.add_model("other", "a1" * 32, "/x", BACKBONE, {})
    assert len(registry.list_models()) == 2


@pytest.mark.parametrize("name", ["mbert-d32", "a", "0.x_y", "a" * 64, "cone"])
def test_good_names_are_taken(registry: Registry, name: str) -> None:
    registry.add_model(name, "d" * 64, "/x", BACKBONE, {})
    assert registry.model(name).fingerprint == "d" * 64


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "../x", ".hidden", "-x", "x" * 65, "a\x1b[1m", "é", "con", "Aux", "nul.old", "end."]
)
def test_bad_names_are_refused(registry: Registry, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a model"):
        registry.add_model(name, "d" * 64, "/x", BACKBONE, {})


def test_bad_fingerprints_and_backbones_are_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="'abc' is not the fingerprint of a model"):
        registry.add_model("x", "abc", "/x", BACKBONE, {})
    with pytest.raises(UsageError, match="is not the fingerprint of a backbone"):
        registry.add_model("x", "d" * 64, "/x", {**BACKBONE, "fingerprint": "?"}, {})
    with pytest.raises(UsageError, match="described without revision, model_type"):
        registry.add_model("x", "d" * 64, "/x", {"id": "tiny", "fingerprint": "c3" * 32}, {})


def test_no_model_yet_and_no_such_model(tmp_path: Path, registry: Registry) -> None:
    with Registry.open(str(tmp_path / "empty.sqlite3")) as empty:
        assert empty.list_models() == []
        for ask in (empty.model, empty.languages, lambda: empty.language("mt")):
            with pytest.raises(NotFoundError, match="no model yet: train one with `hyperx-cl train`"):
                ask()
    with pytest.raises(NotFoundError, match=r"no model 'frist' in the registry \(did you mean 'first'\?\)"):
        registry.model("frist")


def test_removing_the_default_passes_it_on(registry: Registry) -> None:
    assert registry.remove_model("first").default
    assert defaults(registry) == ["second"]
    registry.remove_model("second")
    assert registry.list_models() == []


def test_a_model_with_languages_is_removed_only_with_them(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("mt"))
    registry.add_language(make_record("fo"))
    with pytest.raises(ConflictError, match=r"still has languages \(fo, mt\): .* pass --cascade"):
        registry.remove_model("first")
    assert len(registry.languages("first")) == 2
    registry.remove_model("first", cascade=True)
    assert [model.name for model in registry.list_models()] == ["second"]
    assert registry.check() == []


def test_a_model_whose_languages_are_gone_can_be_removed(registry: Registry, make_record: Make) -> None:
    registry.add_language(make_record("mt"))
    registry.remove_language("mt")
    registry.remove_model("first")
    assert registry.check() == []


def test_a_registry_without_a_default_model_says_what_to_do(registry: Registry, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE models SET is_default = 0")
    with pytest.raises(NotFoundError, match="default one: choose with `hyperx-cl models use NAME` from first, second"):
        registry.model()
    assert registry.use_model("second").default


def test_a_model_and_its_languages_are_added_together(registry: Registry, make_record: Make) -> None:
    mark = "0e" * 32
    records = [make_record(code, seed=seed, model=mark) for seed, code in enumerate(("en", "tr"))]
    added = registry.add_trained("joint", mark, "/m", BACKBONE, {"d_p": 32}, records, method="joint", seed=3, steps=9)
    assert (added.name, added.fingerprint, added.config, added.default) == ("joint", mark, {"d_p": 32}, False)
    stored = registry.languages("joint")
    assert [(s.language, s.version, s.method, s.provenance["seed"], s.provenance["steps"]) for s in stored] == [
        ("en", 1, "joint", 3, 9), ("tr", 1, "joint", 3, 9),
    ]  # fmt: skip
    assert registry.check() == []


def test_a_model_is_not_added_without_all_of_its_languages(registry: Registry, make_record: Make) -> None:
    mark = "0e" * 32
    records = [make_record("en", model=mark), make_record("tr", model="0d" * 32)]
    with pytest.raises(ConflictError, match="'tr' was learnt for model 0d0d0d0d0d0d…, which is not in the registry"):
        registry.add_trained("joint", mark, "/m", BACKBONE, {}, records, method="joint")
    assert [model.name for model in registry.list_models()] == ["first", "second"]
    assert registry.check() == []
