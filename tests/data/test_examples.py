"""Sentences and their hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.examples import Sentence, content_hash

words = st.lists(st.text(max_size=4), max_size=4).map(tuple)


def test_as_many_labels_as_words() -> None:
    with pytest.raises(ValueError, match="2 words but 1 labels"):
        Sentence(("a", "b"), ("X",))


def test_digest_tells_labels_from_none_and_is_kept() -> None:
    assert Sentence(("a",)).digest != Sentence(("a",), ("X",)).digest
    assert Sentence(("a",), ("X",)).digest == Sentence(("a",), ("X",)).digest
    assert len(Sentence(("a",)).digest) == 64


@given(st.lists(words, max_size=4), st.lists(words, max_size=4))
def test_content_hash_is_equal_only_for_equal_content(
    left: list[tuple[str, ...]], right: list[tuple[str, ...]]
) -> None:
    hashes = [content_hash(Sentence(words) for words in side) for side in (left, right)]
    assert (hashes[0] == hashes[1]) == (left == right)


def test_lines_and_order_count() -> None:
    assert content_hash(["a", "b"]) != content_hash(["ab"])
    assert content_hash(["a", "b"]) != content_hash(["b", "a"])
