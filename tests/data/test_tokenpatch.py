"""Token patches: what a text lacks is found and spelt, and what could be read is read as before, piece by piece."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hyperx_cl.data.cache import tokenizer_hash
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.masking import Vocabulary
from hyperx_cl.data.text import read_text
from hyperx_cl.data.tokenpatch import find_patch, patched_tokenizer, relatives
from hyperx_cl.errors import DataError
from hyperx_cl.evaluate.pieces import PieceCounter

KNOWN, MISSING = "abtinlħżé", "ŵəőҡ—"
MIXED = st.text(st.sampled_from(KNOWN + MISSING + "-. "), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def wordpiece(tiny_backbone: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_backbone)


@pytest.fixture(scope="module")
def unigram(tiny_xlmr: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_xlmr)


@pytest.fixture(scope="module")
def bytelevel() -> Any:
    vocabulary = {"<unk>": 0, **{sign: 1 + i for i, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}}
    engine = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=engine, unk_token="<unk>")


def reader(tokenizer: Any) -> Callable[[str], list[int]]:
    """What reads a line: its ids, special tokens left out."""
    encoder = Encoder(tokenizer, max_length=512)
    return lambda text: [int(i) for line in encoder._line_ids([text]) for i in line]


def test_pieces_are_counted_by_word_and_place(wordpiece: Any) -> None:
    lines = ["ŵan aŵan nŵŵ", "(aŵ) aŵ, ab", "ən tin", "ən-ən"]
    assert find_patch(lines, wordpiece, least=1) == ("##ŵ", "ə", "ŵ")
    assert find_patch(lines, wordpiece, least=2) == ("##ŵ", "ə")
    assert find_patch(lines, wordpiece, least=4) == ("##ŵ",)  # four words, whichever have it twice
    assert find_patch(lines, wordpiece, least=5) == find_patch(["tin ab"], wordpiece, least=1) == ()
    assert find_patch(lines, wordpiece, most=1, least=1) == ("##ŵ",)


def test_equals_come_by_code_point_and_letters_are_read_in_nfc(wordpiece: Any) -> None:
    assert find_patch(["ŵ əŵ tə"], wordpiece, least=1) == ("##ŵ", "ŵ", "##ə", "ə")
    assert find_patch(["w\u0302an"], wordpiece, least=1) == ("ŵ",)


def test_what_no_piece_can_help_is_left_out(wordpiece: Any) -> None:
    assert find_patch(["ŵ" + "a" * 100], wordpiece, least=1) == ()  # longer than any word that is read
    assert find_patch(["a\u200bb", "ab\x07"], wordpiece, least=1) == ()  # the normaliser takes them out


def test_a_unigram_vocabulary_lacks_characters(unigram: Any) -> None:
    assert find_patch(["ŵan aŵan tin", "əŵ ab"], unigram, least=1) == ("ŵ", "ə")
    assert find_patch(["ŵan aŵan tin", "əŵ ab"], unigram, least=2) == ("ŵ",)


def test_bytes_are_never_unknown(bytelevel: Any) -> None:
    assert find_patch(["ŵan əŵ"], bytelevel, least=1) == ()
    with pytest.raises(DataError, match="takes no further pieces"):
        patched_tokenizer(bytelevel, ("ŵ",))


def test_a_vocabulary_with_tokens_behind_its_last_piece_takes_none(tiny_xlmr: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_xlmr)
    tokenizer.add_tokens(["whole"])
    assert find_patch(["ŵan"], tokenizer, least=1) == ()


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_only_the_vocabulary_grows(kind: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(kind)
    before = tokenizer.backend_tokenizer.to_str()
    pieces = find_patch(["ŵan aŵ əŵ — ab"], tokenizer, least=1)
    patched = patched_tokenizer(tokenizer, pieces)
    size = len(tokenizer)
    assert patched.convert_tokens_to_ids(list(pieces)) == list(range(size, size + len(pieces)))
    old, new = (json.loads(t.backend_tokenizer.to_str()) for t in (tokenizer, patched))
    assert tokenizer.backend_tokenizer.to_str() == before
    assert len(new["model"].pop("vocab")) == len(old["model"].pop("vocab")) + len(pieces)
    assert new == old
    for name in ("pad_token_id", "mask_token_id", "unk_token_id", "all_special_ids", "special_tokens_map"):
        assert getattr(patched, name) == getattr(tokenizer, name)
    assert patched.num_special_tokens_to_add(pair=False) == tokenizer.num_special_tokens_to_add(pair=False)
    assert tokenizer_hash(patched) != tokenizer_hash(tokenizer)  # what was encoded for one is never read for the other
    ordinary, plain = Vocabulary.of(patched).ordinary.tolist(), Vocabulary.of(tokenizer).ordinary.tolist()
    assert ordinary == [*plain, *range(size, size + len(pieces))]  # what MLM masks, and puts in at random
    with pytest.raises(DataError, match="which the vocabulary has already"):
        patched_tokenizer(patched, pieces[:1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seen=MIXED, other=MIXED)
@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_what_was_readable_keeps_its_pieces(kind: str, request: pytest.FixtureRequest, seen: str, other: str) -> None:
    tokenizer = request.getfixturevalue(kind)
    patched, size = patched_tokenizer(tokenizer, find_patch([seen], tokenizer, least=1)), len(tokenizer)
    plain, own, unknown = reader(tokenizer), reader(patched), tokenizer.unk_token_id
    assert unknown not in own(seen)
    for word in (*seen.split(), *other.split()):
        assert unknown in plain(word) or own(word) == plain(word)
    pieces = patched.convert_ids_to_tokens(own(seen))
    assert "".join(piece.replace("##", "").replace("▁", "") for piece in pieces) == "".join(seen.split())
    if kind == "unigram":  # there unknown characters stand in the middle of words: all around them stays too
        masked = [unknown if i >= size else i for i in own(seen)]
        fused = [i for n, i in enumerate(masked) if i != unknown or masked[n - 1 : n] != [i]]
        assert fused == plain(seen)


def names(tokenizer: Any, *pieces: str) -> list[list[str]]:
    """The relatives of some pieces by name."""
    return [tokenizer.convert_ids_to_tokens(found.tolist()) for found in relatives(pieces, tokenizer)]


def test_a_piece_is_like_its_base_letter_at_the_same_place(wordpiece: Any, unigram: Any) -> None:
    assert names(wordpiece, "ŵ", "##ŵ", "ő", "##Ŵ")[:3] == [["w"], ["##w"], ["o"]]
    assert names(unigram, "ŵ") == [["w"]]


def test_without_a_base_letter_it_is_like_its_script_and_else_like_all(wordpiece: Any) -> None:
    latin, cyrillic, dash, arabic, thai = names(wordpiece, "ə", "##ҡ", "—", "##ب", "##ก")
    assert {"a", "Z", "ħ"} <= set(latin) and not {"б", "1", "##a", "an"} & set(latin)
    assert "##б" in cyrillic and not {"б", "##a"} & set(cyrillic)
    assert {"1", ",", "-"} <= set(dash) and not {"a", "б"} & set(dash)
    inside = {"##a", "##б"}  # no piece is of that script inside of a word: all that stand there
    assert inside <= set(arabic) and arabic == thai and not {"a", "##an", "[UNK]"} & set(arabic)


@pytest.mark.real
def test_six_pieces_make_uyghur_readable_for_mbert(mbert: Path, data_root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mbert)
    lines = read_text(data_root / "mlm" / "ug.txt", max_lines=2000).lines
    learnt, held = lines[:1800], lines[1800:]
    pieces = find_patch(learnt, tokenizer)
    assert {"##ە", "##ې", "##ۈ", "##ۋ"} <= set(pieces) and len(pieces) < 20
    words = [Sentence(tuple(line.split())) for line in held]
    before, after = (PieceCounter(t).count(words) for t in (tokenizer, patched_tokenizer(tokenizer, pieces)))
    assert before.unknown_rate > 0.25 and after.unknown_rate < 0.005
    assert after.per_word > before.per_word
    assert [len(found) for found in relatives(("##ċ", "ċ"), tokenizer)] == [1, 1]
    arabic = tokenizer.convert_ids_to_tokens(relatives(("##ە",), tokenizer)[0].tolist())
    assert len(arabic) > 30 and {"##ا", "##ی"} <= set(arabic) and all(len(piece) == 3 for piece in arabic)


@pytest.mark.real
def test_readable_words_of_a_real_unigram_keep_their_pieces(small_backbone: Path, data_root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(small_backbone)
    lines = [
        line + " " + sign for line in read_text(data_root / "mlm" / "yue.txt", max_lines=200).lines for sign in "ᚠᛒ"
    ]
    pieces = find_patch(lines, tokenizer, least=1)
    patched = patched_tokenizer(tokenizer, pieces)
    assert {"ᚠ", "ᛒ"} <= set(pieces)
    plain, own, unknown = reader(tokenizer), reader(patched), tokenizer.unk_token_id
    for word in {word for line in lines for word in line.split()}:
        assert unknown not in own(word) and (unknown in plain(word) or own(word) == plain(word))
