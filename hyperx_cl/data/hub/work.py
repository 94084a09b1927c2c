"""One task in one language: what of it is there, what is missing, and getting that from the Hub file by file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from hyperx_cl.data.hub.articles import article_lines
from hyperx_cl.data.hub.choose import choose
from hyperx_cl.data.hub.labelled import conllu_blocks, iob2_blocks
from hyperx_cl.data.hub.listing import HubFile, Listing
from hyperx_cl.data.hub.sets import SETS, UD, WIKIPEDIA, HubSet
from hyperx_cl.data.hub.source import TEXT, Source, data_file, keep, read_source, source_file
from hyperx_cl.data.hub.stream import Stream
from hyperx_cl.data.root import SPLITS
from hyperx_cl.errors import ConflictError

MAX_LINES = 20_000
"""Lines of text of a language unless more or less are asked for."""

Tell = Callable[[str], None]


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


class Work:
    """One pair in a data root.

    Args:
        root: The data root.
        pair: Task and language.
        max_lines: Most lines of text; None for 20,000, or what is there.
        treebank: Of Universal Dependencies, instead of the largest.

    Attributes:
        set: The data set that has it.
        source: What is there, or is to be; None while that is not known.
        open: Whether anything is to be fetched.

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
            (TEXT,) if self.set is WIKIPEDIA else tuple(split for split in SPLITS if split in listing.files[config]),
            max_lines=self._most if self.set is WIKIPEDIA else None,
        )  # fmt: skip

    def do(self, tell: Tell) -> Fetched:
        """Fetch what is missing."""
        done = self.result()
        source, listing = done.source, self._listing
        if listing is None:  # it is all there
            return done
        size = f"up to {self._most:,} lines" if self.set is WIKIPEDIA else f"{done.bytes / 1e6:,.1f} MB"
        tell(
            f"Fetching {self.pair} from {source.dataset}, {source.config}, at commit {source.revision[:12]} "
            f"({', '.join(done.new)}; {size}; licence: {source.licence}) into {self.root}"
        )
        for split in done.new:
            source = self._fetch(listing, source, split)
            part = source.parts[split]
            tell(f"  {part.name}: {part.count:,} {'lines' if self.set is WIKIPEDIA else 'sentences'}")
        return replace(done, source=source)

    def result(self) -> Fetched:
        """What is there, and what is to be fetched; once it has been looked up, where it is open."""
        if self.source is None:
            raise ValueError(f"{self.pair} was not looked up")
        if self._listing is None:
            return Fetched(self.source)
        new = tuple(self.source.missing) or (TEXT,)
        files = (file for split in new for file in _on_hub(self._listing, self.source, split))
        return Fetched(self.source, new, sum(file.bytes for file in files))

    def _fetch(self, listing: Listing, source: Source, split: str) -> Source:
        where = f"{source.dataset}, {source.config}, {split}"
        columns = (TEXT,) if self.set is WIKIPEDIA else None
        rows = Stream(listing, _on_hub(listing, source, split), where, columns=columns)
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


def _on_hub(listing: Listing, source: Source, split: str) -> Sequence[HubFile]:
    return listing.files[source.config].get("train" if split == TEXT else split, ())


def _files(root: Path, hub_set: HubSet, language: str) -> list[Path]:
    """All files that a data root would read for a language, whoever has put them there."""
    if hub_set is WIKIPEDIA:
        return sorted((root / hub_set.folder).glob(f"{language}.txt*"))
    found = sorted((root / hub_set.folder / language).glob("*.conll*"))
    return [file for file in found if file.name.split(".")[0] in SPLITS]
