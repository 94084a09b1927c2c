"""Finding again, by their hashes, texts and labelled sentences that something was learnt from, wherever they lie."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.root import DataRoot, read_sentences
from hyperx_cl.data.tasks import Task
from hyperx_cl.data.text import read_text
from hyperx_cl.errors import DataError, NotFoundError

_TEXTS = (".txt", ".txt.gz", ".txt.bz2", ".txt.xz", ".gz", ".bz2", ".xz")
_LABELLED = (".conllu", ".conll", ".iob2", ".tsv", ".conllu.gz", ".conll.gz")


class Finder:
    """Looks for files in folders and below; each text is read once, however many languages look for theirs.

    Args:
        folders: Where to look, in this order.
        tell: Told before folders are looked through, which may take a while: each text in them is read.

    Raises:
        NotFoundError: One of them is no folder.
    """

    def __init__(self, folders: Sequence[Path] = (), tell: Callable[[str], None] | None = None) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise NotFoundError(f"there is no folder {folder}: check the path")
        self._folders, self._tell = folders, tell
        self._hashes: dict[Path, str | None] = {}

    def hash_of(self, file: Path) -> str | None:
        """SHA-256 of a file's text (`Text.sha256`); None where there is no file, or no text in it."""
        place = file.absolute()
        if place not in self._hashes:
            try:
                self._hashes[place] = read_text(place).sha256
            except (DataError, NotFoundError):
                self._hashes[place] = None
        return self._hashes[place]

    def text(self, sha256: str, code: str, first: Iterable[Path] = ()) -> Path | None:
        """Find the file with a text.

        Args:
            sha256: Of the text.
            code: Its language: files and folders of that name are looked into first.
            first: Files to try before the folders.

        Returns:
            The first file with that text, None where there is none.
        """
        places = chain(first, self._files(code, _TEXTS))
        return next((file for file in places if self.hash_of(file) == sha256), None)

    def sentences(
        self, digests: Sequence[str], task: Task, code: str, first: Iterable[Path] = ()
    ) -> tuple[list[Sentence], Path] | None:
        """Find labelled sentences: all of them in one file.

        Args:
            digests: Of the sentences (`Sentence.digest`).
            task: How they are read.
            code: Their language: files and folders of that name are looked into first.
            first: Files or data roots to try before the folders.

        Returns:
            The sentences in the order of `digests`, and the file or data root that they are from; or None.
        """
        for place in chain(first, self._files(code, _LABELLED)):
            known = {sentence.digest: sentence for sentence in _read(place, task, code)}
            if all(digest in known for digest in digests):
                return [known[digest] for digest in digests], place
        return None

    def _files(self, code: str, endings: tuple[str, ...]) -> Iterator[Path]:
        if self._folders and self._tell:
            self._tell(f"Looking for what {code} was learnt from in {', '.join(map(str, self._folders))}.")
        for folder in self._folders:
            files = [file for file in folder.rglob("*") if file.name.lower().endswith(endings) and file.is_file()]
            yield from sorted(files, key=lambda file: (not _named(file.relative_to(folder), code), str(file)))


def _named(file: Path, code: str) -> bool:
    """Whether a file, or a folder that it is in, has a language's code for its name."""
    return any(part.split(".")[0] == code for part in file.parts)


def _read(place: Path, task: Task, code: str) -> list[Sentence]:
    """Sentences of a file, or of a language's training file in a data root; none where they cannot be read."""
    try:
        file = DataRoot(place).labelled(task.name, code, "train") if place.is_dir() else place
        return read_sentences(task, file) if file is not None else []
    except (DataError, NotFoundError):
        return []
