"""Fetching what is missing of several tasks and languages, all looked up before the first file is fetched."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from hyperx_cl.data.hub.listing import Listing, list_repo
from hyperx_cl.data.hub.reaching import expect_online
from hyperx_cl.data.hub.sets import ALSO, SETS, UD
from hyperx_cl.data.hub.work import Fetched, Tell, Wanted, Work
from hyperx_cl.errors import NotFoundError, UsageError, did_you_mean

LOCK = ".fetching"
"""File of a data root that is locked while something is fetched into it."""

_PATIENCE = 1e6  # seconds; SQLite must have a number

_Listings = dict[tuple[str, str | None], Listing]


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
        NotFoundError: Another task, or the Hub does not have some of it: with all that it has instead.
        ConflictError: A file is there that was not fetched, or is from another treebank.
        NetworkError: Something is missing, and the Hub cannot be reached or shall not be.
        DataError: What the Hub has cannot be used.
    """
    if max_lines is not None and max_lines < 1:
        raise UsageError(f"--max-lines {max_lines}: ask for one line at least")
    pairs = list(dict.fromkeys(wanted))
    for task in {pair.task for pair in pairs} - set(SETS):
        raise NotFoundError(
            f"the Hub has no data for {task!r}{did_you_mean(task, SETS)}: choose from {', '.join(SETS)}"
        )
    named = _treebanks(treebanks, pairs)

    def plan() -> list[Work]:
        return [Work(root, pair, max_lines, named.get(pair)) for pair in pairs]

    works = plan()
    if not any(work.open for work in works):
        return [work.result() for work in works]
    expect_online(", ".join(str(work.pair) for work in works if work.open))
    listings: _Listings = {}
    found = _looked_up(works, listings, lacking)
    if dry_run:
        return [work.result() for work in found]
    with _alone(root):
        works = [work for work in plan() if work.pair in {each.pair for each in found}]  # others fetch here too
        return [
            work.do(tell) if work.open else work.result() for work in _looked_up(works, listings, lacking)
        ]  # fmt: skip


def _looked_up(works: Sequence[Work], listings: _Listings, lacking: Tell | None) -> list[Work]:
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


def _treebanks(names: Sequence[str], pairs: Sequence[Wanted]) -> dict[Wanted, str]:
    """Which treebank is named for which pair.

    Raises:
        UsageError: One is of none of the languages, or a second one of the same.
    """
    known = {pair.language: pair for pair in pairs if pair.task == UD.task}
    known |= {ALSO[code]: pair for code, pair in known.items() if code in ALSO and ALSO[code] not in known}
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
    # SQLite knows every system's way to lock a file, and the lock goes when this process is killed.
    with closing(sqlite3.connect(root / LOCK, timeout=_PATIENCE, isolation_level=None)) as lock:
        lock.execute("PRAGMA journal_mode = MEMORY")  # no second file
        lock.execute("BEGIN EXCLUSIVE")
        yield
