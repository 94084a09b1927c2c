"""Names and folders of models that are refused before hours of training."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperx_cl.cli.keeping import expect_free
from hyperx_cl.errors import ConflictError
from hyperx_cl.registry.store import Registry

BACKBONE = {"id": "b", "revision": "", "fingerprint": "a1" * 32, "model_type": "bert"}
MARK = "a2" * 32


def _write(folder: Path, *, checkpoint: bool = True, mark: str | None = None) -> Path:
    """Leave what a run leaves: a checkpoint, and a model with that fingerprint."""
    if checkpoint:
        (folder / "checkpoint").mkdir(parents=True)
    if mark:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(b"")
        (folder / "config.json").write_text(json.dumps({"fingerprint": mark}))
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry that knows the model `tiny`, which lies in `tiny`."""
    _write(tmp_path / "tiny", mark=MARK)
    with Registry.open() as opened:
        opened.add_model("tiny", MARK, tmp_path / "tiny", BACKBONE, {})
        yield opened


@pytest.mark.parametrize("resume", [False, True])
def test_a_free_name_and_a_free_folder(registry: Registry, tmp_path: Path, resume: bool) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("none", "empty"):
        assert expect_free(registry, "new", tmp_path / folder, resume=resume) is None


def test_a_run_that_is_not_finished_is_gone_on_with_when_asked(registry: Registry, tmp_path: Path) -> None:
    cut, old = _write(tmp_path / "cut"), tmp_path / "old"
    (old / "checkpoint.old").mkdir(parents=True)  # cut off while its checkpoint was replaced
    unkept = _write(tmp_path / "unkept", mark="a3" * 32)  # cut off before the registry got the model
    for folder in (cut, old, unkept):
        assert expect_free(registry, "new", folder, resume=True) is None
        with pytest.raises(ConflictError, match="already holds a run: go on with --resume"):
            expect_free(registry, "new", folder, resume=False)


def test_a_finished_run_is_told_from_one_to_go_on_with(registry: Registry, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "tiny")
    for folder in (tmp_path / "tiny", link):
        assert expect_free(registry, "tiny", folder, resume=True) == registry.model("tiny")
        with pytest.raises(ConflictError, match=r"'tiny' belongs to the finished model in .*--name, or forget"):
            expect_free(registry, "tiny", folder, resume=False)


@pytest.mark.parametrize("resume", [False, True])
def test_a_name_that_is_another_model_s(registry: Registry, tmp_path: Path, resume: bool) -> None:
    with pytest.raises(ConflictError, match=f"'tiny' belongs to the model in {tmp_path}/tiny: choose another"):
        expect_free(registry, "tiny", tmp_path / "other", resume=resume)
    shutil.rmtree(tmp_path / "tiny")
    gone = f"belongs to a model that is not in {tmp_path}/tiny any more: .*models remove tiny --cascade"
    with pytest.raises(ConflictError, match=gone):
        expect_free(registry, "tiny", tmp_path / "tiny", resume=resume)
    _write(tmp_path / "tiny", mark="a3" * 32)
    with pytest.raises(ConflictError, match=gone):
        expect_free(registry, "tiny", tmp_path / "tiny", resume=resume)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_is_another_model_s(registry: Registry, tmp_path: Path, resume: bool) -> None:
    shutil.copytree(tmp_path / "tiny", tmp_path / "copy")
    for folder in ("tiny", "copy"):
        with pytest.raises(ConflictError, match=r"/(tiny|copy) is the folder of a model .* knows as 'tiny': choose"):
            expect_free(registry, "new", tmp_path / folder, resume=resume)
    shutil.rmtree(tmp_path / "tiny")  # the registry would point at the new model under the old name
    with pytest.raises(ConflictError, match="knows as 'tiny'"):
        expect_free(registry, "new", tmp_path / "tiny", resume=resume)


@pytest.mark.parametrize("resume", [False, True])
def test_a_model_without_a_checkpoint_cannot_be_gone_on_with(registry: Registry, tmp_path: Path, resume: bool) -> None:
    folder = _write(tmp_path / "bare", checkpoint=False, mark="a3" * 32)
    with pytest.raises(ConflictError, match="already holds a model and no checkpoint to go on from"):
        expect_free(registry, "new", folder, resume=resume)
