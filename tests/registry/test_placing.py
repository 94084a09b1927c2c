"""Where a pulled model's files go: whole, never over anything else, and gone on with where a pull was killed."""

from pathlib import Path

import pytest

from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.registry.hub.placing import expect_room, put_model
from hyperx_cl.share.model_files import ModelFiles

MARK = "a1" * 32
TEXT = b'{"fingerprint": "' + MARK.encode() + b'"}'


@pytest.fixture
def model(tmp_path: Path) -> ModelFiles:
    """Files as they come out of the cache."""
    weights = tmp_path / "fetched"
    weights.write_bytes(b"numbers")
    return ModelFiles({"fingerprint": MARK}, TEXT, weights, 7, "b2" * 32)


def _inside(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_it_is_put_there_once(model: ModelFiles, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "name"
    expect_room(folder, MARK)
    assert put_model(model, folder)
    assert _inside(folder) == {"config.json": TEXT, "model.safetensors": b"numbers"}
    expect_room(folder, MARK)  # as after a kill before it was stored
    assert not put_model(model, folder)
    assert [file.name for file in folder.parent.iterdir()] == ["name"]


def test_what_a_killed_pull_has_begun_goes_and_that_of_others_stays(model: ModelFiles, tmp_path: Path) -> None:
    models = tmp_path / "models"
    for begun in (".pulling-name+x1", ".pulling-name-two+x1", ".pulling-other+x1"):
        (models / begun / "model").mkdir(parents=True)
    put_model(model, models / "name")
    assert {file.name for file in models.iterdir()} == {"name", ".pulling-name-two+x1", ".pulling-other+x1"}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config.json": TEXT},
        {"config.json": b'{"fingerprint": "b2"}', "model.safetensors": b"numbers"},
        {"config.json": b"[" * 10_000, "model.safetensors": b"numbers"},
        {"config.json": TEXT, "model.safetensors": b"numbers", "log.jsonl": b"a run's own"},
    ],
)
def test_what_is_no_such_model_stays_and_is_refused_before_anything_is_fetched(
    files: dict[str, bytes], model: ModelFiles, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "name"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_bytes(text)
    for attempt in (lambda: expect_room(folder, MARK), lambda: put_model(model, folder)):
        with pytest.raises(ConflictError, match="holds something else: choose another name with --as NAME"):
            attempt()
    assert _inside(folder) == files


@pytest.mark.parametrize(("name", "text"), [("model.safetensors", b"numberS"), ("config.json", TEXT + b" ")])
def test_the_same_model_in_other_bytes_stays_and_is_refused(
    name: str, text: bytes, model: ModelFiles, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "name"
    put_model(model, folder)
    (folder / name).write_bytes(text)
    with pytest.raises(ConflictError, match="holds something else"):
        put_model(model, folder)
    assert _inside(folder)[name] == text


def test_where_nothing_can_be_written_it_says_so(model: ModelFiles, tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"a file")
    with pytest.raises(UsageError, match="cannot be written .*: choose another name with --as, or make room"):
        put_model(model, tmp_path / "models" / "name")
