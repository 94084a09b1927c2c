"""How a model is saved, loaded and pushed: the signatures that users of Hugging Face libraries know."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hyperx_cl.model.backbone import Backbone

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX


class Saved:
    """The part of `HyperX` that deals with folders and the Hub; it holds nothing."""

    def save_pretrained(
        self, save_directory: str | Path, *, push_to_hub: bool = False, repo_id: str | None = None, **push: Any
    ) -> str:
        """Write ``model.safetensors`` and ``config.json``, and push them if asked to.

        Args:
            save_directory: The folder.
            push_to_hub: See `push_to_hub`.
            repo_id: ``org/name``; the folder's name, in the namespace of the user, is never guessed.
            **push: What else `push_to_hub` takes.

        Returns:
            The model's fingerprint.
        """
        from hyperx_cl.model.storage import save

        mark = save(_model(self), Path(save_directory))
        if push_to_hub:
            self.push_to_hub(repo_id or "", **push)
        return mark

    def push_to_hub(
        self, repo_id: str, *, licence: str = "", commit_message: str | None = None, private: bool = False,
        token: str | bool | None = None, revision: str | None = None, create_pr: bool = False,
    ) -> str:  # fmt: skip
        """Push the model with its base languages in one commit; see `hyperx_cl.model.sharing.push_model`.

        Args:
            repo_id: ``org/name``; made where it is not there.
            licence: Of the data that it was learnt from.
            commit_message: Of the commit.
            private: Make a new repository visible to its owners alone.
            token: For the Hub; None for the one that is logged in.
            revision: Branch to write to.
            create_pr: Open a pull request instead.

        Returns:
            Address of the commit or pull request; empty where there was nothing to push.
        """
        from hyperx_cl.model.sharing import push_model

        return push_model(
            _model(self), repo_id, licence=licence, message=commit_message, private=private, token=token,
            revision=revision, create_pr=create_pr,
        ).url  # fmt: skip

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, *, backbone: Backbone | str | None = None,
        languages: Sequence[str] = (), revision: str | None = None, token: str | bool | None = None,
        cache_dir: str | Path | None = None, local_files_only: bool = False,
    ) -> "HyperX":  # fmt: skip
        """Load a model from a folder, or from a repository on the Hub where there is no such folder.

        Args:
            pretrained_model_name_or_path: Folder, or ``org/name``.
            backbone: See `hyperx_cl.model.storage.load`.
            languages: Of a repository: shared languages to attach, each in its newest version.
            revision: Of a repository: branch, tag or commit.
            token: For the Hub; None for the one that is logged in.
            cache_dir: Of huggingface_hub; its own by default.
            local_files_only: Serve from the cache alone.
        """
        from hyperx_cl.model.sharing import load_shared
        from hyperx_cl.model.storage import load

        folder = Path(pretrained_model_name_or_path)
        if folder.is_dir() or isinstance(pretrained_model_name_or_path, Path):
            return load(folder, backbone=backbone)
        return load_shared(
            pretrained_model_name_or_path, backbone=backbone, languages=languages, revision=revision, token=token,
            cache_dir=cache_dir, local_files_only=local_files_only,
        )  # fmt: skip


def _model(saved: Saved) -> "HyperX":
    return cast("HyperX", saved)
