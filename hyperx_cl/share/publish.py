"""One push: what a repository lacks, its index and its card in one atomic commit; tried again where others push too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.share.card import MARK, card
from hyperx_cl.share.index import Index, entry_of, git_hash, model_entry
from hyperx_cl.share.layout import CARD, CONFIG, INDEX, MAX_INDEX, WEIGHTS
from hyperx_cl.share.model_files import ModelFiles
from hyperx_cl.share.packed import Packed
from hyperx_cl.share.remote import Entry, Head, Remote
from hyperx_cl.share.speaking import speaking
from hyperx_cl.share.trying import tried


@dataclass(frozen=True)
class Published:
    """How a push ended.

    Attributes:
        repo_id: ``org/name``.
        commit: The commit that the repository is at; None after a dry run into one that is not there.
        files: What was written, or would be, with its size in bytes; nothing where nothing has changed.
        created: Whether the repository was made, or would be.
        url: Address of the commit, or of the pull request; empty where there is none.
        kept_card: Whether a card of the user's own was left as it is.
    """

    repo_id: str
    commit: str | None
    files: Mapping[str, int] = field(default_factory=dict)
    created: bool = False
    url: str = ""
    kept_card: bool = False

    @property
    def changed(self) -> bool:
        """Whether there was anything to write."""
        return bool(self.files)


def publish(
    remote: Remote, packed: Sequence[Packed], model: ModelFiles | None, *, private: bool = False,
    tag: str | None = None, create_pr: bool = False, dry_run: bool = False, message: str | None = None,
) -> Published:  # fmt: skip
    """Bring records, and a model, into a repository.

    Records lie under their hashes, so nothing is ever overwritten; where somebody else has pushed meanwhile, index and
    card are made anew upon what is there then.

    Args:
        remote: The repository; made where it is not there.
        packed: Records.
        model: The model.
        private: Make it visible to its owners alone.
        tag: Name for the commit.
        create_pr: Open a pull request instead of writing to the branch.
        dry_run: Look, and change nothing.
        message: Of the commit.

    Raises:
        UsageError: A tag for a pull request.
        ConflictError: The repository is of another model, or public where it should be private, or the tag is taken.
        NetworkError: The Hub cannot be reached, or may not be written to.
    """
    if tag and create_pr:
        raise UsageError("a pull request has no commit of the repository yet: leave --tag or --create-pr out")
    created = False

    def attempt() -> Published:
        nonlocal created
        head = remote.head()
        if head.commit is None:
            if dry_run:
                files, kept = _wanted(remote, head, packed, model)
                return Published(remote.repo_id, None, _sizes(files), True, "", kept)
            remote.create(private=private)
            created = True
            head = remote.head()
            if head.commit is None:
                raise ConnectionError("the new repository is not there yet")
        elif private and not head.private:
            raise ConflictError(
                f"{remote.repo_id} is there already and public: leave --private out, or choose another name"
            )
        files, kept = _wanted(remote, head, packed, model)
        there = Published(remote.repo_id, head.commit, _sizes(files), created, "", kept)
        if tag and (taken := remote.tagged(tag)) and (files or taken != head.commit):
            raise ConflictError(f"tag {tag!r} of {remote.repo_id} stands for commit {taken[:12]}: choose another --tag")
        if dry_run or not files:
            return there
        done = remote.commit(head.commit, files, message=message or _message(packed, model), create_pr=create_pr)
        return replace(there, commit=done.oid, url=str(done.pr_url or done.commit_url))

    with speaking(remote.repo_id):
        published = tried(attempt)
    if tag and not dry_run and published.commit is not None:
        remote.tag(tag, published.commit)
    return published


def _wanted(
    remote: Remote, head: Head, packed: Sequence[Packed], model: ModelFiles | None
) -> tuple[dict[str, bytes | Path], bool]:
    """The files that a repository lacks, and whether its card is somebody's own."""
    index = remote.index(head) if head.files else Index()
    _expect_one_model(remote, index, packed, model)
    files: dict[str, bytes | Path] = {}
    described = index.model
    if model is not None:
        size = model.weights.stat().st_size
        described = model_entry(model.config, model.text, numbers=model.numbers, sha256=model.sha256, size=size)
        if index.model is None or index.model["files"] != described["files"]:
            files |= {CONFIG: model.text, WEIGHTS: model.weights}
    records = dict(index.records)
    for each in packed:
        place, note = each.note.place, each.note
        if place.numbers not in head.files or place.note not in head.files:
            files |= {place.numbers: each.data, place.note: note.to_bytes()}
        else:
            there = remote.note(head, place)
            note = note.joined(there)
            if note.to_bytes() != there.to_bytes():
                files[place.note] = note.to_bytes()
        records[place] = entry_of(note)
    after = Index(records, described)
    kept = CARD in head.files and MARK.encode() not in remote.read(head, CARD)
    made = {INDEX: after.to_bytes()} if kept else {INDEX: after.to_bytes(), CARD: card(remote.repo_id, after).encode()}
    if len(made[INDEX]) > MAX_INDEX:
        raise ConflictError(f"{remote.repo_id} holds as much as a pull reads: push to another repository")
    if files or _differs(head.files.get(INDEX), made[INDEX]):
        files |= {path: data for path, data in made.items() if _differs(head.files.get(path), data)}
    return files, kept


def _expect_one_model(remote: Remote, index: Index, packed: Sequence[Packed], model: ModelFiles | None) -> None:
    ours = {each.note.model for each in packed} | ({model.fingerprint} if model else set())
    others = sorted(index.models() - ours)
    if others and ours:
        raise ConflictError(
            f"{remote.repo_id} is of model {others[0][:12]}…, this is {min(ours)[:12]}…: push to a repository of its "
            "own"
        )


def _differs(there: Entry | None, data: bytes) -> bool:
    return there is None or there.git != git_hash(data)


def _sizes(files: Mapping[str, bytes | Path]) -> dict[str, int]:
    return {path: len(data) if isinstance(data, bytes) else data.stat().st_size for path, data in sorted(files.items())}


def _message(packed: Sequence[Packed], model: ModelFiles | None) -> str:
    names = sorted({each.note.place.name for each in packed})
    told = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    parts = [f"model {model.fingerprint[:12]}"] if model else []
    return f"Add {' with '.join([*parts, told] if told else parts)}"
