"""Encoding with WordPiece and Unigram vocabularies: which piece carries the label, and that no word is lost."""

import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import UsageError

LABELS = {"A": 0, "B": 1}


@cache
def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return loaded


@pytest.fixture(scope="module", params=["tiny_backbone", "tiny_xlmr"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    return _tokenizer(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def xlmr(tiny_xlmr: Path) -> PreTrainedTokenizerBase:
    return _tokenizer(tiny_xlmr)


texts = st.text(alphabet="abcxyzċ中国 .\u200b\u0301▁😀", min_size=1, max_size=30)
sentences = st.lists(
    st.lists(st.tuples(texts, st.sampled_from("AB?")), max_size=25).map(
        lambda pairs: Sentence(tuple(word for word, _ in pairs), tuple(label for _, label in pairs))
    ),
    max_size=4,
)


@given(batch=sentences, max_length=st.integers(3, 40))
def test_every_word_has_exactly_one_prediction(
    tokenizer: PreTrainedTokenizerBase, batch: list[Sentence], max_length: int
) -> None:
    encoded = Encoder(tokenizer, max_length=max_length).words(batch, LABELS)
    seen = [(window.sentence, window.start + word) for window in encoded for word in range(len(window.first))]
    assert seen == [(number, word) for number, sentence in enumerate(batch) for word in range(len(sentence))]
    labels = [label for window in encoded for label in window.labels.tolist()]
    assert labels == [LABELS.get(label, -100) for sentence in batch for label in sentence.labels or ()]
    for window in encoded:
        assert len(window) <= max_length
        assert window.ids.dtype == window.first.dtype == window.labels.dtype == np.int32
        assert (np.diff(window.first) > 0).all()
        assert 1 <= window.first[0] and window.first[-1] < len(window) - 1
        assert window.ids[0] == (tokenizer.cls_token_id or tokenizer.bos_token_id)
        assert window.ids[-1] == (tokenizer.sep_token_id or tokenizer.eos_token_id)


def test_a_sentence_that_fits_is_encoded_as_the_tokenizer_does(tokenizer: PreTrainedTokenizerBase) -> None:
    words = ("the", "Karin", "is", "in", "中国", ".")
    (window,) = Encoder(tokenizer, max_length=64).words([Sentence(words)], None)
    plain = tokenizer(list(words), is_split_into_words=True)
    assert window.ids.tolist() == plain["input_ids"]
    assert window.labels.shape == (0,)
    assert [plain.word_ids()[position] for position in window.first] == list(range(len(words)))


def test_the_label_passes_over_a_lone_marker(xlmr: PreTrainedTokenizerBase) -> None:
    (window,) = Encoder(xlmr, max_length=64).words([Sentence(("the", "中国", "▁"))], None)
    pieces = xlmr.convert_ids_to_tokens(window.ids.tolist())
    assert pieces == ["<s>", "▁the", "▁", "中", "国", "▁", "</s>"]
    assert window.first.tolist() == [1, 3, 5]


def test_unlabelled_sentences_get_no_label(tokenizer: PreTrainedTokenizerBase) -> None:
    (window,) = Encoder(tokenizer, max_length=64).words([Sentence(("the", "ing"))], LABELS)
    assert window.labels.tolist() == [-100, -100]


def test_a_word_without_a_piece_is_read_as_unknown(tiny_backbone: Path) -> None:
    tokenizer = _tokenizer(tiny_backbone)
    (window,) = Encoder(tokenizer, max_length=64).words([Sentence(("\u200b", "a", "\u200b", "\u200b"))], None)
    unknown = tokenizer.unk_token_id
    assert window.ids[1:-1].tolist() == [unknown, tokenizer.convert_tokens_to_ids("a"), unknown, unknown]
    assert window.first.tolist() == [1, 2, 3, 4]


def test_special_tokens_in_a_text_are_text(tokenizer: PreTrainedTokenizerBase) -> None:
    encoder = Encoder(tokenizer, max_length=64)
    special = str(tokenizer.mask_token)
    for window in (*encoder.words([Sentence((special, "a"))], None), *encoder.text([f"a {special} a"])):
        assert tokenizer.mask_token_id not in window.ids


def test_context_stands_on_both_sides_of_a_window(tiny_backbone: Path) -> None:
    tokenizer = _tokenizer(tiny_backbone)
    words = tuple("abcdefghijklmnopqrst")
    encoded = Encoder(tokenizer, max_length=10).words([Sentence(words)], None)
    shown = [tokenizer.convert_ids_to_tokens(window.ids.tolist())[1:-1] for window in encoded]
    assert ["".join(pieces) for pieces in shown] == ["abcdefgh", "efghijkl", "ijklmnop", "mnopqrst"]
    assert [len(window.first) for window in encoded] == [6, 4, 4, 6]


@given(st.lists(st.text(alphabet="abc中 ▁", max_size=80), max_size=4), st.integers(3, 20))
def test_text_is_cut_and_nothing_lost(tokenizer: PreTrainedTokenizerBase, lines: list[str], max_length: int) -> None:
    encoded = Encoder(tokenizer, max_length=max_length).text(lines)
    assert all(len(window) <= max_length and not len(window.first) for window in encoded)
    kept: dict[int, list[int]] = {}
    for window in encoded:
        kept.setdefault(window.sentence, []).extend(window.ids[1:-1].tolist())
    for number, line in enumerate(lines):
        pieces = tokenizer(line, add_special_tokens=False)["input_ids"]
        unknown = tokenizer.unk_token_id
        assert [p for p in kept.get(number, []) if p != unknown] == [p for p in pieces if p != unknown]


def test_windows_of_nothing_but_unknown_pieces_are_left_out(tokenizer: PreTrainedTokenizerBase) -> None:
    encoded = Encoder(tokenizer, max_length=16).text(["\u200b", "", "a"])
    assert [window.sentence for window in encoded if len(window) > 2][-1] == 2
    assert all((window.ids[1:-1] != tokenizer.unk_token_id).any() for window in encoded)


def test_rates(tiny_backbone: Path) -> None:
    encoder = Encoder(_tokenizer(tiny_backbone), max_length=16)
    assert encoder.unknown_rate(["a ሰ", "b"]) == pytest.approx(1 / 3)
    assert encoder.unknown_rate([Sentence(("a", "ሰ"))]) == 0.5
    assert encoder.unknown_rate([]) == 0.0
    assert encoder.pieces_per_word([Sentence(("ab", "c")), Sentence(("a",))]) == pytest.approx(4 / 3)
    assert encoder.pieces_per_word([]) == 0.0


def test_the_tokenizer_itself_is_left_as_it_was(tokenizer: PreTrainedTokenizerBase) -> None:
    before = tokenizer.backend_tokenizer.to_str()
    tokenizer("a", truncation=True, padding="max_length", max_length=4)
    set_by_caller = tokenizer.backend_tokenizer.to_str()
    (window,) = Encoder(tokenizer, max_length=30).text(["a b c d e f g"])
    assert len(window) == 9
    assert tokenizer.backend_tokenizer.to_str() == set_by_caller != before
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def test_no_room_is_refused(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(UsageError, match="leaves no room"):
        Encoder(tokenizer, max_length=2)


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(UsageError, match="must be a fast tokenizer"):
        Encoder(PreTrainedTokenizerBase(), max_length=9)


@pytest.mark.real
def test_real_chinese_labels_pass_over_the_lone_marker(data_root: Path, small_backbone: Path) -> None:
    tokenizer = _tokenizer(small_backbone)
    sentences = read_conllu(data_root / "ud/zh/test.conllu")
    encoded = Encoder(tokenizer, max_length=128).words(sentences, POS.label_ids)
    marker = tokenizer.convert_tokens_to_ids("▁")
    firsts = np.concatenate([window.ids[window.first] for window in encoded])
    assert len(firsts) == sum(map(len, sentences))
    assert (firsts == marker).sum() == 0
    before = np.concatenate([window.ids[window.first - 1] for window in encoded])
    assert (before == marker).mean() > 0.5


@pytest.mark.real
def test_real_share_of_unknown_words(data_root: Path, mbert: Path) -> None:
    """Of the Uyghur test words 37.2 % hold an unknown piece, of the Maltese 2.1 %."""
    encoder = Encoder(_tokenizer(mbert), max_length=128)
    for language, share in (("ug", 0.372), ("mt", 0.021)):
        words = [Sentence((w,)) for s in read_conllu(data_root / f"ud/{language}/test.conllu") for w in s.words]
        windows = encoder.words(words, None)
        assert np.mean([100 in window.ids for window in windows]) == pytest.approx(share, abs=0.002)


def test_words_and_lines_are_read_in_nfc(tokenizer: PreTrainedTokenizerBase) -> None:
    encoder = Encoder(tokenizer, max_length=40)
    composed = ("ċaċ", "é", "가")
    apart = tuple(unicodedata.normalize("NFD", word) for word in composed)
    assert apart != composed
    (one,), (other,) = (encoder.words([Sentence(words)], None) for words in (composed, apart))
    assert one.ids.tolist() == other.ids.tolist()
    (line,), (same,) = (encoder.text([" ".join(words) + " a"]) for words in (composed, apart))
    assert line.ids.tolist() == same.ids.tolist()
