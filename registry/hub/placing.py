"""A pulled model's folder: there whole or not at all, and what a killed pull has left is taken up or away."""

import filecmp
import shutil
import tempfile
from pathlib import Path

from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.registry.models import fingerprint_in
from hyperx_cl.share.layout import CONFIG, WEIGHTS
from hyperx_cl.share.model_files import ModelFiles


def expect_room(folder: Path, fingerprint: str) -> None:
    """Refuse, before anything is fetched, a folder that holds something else than the model to be pulled.

    A pull that was killed may have put the model there and not have stored it any more.

    Raises:
        ConflictError: It does.
    """
    if folder.exists() and not (_nothing_else(folder) and fingerprint_in(folder) == fingerprint):
        raise _taken(folder)


def put_model(model: ModelFiles, folder: Path) -> bool:
    """Put a model's files into a folder of their own.

    Args:
        model: Verified.
        folder: New, or left by a killed pull of the same model.

    Returns:
        Whether they were put there; False where the very same files are there already.

    Raises:
        ConflictError: The folder holds something else.
        UsageError: It cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        begun = f".pulling-{folder.name}+"  # no name of a model has a plus
        for left in folder.parent.glob(f"{begun}*"):
            shutil.rmtree(left, ignore_errors=True)
        if folder.exists():
            if not _holds(folder, model):
                raise _taken(folder)
            return False
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=begun) as made:
            fresh = Path(made) / "model"
            fresh.mkdir()
            (fresh / CONFIG).write_bytes(model.text)
            shutil.copyfile(model.weights, fresh / WEIGHTS)
            fresh.rename(folder)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}): choose another name with --as, or make room"
        ) from error
    return True


def _taken(folder: Path) -> ConflictError:
    return ConflictError(f"{folder} is there already and holds something else: choose another name with --as NAME")


def _nothing_else(folder: Path) -> bool:
    try:
        return {file.name for file in folder.iterdir()} == {CONFIG, WEIGHTS}
    except OSError:
        return False


def _holds(folder: Path, model: ModelFiles) -> bool:
    return (
        _nothing_else(folder)
        and (folder / CONFIG).read_bytes() == model.text
        and filecmp.cmp(folder / WEIGHTS, model.weights, shallow=False)
    )
