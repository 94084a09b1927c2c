"""A sentence with its words and labels: what every reader hands out and every encoder takes in."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, with one label each or none at all.

    Attributes:
        words: The words as they stand in the file, W of them.
        labels: One label a word (W of them), or None for a sentence without labels.

    Raises:
        ValueError: Where there are not as many labels as words.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a sentence whose labels do not match its words."""
        if self.labels is not None and len(self.labels) != len(self.words):
            raise ValueError(f"{len(self.words)} words but {len(self.labels)} labels")

    def __len__(self) -> int:
        """Number of words."""
        return len(self.words)

    @property
    def digest(self) -> str:
        """SHA-256 (64 hex) over words and labels: which sentence this is, wherever it was read from."""
        return content_hash([self])


def content_hash(items: Iterable[Sentence | str]) -> str:
    """Hash sentences or lines of text, in their order.

    Args:
        items: Sentences with or without labels, or plain lines.

    Returns:
        SHA-256, 64 hex characters.
    """
    digest = hashlib.sha256()
    for item in items:
        digest.update(_canonical(item).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _canonical(item: Sentence | str) -> str:
    """Spell an item so that no two different sequences of items spell alike (lengths go first)."""
    if isinstance(item, str):
        return f"l{len(item)}:{item}"
    parts = (item.words,) if item.labels is None else (item.words, item.labels)
    spelled = "".join(f"{len(text)}:{text}" for part in parts for text in part)
    return f"s{len(item.words)},{len(parts)};{spelled}"
