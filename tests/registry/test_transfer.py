"""Records out of a registry as files, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord, load_record
from hyperx_cl.errors import ConflictError, DataError, NotFoundError
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.transfer import Moved, export
from hyperx_cl.task_record import load_task
from tests.registry.conftest import SECOND
from tests.registry.test_check import tamper
from tests.registry.test_tasks import make_task

Make = Callable[..., LanguageRecord]


@pytest.fixture
def filled(registry: Registry, make_record: Make) -> Registry:
    """Two models: the first with two languages, three versions and a task, the second with one language."""
    registry.add_language(make_record("mt", seed=1))
    registry.add_language(make_record("mt", seed=2), new_version=True)
    registry.use_language("mt", 1)
    registry.add_language(make_record("tr", seed=3, source="a wiki"))
    registry.add_language(make_record("mt", seed=4, model=SECOND))
    registry.add_task(make_task())
    return registry


def test_everything_is_written_in_the_format_of_records(filled: Registry, tmp_path: Path) -> None:
    place = tmp_path / "out" / "records"
    assert export(filled, place) == Moved(models=2, languages=3, versions=4, tasks=1)
    assert sorted(path.name for path in place.iterdir()) == ["languages", "models", "tasks"]
    assert [path.name for path in place.parent.iterdir()] == ["records"]
    told = json.loads((place / "models" / f"{'a1' * 32}.json").read_text(encoding="utf-8"))
    assert (told["format"], told["name"], told["default"]) == ("hyperx-cl/model-row@1", "first", True)
    assert (told["languages"]["mt"]["current"], list(told["languages"]["mt"]["versions"])) == (1, ["1", "2"])
    for stored in [*filled.history("mt"), *filled.languages("second")]:
        record = load_record(place / "languages" / f"{stored.hash}.safetensors")
        assert (record.hash, record.provenance) == (stored.hash, stored.provenance)
    (task,) = filled.tasks()
    assert load_task(place / "tasks" / f"{task.hash}.json").provenance == task.provenance
    assert {path.suffix for path in place.rglob("*") if path.is_file()} == {".safetensors", ".json"}


def test_one_model_or_some_languages(filled: Registry, tmp_path: Path) -> None:
    assert export(filled, tmp_path / "a", model="second") == Moved(1, 1, 1, 0)
    assert export(filled, tmp_path / "b", codes=["mlt"]) == Moved(2, 2, 3, 1)
    assert export(filled, tmp_path / "c", codes=["tr"], model="first") == Moved(1, 1, 1, 1)
    with pytest.raises(NotFoundError, match="'fo' .* is not stored for model 'first'"):
        export(filled, tmp_path / "d", codes=["mt", "fo"])
    with pytest.raises(NotFoundError, match="no model 'frist'"):
        export(filled, tmp_path / "d", model="frist")
    assert not (tmp_path / "d").exists()


def test_what_is_there_is_not_written_over(filled: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    export(filled, tmp_path / "empty")
    with pytest.raises(ConflictError, match="is there already and holds something: name a new folder"):
        export(filled, tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConflictError, match="is there already"):
        export(filled, tmp_path / "file")


def test_nothing_to_export(address: str, tmp_path: Path) -> None:
    with Registry.open(address) as empty, pytest.raises(NotFoundError, match="there is no model to export"):
        export(empty, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_record_is_not_exported(filled: Registry, database: Path, tmp_path: Path) -> None:
    tamper(database, "UPDATE blobs SET data = zeroblob(9) WHERE sha256 = (SELECT blob FROM versions WHERE number = 2)")
    with pytest.raises(DataError, match="version 2 of language 'mt' in the registry is damaged"):
        export(filled, tmp_path / "out" / "x")
    assert list((tmp_path / "out").iterdir()) == []
