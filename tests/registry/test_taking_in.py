"""An exported folder comes in whole, or nothing of it does."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord, save_record
from hyperx_cl.errors import ConflictError, DataError, HyperXError, NotFoundError, UsageError
from hyperx_cl.registry.model_file import ExportedLanguage, read_model, write_model
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.taking_in import TakenIn, import_folder
from hyperx_cl.registry.transfer import Moved, _exported, export
from tests.registry.conftest import BACKBONE, FIRST, SECOND
from tests.registry.test_tasks import make_task

Make = Callable[..., LanguageRecord]


@pytest.fixture
def exported(tmp_path: Path, make_record: Make) -> Path:
    """A folder with two models, the second the default one; mt has versions 1 and 3 and uses the first, 2 is gone."""
    with Registry.open(str(tmp_path / "from.sqlite3")) as source:
        for name, fingerprint in (("first", FIRST), ("second", SECOND)):
            source.add_model(name, fingerprint, f"/models/{name}", BACKBONE, {"d_p": 32})
        for seed in (1, 2, 3):
            source.add_language(make_record("mt", seed=seed, note="é"), new_version=True)
        source.remove_language("mt", 2)
        source.use_language("mt", 1)
        source.add_language(make_record("tr", seed=4))
        source.add_task(make_task())
        source.use_model("second")
        export(source, tmp_path / "records")
    return tmp_path / "records"


def test_an_empty_registry_becomes_the_same(exported: Path, address: str, tmp_path: Path) -> None:
    with (
        Registry.open(str(tmp_path / "from.sqlite3"), readonly=True) as source,
        Registry.open(address) as target,
    ):
        assert import_folder(target, exported) == TakenIn(Moved(2, 2, 3, 1), Moved())
        assert {m.name: m for m in target.list_models()} == {m.name: m for m in source.list_models()}
        for code in ("mt", "tr"):
            assert target.history(code, "first") == source.history(code, "first")
        assert target.tasks("first") == source.tasks("first")
        assert target.check() == []
        again = import_folder(target, exported)
        assert again == TakenIn(Moved(), Moved(2, 2, 3, 1))
        record = target.language("mt", "first").record
        fresh = LanguageRecord("mt", FIRST, {"embedding": -record.tensors["embedding"]}, {"method": "mlm"})
        assert target.add_language(fresh, new_version=True).version == 4  # 2 and 3 were given before


def test_what_is_there_keeps_its_name_path_and_version(exported: Path, registry: Registry, make_record: Make) -> None:
    kept = registry.add_language(make_record("mt", seed=3, source="said here"))
    assert import_folder(registry, exported) == TakenIn(Moved(0, 1, 2, 1), Moved(2, 1, 1, 0))
    assert registry.model().name == "first"
    assert [(s.version, s.current) for s in registry.history("mt")] == [(1, True), (2, False)]
    assert registry.language("mt").stored == kept
    assert registry.check() == []


def test_a_language_that_was_removed_is_in_use_again(exported: Path, registry: Registry, make_record: Make) -> None:
    for seed in (7, 8):
        registry.add_language(make_record("mt", seed=seed), new_version=True)
    registry.remove_language("mt")
    import_folder(registry, exported)
    assert [(s.version, s.current) for s in registry.history("mt")] == [(3, True), (4, False)]
    assert registry.language("mt").record.hash == make_record("mt", seed=1).hash


def test_a_dry_run_stores_nothing(exported: Path, address: str) -> None:
    with Registry.open(address) as target:
        assert import_folder(target, exported, dry_run=True).new == Moved(2, 2, 3, 1)
        assert target.list_models() == []
        assert target.check() == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["languages/*.safetensors", "languages/*.json", "tasks/*.safetensors", "models/*"])
def test_one_flipped_bit_anywhere_and_nothing_is_stored(exported: Path, registry: Registry, kind: str) -> None:
    files = sorted(exported.glob(kind))
    assert files
    flip(files[-1])
    with pytest.raises(DataError):
        import_folder(registry, exported)
    assert registry.languages() == [] and registry.tasks() == []
    assert registry.check() == []


def test_a_changed_provenance_is_found(exported: Path, registry: Registry) -> None:
    note = sorted(exported.glob("languages/*.json"))[0]
    note.write_text(note.read_text(encoding="utf-8").replace('"mlm"', '"mlX"'), encoding="utf-8")
    with pytest.raises(DataError, match="is damaged or was changed .its hash is another.: restore it"):
        import_folder(registry, exported)


def test_a_missing_file_is_named(exported: Path, registry: Registry, tmp_path: Path) -> None:
    gone = sorted(exported.glob("languages/*.safetensors"))[0]
    gone.unlink()
    with pytest.raises(NotFoundError, match=f"{gone.name} does not exist"):
        import_folder(registry, exported)
    with pytest.raises(NotFoundError, match="holds no exported model: name a folder"):
        import_folder(registry, tmp_path)
    assert registry.languages() == []


def put(folder: Path, record: LanguageRecord, code: str) -> None:
    """Put a record into an exported folder as the only version of a language."""
    file = save_record(record, folder / "languages")
    path = folder / "models" / f"{FIRST}.json"
    model = read_model(path)
    languages = {**model.languages, code: ExportedLanguage(1, 1, {1: _exported(file)})}
    write_model(type(model)(**{**vars(model), "languages": languages}), path.parent)


def vector(code: str, model: str = FIRST, **provenance: object) -> LanguageRecord:
    return LanguageRecord(code, model, {"embedding": np.ones(8, np.float32)}, {"method": "mlm", **provenance})


@pytest.mark.parametrize(
    ("record", "code", "said"),
    [
        (vector("grn"), "grn", "whose canonical code is 'gn'"),
        (vector("fo"), "is", "is the record of another language or model"),
        (vector("fo", "dd" * 32), "fo", "is the record of another language or model"),
        (vector("fo", created=5), "fo", "the created of language 'fo' is 5: a text of at most 40"),
        (vector("fo", method="m" * 65), "fo", "a text of at most 64 characters is expected"),
        (vector("fo", method=None), "fo", "cannot be stored without the method"),
        (vector("fo", backbone={"fingerprint": "e" * 64}), "fo", "was learnt on backbone eeee"),
    ],
)
def test_records_that_do_not_belong_are_refused(
    exported: Path, registry: Registry, record: LanguageRecord, code: str, said: str
) -> None:
    put(exported, record, code)
    with pytest.raises(HyperXError, match=said):
        import_folder(registry, exported)
    assert registry.languages() == [] and registry.tasks() == []
    assert registry.check() == []


def test_a_name_that_belongs_to_another_model_is_refused(exported: Path, address: str) -> None:
    with Registry.open(address) as target:
        target.add_model("second", "dd" * 32, "/x", BACKBONE, {})
        with pytest.raises(ConflictError, match="the name 'second' belongs to another model"):
            import_folder(target, exported)
        assert [model.name for model in target.list_models()] == ["second"]


def test_files_that_no_model_names_are_left_alone(exported: Path, registry: Registry) -> None:
    save_record(vector("fo"), exported / "languages")
    (exported / "models" / "notes.txt").write_text("mine")
    import_folder(registry, exported)
    assert [stored.language for stored in registry.languages()] == ["mt", "tr"]
    assert json.loads((exported / "models" / f"{FIRST}.json").read_text(encoding="utf-8"))["name"] == "first"


def test_the_model_s_folder_may_lie_elsewhere(exported: Path, registry: Registry, tmp_path: Path) -> None:
    with Registry.open(str(tmp_path / "from.sqlite3")) as source:
        export(source, tmp_path / "one", model="first")
    here = tmp_path / "model"
    with pytest.raises(NotFoundError, match="model holds no model: name the folder"):
        import_folder(registry, tmp_path / "one", model_dir=here)
    here.mkdir()
    (here / "config.json").write_text(json.dumps({"fingerprint": SECOND}))
    with pytest.raises(NotFoundError, match="model holds no model: name the folder"):  # it has no weights
        import_folder(registry, tmp_path / "one", model_dir=here)
    (here / "model.safetensors").touch()
    with pytest.raises(ConflictError, match="holds model a2a2a2a2a2a2…, the records belong to a1a1a1a1a1a1…"):
        import_folder(registry, tmp_path / "one", model_dir=here)
    (here / "config.json").write_text(json.dumps({"fingerprint": FIRST}))
    with pytest.raises(UsageError, match="--model-dir is of one model, and 2 are there"):
        import_folder(registry, exported, model_dir=here)
    assert registry.languages() == []
    import_folder(registry, tmp_path / "one", model_dir=here)
    assert [model.path for model in registry.list_models()] == [str(here), "/models/second"]
    assert registry.check() == []
