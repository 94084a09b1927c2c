"""Lines of another language in a text: told by their script, else by trigrams of letters and the commonest words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import regex

from hyperx_cl.languages import script_counts

Floats = npt.NDArray[np.float32]

LEAST_LINES = 300
"""Lines of at least four words without which nothing is said."""

LEAST_SHARE = 0.05
LEAST_GAP = 0.3
LEAST_CONTRAST = 0.84

_EAST_ASIAN = {"Hani", "Hira", "Kana", "Hang"}  # mixed in one line
_LEAST_WORDS = 4
_BITS = 11  # trigrams are counted in so many bits of their hash
_PRIOR = 1000.0  # trigrams of the whole text that each group is given beforehand
_DIRECTIONS = 3
_TAIL = 0.85
_ROUNDS = 20
_COMMON = 20

_NO_LETTERS = regex.compile(r"[^\p{L}\p{M}]+")
_NO_SPACES = regex.compile(r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]\p{M}*)")


class Mixture(NamedTuple):
    """Two groups of lines as different as languages are.

    Attributes:
        share: Share of the lines in the smaller group, 0.05 to 0.5.
        words: Five frequent words of the smaller group that are rare in the other.
        gap: How much better each half of a line is foretold by its own group than by the other, as judged by the other
            half: nats per trigram of letters, of the group where that is less.
        contrast: Mean over the most frequent words of either group of ``|p - q| / (p + q)``, with p and q the shares
            of the groups' lines that have the word: 0 for the same words, 1 for none in common.
    """

    share: float
    words: tuple[str, ...]
    gap: float
    contrast: float


def mixture_warnings(lines: Sequence[str], scripts: Sequence[str], path: str) -> list[str]:
    """Warn where a sizeable share of the lines looks like another language than the rest.

    Args:
        lines: A few thousand, evenly spaced over the text.
        scripts: Those that the language is written in; empty for whatever most lines are in, of which nothing is said.
        path: Where the lines are from.

    Returns:
        At most one sentence of lines in another script, and one of lines in the same.
    """
    mains = [next(iter(script_counts(line)), None) for line in lines]
    usual = set(scripts) or _most_usual(mains)
    fitting = [line for line, main in zip(lines, mains, strict=True) if main in usual]
    others = Counter(main for main in mains if main and main not in usual)
    share = others.total() / (others.total() + len(fitting) or 1)
    warnings = []
    if scripts and share >= LEAST_SHARE:
        found = ", ".join(script for script, _ in others.most_common(3))
        warnings.append(f"{share:.0%} of the lines of {path} are in another script ({found}): are they to be learnt?")
    if mixture := find_mixture(fitting):
        warnings.append(
            f"About {mixture.share:.0%} of the lines of {path} look like another language or one template "
            f"(words such as {', '.join(mixture.words)}): are they to be learnt?"
        )
    return warnings


def find_mixture(lines: Sequence[str]) -> Mixture | None:
    """Look for two groups of lines as different as languages are.

    Every second word of a line decides which group it falls into (two multinomial models of letter trigrams, fitted by
    EM from several starts), and the words between them are what the groups are judged by: lines that are grouped by
    chance alone do not differ there. A language gives itself away by its most frequent words, so those must differ too,
    and not only, as between topics, the rarer ones. Near relatives (Danish in Norwegian, Polish in Sorbian) are not
    told apart, and many lines filled into one template (articles written by a program) can look like a language.

    Args:
        lines: A few thousand, in one script. Writing without spaces is read sign by sign.

    Returns:
        The clearest finding, or None.
    """
    words = [found for line in lines if len(found := _words(line)) >= _LEAST_WORDS]
    if len(words) < LEAST_LINES:
        return None
    grouping, judging = _trigrams(found[::2] for found in words), _trigrams(found[1::2] for found in words)
    judged = [set(found[1::2]) for found in words]
    findings = (_judge(_fit(grouping, start), grouping, judging, judged) for start in _starts(grouping))
    return max((found for found in findings if found), key=lambda found: found.gap, default=None)


def _most_usual(mains: Iterable[str | None]) -> set[str]:
    main = next(iter(Counter(filter(None, mains)).most_common(1)), ("", 0))[0]
    return _EAST_ASIAN if main in _EAST_ASIAN else {main}


def _words(line: str) -> list[str]:
    return _NO_LETTERS.sub(" ", _NO_SPACES.sub(r" \1 ", line.lower())).split()


def _trigrams(lines: Iterable[list[str]]) -> Floats:
    """Trigrams of each line by the highest bits of their hash, word ends included, float32 [L, 2**11]."""
    return np.stack([_count(f" {' '.join(words)} ") for words in lines])


def _count(text: str) -> Floats:
    signs = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    mixed = (signs[:-2] * np.uint64(1_000_003) + signs[1:-1]) * np.uint64(1_000_003) + signs[2:]
    places = (mixed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BITS)
    return np.bincount(places.astype(np.int64), minlength=1 << _BITS).astype(np.float32)


def _starts(counts: Floats) -> Iterator[Floats]:
    """Groups to begin with: the lines at either end of the directions in which lines differ most."""
    spread = np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1))
    spread -= spread.mean(0)
    axes = np.random.default_rng(0).normal(size=(counts.shape[1], _DIRECTIONS)).astype(np.float32)
    for _ in range(10):
        axes = np.linalg.qr(spread.T @ (spread @ axes))[0]
    for along in (spread @ axes).T:
        for end in (along, -along):
            yield (end > np.quantile(end, _TAIL)).astype(np.float32)


def _fit(counts: Floats, member: Floats) -> Floats:
    """EM: how surely each line belongs to the first group, float32 [L], from a first guess."""
    for _ in range(_ROUNDS):
        share = float(np.clip(member.mean(), 0.005, 0.995))
        odds = counts @ _evidence(counts, member) + np.log(share / (1 - share))
        after = (1 / (1 + np.exp(-np.clip(odds, -50, 50)))).astype(np.float32)
        moved = float(np.abs(after - member).mean())
        member = after
        if moved < 1e-3:
            break
    return member


def _evidence(counts: Floats, member: Floats) -> Floats:
    """Log ratio of each trigram's share in the first group to that in the second, float32 [2**11]."""
    both = counts.sum(0)
    prior = _PRIOR * (both + 0.01) / (both + 0.01).sum()
    first = member @ counts
    one, other = first + prior, both - first + prior
    ratio: Floats = (np.log(one / one.sum()) - np.log(other / other.sum())).astype(np.float32)
    return ratio


