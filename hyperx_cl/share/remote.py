"""A repository on the Hub: its files at one commit, read within limits, and one atomic commit to write."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hyperx_cl import __version__
from hyperx_cl.errors import ConflictError, DataError, NetworkError, NotFoundError, UsageError
from hyperx_cl.share.endpoint import is_commit, only_the_hub, opened
from hyperx_cl.share.header import header_in, read_header
from hyperx_cl.share.index import Index, entry_of, git_hash, model_entry
from hyperx_cl.share.layout import CONFIG, INDEX, MAX_FILES, WEIGHTS, Place, is_repo_id, limit_of, places
from hyperx_cl.share.model_files import parse_config
from hyperx_cl.share.note import Note
from hyperx_cl.share.speaking import speaking
from hyperx_cl.share.trying import tried

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Found = TypeVar("Found")
MAIN = "main"


@dataclass(frozen=True)
class Entry:
    """A file of a repository.

    Attributes:
        size: In bytes.
        git: Its git hash; of a large file that of what stands for it.
        sha256: Of a large file, None of others.
    """

    size: int
    git: str | None
    sha256: str | None

    def is_of(self, file: Path) -> bool:
        """Whether a file has that size and, as far as it is known, that hash."""
        if file.stat().st_size != self.size:
            return False
        if self.sha256 is not None:
            with file.open("rb") as data:
                return hashlib.file_digest(data, "sha256").hexdigest() == self.sha256
        return self.git is None or git_hash(file.read_bytes()) == self.git


@dataclass(frozen=True)
class Head:
    """A repository at one commit.

    Attributes:
        commit: 40 hexadecimal digits; None of a repository that is not there yet.
        files: All files with the names of the layout.
        private: Whether only some may see it.
    """

    commit: str | None
    files: Mapping[str, Entry] = field(default_factory=dict)
    private: bool = False


class Remote:
    """One repository.

    Args:
        repo_id: ``org/name``.
        revision: Branch, tag or commit.
        token: For the Hub; None for the one that is logged in.
        offline: Serve from the cache alone.
        cache_dir: Of huggingface_hub; its own by default.

    Raises:
        UsageError: That cannot be a repository.
    """

    def __init__(
        self, repo_id: str, *, revision: str | None = None, token: str | bool | None = None, offline: bool = False,
        cache_dir: str | Path | None = None,
    ) -> None:  # fmt: skip
        if not is_repo_id(repo_id):
            raise UsageError(f"{repo_id[:200]!r} cannot be a repository on the Hub: name one as org/name")
        self.repo_id, self.revision = repo_id, revision or MAIN
        self._token, self._cache, self._asked_offline = token, cache_dir, offline

    @property
    def offline(self) -> bool:
        """Whether the Hub is not to be asked."""
        from huggingface_hub import constants

        return self._asked_offline or bool(constants.HF_HUB_OFFLINE)

    @cached_property
    def _api(self) -> "HfApi":
        from huggingface_hub import HfApi

        return HfApi(token=self._token, library_name="hyperx-cl", library_version=__version__)

    @property
    def _named(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision != MAIN else self.repo_id

    def asking(self, call: Callable[[], Found]) -> Found:
        """Ask the Hub, again where that may help, with its errors as ours."""
        with speaking(self._named):
            return tried(lambda: self._guarded(call))

    def resolve(self) -> Head:
        """The repository at the commit that the revision is now; offline, as it lies in the cache.

        Raises:
            NotFoundError: No such repository or revision, or it is none of ours.
            NetworkError: It cannot be reached, or is not in the cache.
        """
        if self.offline:
            return self._cached()
        commit, private = self.asking(self._commit)
        files = self.asking(lambda: self._files(commit))
        if INDEX not in files:
            raise NotFoundError(
                f"{self._named} has no {INDEX}, so it is none that hyperx-cl has pushed: check the name"
            )
        self._expect_small(INDEX, files[INDEX])
        self._download(INDEX, self.revision)  # under its name, so that the cache knows the commit offline
        return Head(commit, files, private)

    def head(self) -> Head:
        """The repository as it is now, asked for once, for a push that is tried again; empty where there is none yet.

        Raises:
            NetworkError: The Hub cannot be reached, or may not be.
            NotFoundError: The repository is there, but not the revision.
        """
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        if self.offline:
            raise NetworkError(
                f"nothing can be pushed to {self.repo_id} while HF_HUB_OFFLINE is set: run it without that"
            )
        try:
            commit, private = self._guarded(self._commit)
        except RevisionNotFoundError:
            raise
        except RepositoryNotFoundError:
            return Head(None)
        return Head(commit, self._guarded(lambda: self._files(commit)), private)

    def read(self, head: Head, path: str) -> bytes:
        """A small file, within the limit of its name."""
        return self.file(head, path).read_bytes()

    def file(self, head: Head, path: str) -> Path:
        """A file in the cache, downloaded if need be; what was interrupted goes on where it was.

        Raises:
            DataError: It is larger than files of its name may be, or not of the size that the Hub tells.
            NotFoundError: There is none.
        """
        entry = head.files.get(path)  # which has names of the layout alone
        if entry is None or head.commit is None:
            raise NotFoundError(f"{self._named} has no file {path}: check the name, or ask whoever shared it")
        self._expect_small(path, entry)
        place = self._download(path, head.commit)
        if not entry.is_of(place) and not self.offline:  # the cache was damaged
            place = self._download(path, head.commit, anew=True)
        if not entry.is_of(place):
            raise DataError(f"{path} of {self._named} has not come whole: run the same command again")
        return place

    def index(self, head: Head) -> Index:
        """What the repository holds: its index where that is up to date, and the notes themselves where it is not."""
        known = Index.from_bytes(self.read(head, INDEX)) if INDEX in head.files else Index()
        found = {
            place: known.records[place] if self._current(known, place, head) else entry_of(self.note(head, place))
            for place in places(head.files)
        }
        return Index(found, self._model(head, known))

    def note(self, head: Head, place: Place) -> Note:
        """The note of a record, checked."""
        return Note.from_bytes(self.read(head, place.note), place, f"{place.note} of {self._named}")

    def create(self, *, private: bool) -> None:
        """Make the repository, if it is not there."""
        self._guarded(lambda: self._api.create_repo(self.repo_id, private=private, exist_ok=True))

    def commit(self, parent: str, files: Mapping[str, bytes | Path], *, message: str, create_pr: bool) -> Any:
        """Write files in one commit upon another; see `huggingface_hub.CommitInfo`."""
        from huggingface_hub import CommitOperationAdd

        operations = [
            CommitOperationAdd(path_in_repo=path, path_or_fileobj=data if isinstance(data, bytes) else str(data))
            for path, data in sorted(files.items())
        ]
        with only_the_hub(self._named, uploading=True):
            return self._api.create_commit(
                self.repo_id, operations, commit_message=message, parent_commit=parent, create_pr=create_pr,
                revision=self.revision,
            )  # fmt: skip

    def tagged(self, tag: str) -> str | None:
        """The commit that a tag stands for, None where there is no such tag."""
        refs = self._guarded(lambda: self._api.list_repo_refs(self.repo_id))
        return next((ref.target_commit for ref in refs.tags if ref.name == tag), None)

    def tag(self, tag: str, commit: str) -> None:
        """Let a tag stand for a commit.

        Raises:
            ConflictError: It stands for another one.
        """
        there = self.asking(lambda: self.tagged(tag))
        if there == commit:
            return
        if there is not None:
            raise ConflictError(f"tag {tag!r} of {self.repo_id} stands for commit {there[:12]}: choose another --tag")
        self.asking(lambda: self._api.create_tag(self.repo_id, tag=tag, revision=commit))

    def _guarded(self, call: Callable[[], Found]) -> Found:
        with only_the_hub(self._named):
            return call()

    def _expect_small(self, path: str, entry: Entry) -> None:
        limit = limit_of(path) or 0
        if entry.size > limit:
            raise DataError(f"{path} of {self._named} has {entry.size:,} bytes, at most {limit:,} are read: report it")

    def _commit(self) -> tuple[str, bool]:
        info = self._api.model_info(self.repo_id, revision=self.revision)
        if info.sha is None:
            raise ConnectionError("no commit")
        if not is_commit(info.sha):
            raise DataError(f"{self._named} is at a commit that none can be called: report it to whoever runs the Hub")
        return info.sha, bool(info.private)

    def _files(self, commit: str) -> dict[str, Entry]:
        from huggingface_hub.hf_api import RepoFile

        found: dict[str, Entry] = {}
        for number, item in enumerate(self._api.list_repo_tree(self.repo_id, revision=commit, recursive=True)):
            if number > MAX_FILES:
                raise DataError(f"{self._named} has more than {MAX_FILES:,} files: take another repository")
            if limit_of(item.path) is not None and isinstance(item, RepoFile):
                lfs = item.lfs
                found[item.path] = Entry(item.size, item.blob_id, lfs.sha256 if lfs else None)
        return found

    def _download(self, path: str, revision: str, *, anew: bool = False) -> Path:
        return Path(
            self.asking(
                lambda: self._api.hf_hub_download(
                    self.repo_id,
                    path,
                    revision=revision,
                    cache_dir=self._cache,
                    local_files_only=self.offline,
                    force_download=anew,
                )
            )
        )

    def _cached(self) -> Head:
        """What lies in the cache of the commit that the revision was when it was last asked for."""
        folder = self._download(INDEX, self.revision).parent
        found = {
            str(file.relative_to(folder)): Entry(file.stat().st_size, None, None)
            for file in folder.rglob("*")
            if file.is_file() and limit_of(str(file.relative_to(folder))) is not None
        }
        return Head(folder.name, found)

    def _current(self, known: Index, place: Place, head: Head) -> bool:
        git = head.files[place.note].git
        return place in known.records and git in (None, known.records[place]["note"])

    def _model(self, head: Head, known: Index) -> Mapping[str, Any] | None:
        if CONFIG not in head.files or WEIGHTS not in head.files:
            return None
        config, weights = head.files[CONFIG], head.files[WEIGHTS]
        if known.model:
            told = known.model["files"]
            if config.git in (None, told[CONFIG]["git"]) and weights.sha256 in (None, told[WEIGHTS]["sha256"]):
                return known.model
        text = self.read(head, CONFIG)
        return model_entry(
            parse_config(text, self._named), text, numbers=self._numbers(head), sha256=weights.sha256 or "",
            size=weights.size,
        )  # fmt: skip

    def _numbers(self, head: Head) -> int:
        """How many numbers the model has, by the header of its weights alone."""
        source, size = f"the weights of {self._named}", head.files[WEIGHTS].size
        if self.offline:
            return read_header(self.file(head, WEIGHTS), source, dtypes=("F32",), largest=size).numbers

        def ask() -> int:
            with opened(self.repo_id, WEIGHTS, str(head.commit), self._token) as read:
                return header_in(read, size, source, dtypes=("F32",)).numbers

        return self.asking(ask)
