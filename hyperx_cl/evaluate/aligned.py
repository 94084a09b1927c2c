"""CoNLL-18-style scores on raw text: words and their tags, aligned by where they stand in the text.

Both sides must hold the same characters, white space aside; where sentences end does not matter. A word outside of
multiword tokens is right if the other side has a word over the same characters. Where multiword tokens overlap, all
words under them are aligned by the longest common subsequence of their lower-cased forms.

The script of that task does the same, but where the two sides are out of step in front of a multiword token it looks
at some words before it too; that changes nothing on UD test files split by the `unicode` segmenter (12 compared).

Source: the rules of the CoNLL 2018 shared task, https://universaldependencies.org/conll18/evaluation.html
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hyperx_cl.document import Document
from hyperx_cl.errors import DataError


@dataclass(frozen=True, slots=True)
class SurfaceToken:
    """A token of the text: its form, its syntactic words (one, or several of a multiword token) and their tags."""

    form: str
    words: tuple[str, ...]
    tags: tuple[str | None, ...]
    multiword: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Correct, system and gold counts of words."""

    correct: int
    system: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of system words that are right, 0..1."""
        return self.correct / self.system if self.system else 0.0

    @property
    def recall(self) -> float:
        """Share of gold words that were found, 0..1."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two, 0..1."""
        both = self.system + self.gold
        return 2 * self.correct / both if both else 0.0


@dataclass(frozen=True, slots=True)
class AlignedScores:
    """`words`: segmentation alone. `tags`: words whose tag is right as well."""

    words: Score
    tags: Score

    @property
    def aligned_accuracy(self) -> float:
        """Share of the aligned words whose tag is right, 0..1."""
        return self.tags.correct / self.words.correct if self.words.correct else 0.0


def aligned_scores(gold: Iterable[SurfaceToken], system: Iterable[SurfaceToken]) -> AlignedScores:
    """Score a system's words and tags against gold ones on the same text.

    Args:
        gold: The gold tokens of the whole text, in order.
        system: The system's.

    Raises:
        DataError: The two hold different characters.
    """
    gold, system = list(gold), list(system)
    _check_same_text(gold, system)
    wanted, found = _words(gold), _words(system)
    pairs = list(_align(wanted, found))
    right = sum(wanted[g].tag == found[s].tag for g, s in pairs)
    sizes = len(found), len(wanted)
    return AlignedScores(Score(len(pairs), *sizes), Score(right, *sizes))


def surface_tokens(document: Document, *, task: str = "pos") -> list[SurfaceToken]:
    """List a document's surface tokens with the labels of one task, which were set or read from the file."""
    tokens = []
    for sentence in document.sentences:
        words, labels = sentence.words, sentence.labels(task)
        for row in sentence.block.surface():
            part = slice(row.first - 1, row.last)
            tokens.append(SurfaceToken(row.form, words[part], labels[part], row.is_range))
    return tokens


@dataclass(frozen=True, slots=True)
class _Word:
    form: str
    tag: str | None
    start: int
    end: int
    multiword: bool


@dataclass(slots=True)
class _Region:
    """Characters under multiword tokens that overlap, with the words (by index) that lie in it on each side."""

    start: int
    end: int


def _characters(tokens: Iterable[SurfaceToken]) -> str:
    return "".join("".join(token.form.split()) for token in tokens)


def _check_same_text(gold: Sequence[SurfaceToken], system: Sequence[SurfaceToken]) -> None:
    a, b = _characters(gold), _characters(system)
    if a != b:
        at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        raise DataError(
            f"gold and tagged text differ at character {at} (white space aside): {a[at : at + 15]!r} against "
            f"{b[at : at + 15]!r}; tag the text of the gold file itself"
        )


def _words(tokens: Iterable[SurfaceToken]) -> list[_Word]:
    words: list[_Word] = []
    position = 0
    for token in tokens:
        start, position = position, position + len("".join(token.form.split()))
        pairs = zip(token.words, token.tags, strict=True)
        words += [_Word(form, tag, start, position, token.multiword) for form, tag in pairs]
    return words


def _align(gold: Sequence[_Word], system: Sequence[_Word]) -> Iterator[tuple[int, int]]:
    """Yield the index pairs of aligned words, in order."""
    regions = _regions([*gold, *system])
    loose_gold, inside_gold = _sort_out(gold, regions)
    loose_system, inside_system = _sort_out(system, regions)
    same = {(system[s].start, system[s].end): s for s in loose_system}
    for g in loose_gold:
        if (s := same.get((gold[g].start, gold[g].end))) is not None:
            yield g, s
    for ours, theirs in zip(inside_gold, inside_system, strict=True):
        left, right = [gold[g].form.lower() for g in ours], [system[s].form.lower() for s in theirs]
        for i, j in _common(left, right):
            yield ours[i], theirs[j]


def _regions(words: Iterable[_Word]) -> list[_Region]:
    regions: list[_Region] = []
    for start, end in sorted({(word.start, word.end) for word in words if word.multiword}):
        if regions and start < regions[-1].end:
            regions[-1].end = max(regions[-1].end, end)
        else:
            regions.append(_Region(start, end))
    return regions


def _sort_out(words: Sequence[_Word], regions: Sequence[_Region]) -> tuple[list[int], list[list[int]]]:
    """Split word indices into those outside of all regions and those wholly inside each."""
    loose: list[int] = []
    inside: list[list[int]] = [[] for _ in regions]
    current = 0
    for index, word in enumerate(words):
        while current < len(regions) and regions[current].end <= word.start:
            current += 1
        if current < len(regions) and regions[current].start <= word.start and word.end <= regions[current].end:
            inside[current].append(index)
        else:
            loose.append(index)
    return loose, inside


def _common(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the index pairs of a longest common subsequence; among equals the one that pairs earliest."""
    rows, columns = len(left), len(right)
    longest = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            shorter = max(longest[i + 1][j], longest[i][j + 1])
            longest[i][j] = longest[i + 1][j + 1] + 1 if left[i] == right[j] else shorter
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if left[i] == right[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i][j] == longest[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
