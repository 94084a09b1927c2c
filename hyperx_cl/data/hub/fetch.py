"""Fetching: what of the wanted is there already, what is missing, and getting that from the Hub file by file."""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from hyperx_cl.data.hub.articles import article_lines
from hyperx_cl.data.hub.choose import choose
from hyperx_cl.data.hub.labelled import conllu_blocks, iob2_blocks
from hyperx_cl.data.hub.listing import Listing, list_repo
from hyperx_cl.data.hub.reaching import expect_online
from hyperx_cl.data.hub.sets import SETS, UD, WIKIPEDIA, HubSet
from hyperx_cl.data.hub.source import Source, data_file, keep, read_source, source_file
from hyperx_cl.data.hub.stream import Stream
from hyperx_cl.errors import ConflictError, NotFoundError, UsageError

MAX_LINES = 20_000
"""Lines of text of a language unless more or less are asked for: what the example runs learn a language from."""

TEXT = "text"

_ORDER = ("train", "dev", "test")
_ON_HUB = {TEXT: "train"}

Tell = Callable[[str], None]
_Listings = dict[tuple[str, str | None], Listing]


class Wanted(NamedTuple):
    """A task (``pos``, ``ner`` or ``mlm``) in a language (canonical)."""

    task: str
    language: str

    def __str__(self) -> str:
        """``pos in mt``."""
        return f"{self.task} in {self.language}"


@dataclass(frozen=True)
class Fetched:
    """What became of one wanted pair.

    Attributes:
        source: Where its files are from and what they hold.
        new: Splits that were fetched now, or would be.
        bytes: Size on the Hub of what these are made of.
    """

    source: Source
    new: tuple[str, ...] = ()
    bytes: int = 0


def fetch(
    root: Path, wanted: Iterable[Wanted], *, max_lines: int | None = None, treebanks: Sequence[str] = (),
    dry_run: bool = False, tell: Tell = lambda text: None, lacking: Tell | None = None,
) -> list[Fetched]:  # fmt: skip
    """Fetch what is not there yet.

    What is whole stays and needs no network. What is missing of a language is taken from the commit that the rest came
    from. All languages are looked up before the first file is fetched.

    Args:
        root: A data root; made where it is not there.
        wanted: Tasks and languages.
        max_lines: Most lines of text; None for 20,000, or what is there.
        treebanks: Of Universal Dependencies, instead of each language's largest.
        dry_run: Look everything up, and fetch nothing.
        tell: Told what is being fetched.
        lacking: Told what the Hub does not have, which is left out then; None refuses all.

    Returns:
        What became of each that there is.

    Raises:
        UsageError: A treebank of none of the languages, or no positive number of lines.
        NotFoundError: The Hub does not have some of it, with all that it has instead.
        ConflictError: A file is there that was not fetched, or is from another treebank.
        NetworkError: Something is missing, and the Hub cannot be reached or shall not be.
        DataError: What the Hub has cannot be used.
    """
    if max_lines is not None and max_lines < 1:
        raise UsageError(f"--max-lines {max_lines}: ask for one line at least")
    pairs = list(dict.fromkeys(wanted))
    named = _treebanks(treebanks, pairs)

    def plan() -> list[_Work]:
        return [_Work(root, pair, max_lines, named.get(pair)) for pair in pairs]

    works = plan()
    if not any(work.open for work in works):
        return [work.result() for work in works]
    expect_online(", ".join(str(work.pair) for work in works if work.open))
    listings: _Listings = {}
    known = _looked_up(works, listings, lacking)
    if dry_run:
        return [work.result() for work in known]
    with _alone(root):
        works = [work for work in plan() if work.pair in {each.pair for each in known}]  # others fetch here too
        return [
            work.do(tell) if work.open else work.result() for work in _looked_up(works, listings, lacking)
        ]  # fmt: skip


def _looked_up(works: Sequence["_Work"], listings: "_Listings", lacking: Tell | None) -> list["_Work"]:
    """Find out what is to be fetched for each, and refuse all where some cannot be had, or leave these out."""
    refused: dict[Wanted, str] = {}
    for work in works:
        if not work.open:
            continue
        key = (work.set.repo, work.source.revision if work.source else None)
        if key not in listings:
            listings[key] = list_repo(*key)
        try:
            work.look_up(listings[key])
        except NotFoundError as error:
            refused[work.pair] = str(error)
    if refused and lacking is None:
        raise NotFoundError("; ".join(refused.values()))
    if lacking is not None:
        for told in refused.values():
            lacking(told)
    return [work for work in works if work.pair not in refused]


