"""What a data set of the Hub holds at one commit: its Parquet files by configuration and split, and its licence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from hyperx_cl.data.hub.reaching import speaking
from hyperx_cl.errors import DataError
from hyperx_cl.share.trying import tried

_SPLIT = re.compile(r"(?:^|[^a-z])(train|validation|valid|dev|test)(?:[^a-z]|$)")
_SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}
_NO_CONFIG = {"", ".", "data", "parquet", *_SPLITS}
_TRIES = 4  # some two seconds: somebody waits for a list
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubFile:
    """A file of a data set: its path, and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True)
class Listing:
    """A data set at one commit.

    Attributes:
        repo: Its id.
        revision: The commit, 40 hex digits.
        licence: As its card says, or None.
        files: Configuration to split (``train``, ``dev``, ``test``) to files in their order.
    """

    repo: str
    revision: str
    licence: str | None
    files: Mapping[str, Mapping[str, Sequence[HubFile]]]

    def bytes(self, config: str, *splits: str) -> int:
        """Size of a configuration's files, of some splits or of all."""
        found = self.files[config]
        return sum(file.bytes for split in splits or found for file in found.get(split, ()))


def list_repo(repo: str, revision: str | None = None) -> Listing:
    """Ask the Hub what a data set holds.

    Only Parquet files count: nothing that is code is ever fetched. A configuration is called as the folder is in which
    its files lie; splits are told by file or folder.

    Args:
        repo: The data set's id.
        revision: A commit; None for the newest.

    Raises:
        NotFoundError: No such data set or commit.
        NetworkError: The Hub cannot be reached.
        DataError: It has no Parquet file, or the Hub's answer is none.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    with speaking(f"the list of {repo}"):
        info = tried(lambda: api.dataset_info(repo, revision=revision, timeout=60), tries=_TRIES)
        commit = str(info.sha)
        if not _COMMIT.fullmatch(commit):
            raise DataError(f"the Hub names no commit of {repo}: check HF_ENDPOINT")
        tree = tried(
            lambda: list(api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)), tries=_TRIES
        )
    found: dict[str, dict[str, list[HubFile]]] = {}
    for entry in sorted((entry for entry in tree if isinstance(entry, RepoFile)), key=lambda entry: entry.path):
        place = _place(entry.path)
        if place:
            found.setdefault(place[0], {}).setdefault(place[1], []).append(HubFile(entry.path, entry.size))
    if not found:
        raise DataError(
            f"{repo} has no Parquet files by configuration at commit {commit[:12]}: its form has changed; "
            "use files of your own"
        )
    return Listing(repo, commit, _licence(info.card_data), found)


def _place(path: str) -> tuple[str, str] | None:
    """Configuration and split of a file, None for one that is not Parquet or has not both."""
    pure = PurePosixPath(path)
    if pure.suffix != ".parquet":
        return None
    named = _SPLIT.findall(pure.stem) or _SPLIT.findall(pure.parent.name)
    config = next((part for part in reversed(pure.parent.parts) if part not in _NO_CONFIG), None)
    return (config, _SPLITS[named[-1]]) if named and config else None


def _licence(card: object) -> str | None:
    """The licence of a card, where it is told and is not "unknown"."""
    told = getattr(card, "license", None)
    names = [str(name) for name in told] if isinstance(told, list) else [str(told)] if told else []
    names = [name[:100] for name in names if name not in ("unknown", "other")]
    return ", ".join(names) or None
