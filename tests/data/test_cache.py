"""The cache of encoded data: found again, told apart, mended."""

import logging
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from hyperx_cl.data.cache import EncodedCache, tokenizer_hash
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import Sentence

SENTENCES = [Sentence(("the", "Karin"), ("A", "B")), Sentence(tuple("abcdefghij" * 4), ("A",) * 40), Sentence((), ())]
LABELS = {"A": 0, "B": 1}


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_backbone)
    return loaded


def _plain(examples: list[Encoded]) -> list[object]:
    return [(e.ids.tolist(), e.first.tolist(), e.labels.tolist(), e.sentence, e.start, e.ids.dtype) for e in examples]


class _Counting(Encoder):
    """Counts how often it had to encode."""

    calls = 0

    def words(self, *arguments: object) -> list[Encoded]:
        self.calls += 1
        return super().words(*arguments)  # type: ignore[arg-type]

    def text(self, *arguments: object) -> list[Encoded]:
        self.calls += 1
        return super().text(*arguments)  # type: ignore[arg-type]


def test_what_was_encoded_is_read_again(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    cache, encoder = EncodedCache(tmp_path / "cache"), _Counting(tokenizer, max_length=16)
    fresh = [
        cache.words(encoder, SENTENCES, LABELS),
        cache.words(encoder, SENTENCES, None),
        cache.text(encoder, ["a b"]),
    ]
    again = [
        cache.words(encoder, SENTENCES, LABELS),
        cache.words(encoder, SENTENCES, None),
        cache.text(encoder, ["a b"]),
    ]
    assert [_plain(part) for part in again] == [_plain(part) for part in fresh]
    assert encoder.calls == 3
    assert sorted(path.suffix for path in cache.folder.iterdir()) == [".npz"] * 3


def test_nothing_at_all_is_kept_too(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    cache, encoder = EncodedCache(tmp_path), _Counting(tokenizer, max_length=16)
    assert cache.words(encoder, [], LABELS) == cache.words(encoder, [], LABELS) == []
    assert encoder.calls == 1


def test_content_labels_length_and_tokenizer_tell_entries_apart(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, tiny_xlmr: Path
) -> None:
    cache, encoder = EncodedCache(tmp_path), Encoder(tokenizer, max_length=16)
    other = Encoder(AutoTokenizer.from_pretrained(tiny_xlmr), max_length=16)
    cache.words(encoder, SENTENCES, LABELS)
    cache.words(encoder, SENTENCES[:1], LABELS)
    cache.words(encoder, SENTENCES, {"A": 1, "B": 0})
    cache.words(encoder, SENTENCES, None)
    cache.words(Encoder(tokenizer, max_length=17), SENTENCES, LABELS)
    cache.words(other, SENTENCES, LABELS)
    cache.text(encoder, [])
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache, encoder = EncodedCache(tmp_path), _Counting(tokenizer, max_length=16)
    fresh = cache.words(encoder, SENTENCES, LABELS)
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    middle = good.index(b"NUMPY") + 150
    bad = {
        "cut": good[: len(good) // 2],
        "flip": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "empty": b"",
        "other": b"not an archive",
    }
    path.write_bytes(bad[damage])
    with caplog.at_level(logging.WARNING):
        assert _plain(cache.words(encoder, SENTENCES, LABELS)) == _plain(fresh)
    assert "is damaged" in caplog.text
    assert encoder.calls == 2
    cache.words(encoder, SENTENCES, LABELS)
    assert encoder.calls == 2


def test_a_folder_that_cannot_be_written_only_costs_time(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EncodedCache(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert len(cache.words(Encoder(tokenizer, max_length=64), SENTENCES, LABELS)) == 2
    assert "is not kept" in caplog.text


def test_the_tokenizer_hash_is_that_of_what_it_does(tokenizer: PreTrainedTokenizerBase, tiny_backbone: Path) -> None:
    other = AutoTokenizer.from_pretrained(tiny_backbone)
    other("a", truncation=True, padding="max_length", max_length=4)
    assert tokenizer_hash(other) == tokenizer_hash(tokenizer)
    other.add_tokens(["zebra"])
    assert tokenizer_hash(other) != tokenizer_hash(tokenizer)