class _Work:
    """One pair: what is there of it, and what remains to be done.

    Raises:
        ConflictError: A file is there that was not fetched, or is from another treebank.
    """

    def __init__(self, root: Path, pair: Wanted, max_lines: int | None, treebank: str | None) -> None:
        self.root, self.pair, self._treebank = root, pair, treebank
        self.set: HubSet = SETS[pair.task]
        self._beside = source_file(root, self.set.folder, pair.language)
        self.source = read_source(self._beside)
        self._most = max_lines or MAX_LINES
        self._listing: Listing | None = None
        self._expect_ours()
        self.open = self.source is None or bool(self.source.missing) or self._wants_more(max_lines)

    def look_up(self, listing: Listing) -> None:
        """Choose a configuration, unless one was chosen when the fetching began."""
        self._listing = listing
        if self.source is not None and self.source.config in listing.files:
            return
        config = choose(self.set, listing, self.pair.language, self._treebank)
        self.source = Source(
            self.pair.task, self.pair.language, listing.repo, config, listing.revision,
            listing.licence or self.set.licence.format(config=config),
            (TEXT,) if self.set is WIKIPEDIA else tuple(split for split in _ORDER if split in listing.files[config]),
            max_lines=self._most if self.set is WIKIPEDIA else None,
        )  # fmt: skip

    def do(self, tell: Tell) -> Fetched:
        """Fetch what is missing."""
        done = self.result()
        source = done.source
        size = f"up to {self._most:,} lines" if self.set is WIKIPEDIA else f"{done.bytes / 1e6:,.1f} MB"
        tell(
            f"Fetching {self.pair} from {source.dataset}, {source.config}, at commit {source.revision[:12]} "
            f"({', '.join(done.new)}; {size}; licence: {source.licence}) into {self.root}"
        )
        for split in done.new:
            source = self._fetch(source, split)
        return replace(done, source=source)

    def result(self) -> Fetched:
        """What is there, and what is to be fetched."""
        assert self.source is not None  # read from the disk, or chosen when it was looked up
        listing = self._listing
        if listing is None:
            return Fetched(self.source)
        files = listing.files[self.source.config]
        new = tuple(self.source.missing) or (TEXT,)
        return Fetched(
            self.source, new, sum(file.bytes for split in new for file in files.get(_ON_HUB.get(split, split), ()))
        )

    def _fetch(self, source: Source, split: str) -> Source:
        assert self._listing is not None
        where = f"{source.dataset}, {source.config}, {split}"
        files = self._listing.files[source.config].get(_ON_HUB.get(split, split), ())
        rows = Stream(self._listing, files, where, columns=(TEXT,) if self.set is WIKIPEDIA else None)
        blocks: Iterator[str]
        if self.set is WIKIPEDIA:
            blocks, source = article_lines(rows, self._most, where), replace(source, max_lines=self._most)
        elif self.set is UD:
            blocks = conllu_blocks(rows, rows.names("upos"), where)
        else:
            blocks = iob2_blocks(rows, rows.names("ner_tags"), where)
        file = data_file(self.root, self.set.folder, self.pair.language, split)
        return keep(file, blocks, self._beside, source, split)

    def _expect_ours(self) -> None:
        """Refuse to mix fetched files with the user's own, or those of two treebanks."""
        known = {part.name for part in self.source.parts.values()} if self.source else set()
        own = next((file for file in _files(self.root, self.set, self.pair.language) if file.name not in known), None)
        if own:
            raise ConflictError(
                f"{own} is there and is not from the Hub: name another --data-dir, or leave {self.pair} out"
            )
        if self.source and self._treebank and self._treebank != self.source.config:
            raise ConflictError(
                f"{self._beside.parent} holds {self.source.config}, not {self._treebank}: remove that folder first, or "
                "name another --data-dir"
            )

    def _wants_more(self, max_lines: int | None) -> bool:
        """Whether more lines of text are asked for than were fetched, and there may be more."""
        source = self.source
        if source is None or source.max_lines is None or max_lines is None or source.missing:
            return False
        all_there_is = source.parts[TEXT].count < source.max_lines
        return max_lines > source.max_lines and not all_there_is


def _files(root: Path, hub_set: HubSet, language: str) -> list[Path]:
    """All files that a data root would read for a language, whoever has put them there."""
    if hub_set is WIKIPEDIA:
        return sorted((root / hub_set.folder).glob(f"{language}.txt*"))
    found = sorted((root / hub_set.folder / language).glob("*.conll*"))
    return [file for file in found if file.name.split(".")[0] in _ORDER]


def _treebanks(names: Sequence[str], pairs: Sequence[Wanted]) -> dict[Wanted, str]:
    """Which treebank is named for which pair.

    Raises:
        UsageError: One is of none of the languages, or a second one of the same.
    """
    known = {pair.language: pair for pair in pairs if pair.task == UD.task}
    found: dict[Wanted, str] = {}
    for name in names:
        code = UD.language_of(name)
        if code not in known:
            raise UsageError(
                f"--treebank {name}: this is a treebank of none of the languages to fetch "
                f"({', '.join(known) or 'pos is not among the tasks'}): write it as in mt_mudt"
            )
        if known[code] in found:
            raise UsageError(f"--treebank {name}: {found[known[code]]} is of the same language, name one of them")
        found[known[code]] = name
    return found


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let no other process fetch into the same folder; it waits, and then finds what this one has fetched."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".fetching").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # goes with the file, also where this process is killed
        yield