def _judge(member: Floats, grouping: Floats, judging: Floats, words: Sequence[set[str]]) -> Mixture | None:
    if member.mean() > 0.5:
        member = 1 - member
    small = member > 0.5
    share = float(small.mean())
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE:
        return None
    gains, lengths = judging @ _evidence(grouping, member), judging.sum(1)
    gap = min(gains[small].sum() / lengths[small].sum(), -gains[~small].sum() / lengths[~small].sum())
    small_counts, large_counts = (_lines_with(words, chosen) for chosen in (small, ~small))
    common = {word for found in (small_counts, large_counts) for word, _ in found.most_common(_COMMON)}
    shares = {word: (small_counts[word] / small.sum(), large_counts[word] / (~small).sum()) for word in common}
    contrast = float(np.mean([abs(one - other) / (one + other) for one, other in shares.values()]))
    if gap < LEAST_GAP or contrast < LEAST_CONTRAST:
        return None
    typical = sorted(common, key=lambda word: (shares[word][1] - shares[word][0], word))[:5]
    return Mixture(share, tuple(typical), float(gap), contrast)


def _lines_with(words: Sequence[set[str]], chosen: npt.NDArray[np.bool_]) -> Counter[str]:
    """In how many of the chosen lines each word is."""
    return Counter(chain.from_iterable(found for found, yes in zip(words, chosen, strict=True) if yes))
