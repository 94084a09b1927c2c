"""Transliteration: tables are read, and a tokenizer reads what is written as if it were written otherwise."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BatchEncoding

from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.text import read_text
from hyperx_cl.data.transliteration import (
    known_transliteration,
    needed_transliteration,
    read_transliteration,
    transliterating,
)
from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.evaluate.pieces import PieceCounter
from hyperx_cl.transliteration import Transliteration

RULES = (("шч", "t"), ("а", "a"), ("б", "b"), ("ж", "abi"), ("ш", ""), ("é", "i"))
WRITTEN = st.text(st.sampled_from("абжшчabt é\u0301-."), max_size=20)


def rewritten(text: str, rules: Transliteration) -> str:
    """What the rules say, by hand."""
    text = unicodedata.normalize("NFC", text)
    for letters, other in rules:
        text = other.join(text.split(letters))
    return unicodedata.normalize("NFC", text)


@pytest.fixture(scope="module", params=["tiny_backbone", "tiny_xlmr"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return AutoTokenizer.from_pretrained(request.getfixturevalue(request.param))


def table(folder: Path, text: str) -> Path:
    (folder / "table.tsv").write_text(text, encoding="utf-8")
    return folder / "table.tsv"


def test_a_table_gives_the_longest_letters_first_and_their_capitals(tmp_path: Path) -> None:
    rules = read_transliteration(table(tmp_path, "# a remark\n\nж\tzh\nдж\tdj\nә\tä\nə\tä\nь\t\nЖ\tX\n中\tzhong\n"))
    assert rules == (
        ("Дж", "Dj"), ("дж", "dj"), ("Ə", "Ä"), ("ə", "ä"), ("Ж", "X"), ("Ь", ""), ("ж", "zh"), ("ь", ""), ("Ә", "Ä"),
        ("ә", "ä"), ("中", "zhong"),
    )  # fmt: skip


def test_a_table_is_read_in_nfc(tmp_path: Path) -> None:
    assert read_transliteration(table(tmp_path, "и\u0306\tj\u030c\n")) == (("Й", "J\u030c"), ("й", "ǰ"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ж zh\n", "line 1: letters, a tab and their replacement"),
        ("ж\tzh\t1\n", "line 1: letters, a tab"),
        ("ж\tzh\n\nж\tj\n", "line 3: a second rule for 'ж'"),
        ("\tj\n", "no rule of a transliteration: '' to 'j'"),
        ("ж\tә\nә\ta\n", "the rule for 'ә' would change that again"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as told:
        read_transliteration(table(tmp_path, text))
    assert str(tmp_path / "table.tsv") in str(told.value)


def test_a_missing_table_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        read_transliteration(tmp_path / "none.tsv")


@given(words=st.lists(WRITTEN.filter(str.strip), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_as_if_it_were_written_otherwise(words: list[str], tokenizer: Any) -> None:
    seen, plain = Encoder(transliterating(tokenizer, RULES), max_length=64), Encoder(tokenizer, max_length=64)
    line = " ".join(words)
    read, expected = seen.text([line]), plain.text([rewritten(line, RULES)])
    assert [e.ids.tolist() for e in read] == [e.ids.tolist() for e in expected]
    whole = [word for word in ("".join(word.split()) for word in words) if rewritten(word, RULES)] or ["tin"]
    got = seen.words([Sentence(tuple(whole))], None)
    wanted = plain.words([Sentence(tuple(rewritten(word, RULES) for word in whole))], None)
    assert [(e.ids.tolist(), e.first.tolist()) for e in got] == [(e.ids.tolist(), e.first.tolist()) for e in wanted]


def test_a_word_of_which_nothing_is_left_is_one_unknown_piece(tokenizer: Any) -> None:
    (read,) = Encoder(transliterating(tokenizer, RULES), max_length=64).words([Sentence(("tin", "шш", "ab"))], None)
    assert len(read.first) == 3 and read.ids[read.first[1]] == tokenizer.unk_token_id


def test_the_tokenizer_itself_and_what_has_no_rule_stay(tokenizer: Any) -> None:
    before = tokenizer.backend_tokenizer.to_str()
    view = transliterating(tokenizer, RULES)
    assert tokenizer.backend_tokenizer.to_str() == before
    assert view.get_vocab() == tokenizer.get_vocab() and view.all_special_ids == tokenizer.all_special_ids
    assert view("tin ab, abi").input_ids == tokenizer("tin ab, abi").input_ids
    assert view.model_max_length == tokenizer.model_max_length


def test_the_table_of_uyghur_tells_all_its_letters_apart() -> None:
    rules = known_transliteration("ug")
    alphabet = "ئاەبپتجچخدرزژسشغفقكگڭلمنھوۇۆۈۋېىي"
    read = dict(rules)
    assert set(alphabet) <= set(read)
    latin = [read[letter] for letter in alphabet if letter != "ئ"]
    assert len(set(latin)) == len(latin) == 32 and read["ئ"] == ""
    assert all(len(other) == 1 and "LATIN" in unicodedata.name(other) for other in latin)
    assert rewritten("ئۇيغۇرچە، ئۈرۈمچى؟", rules) == "uyğurçä, ürümçi?"


def test_most_languages_have_none() -> None:
    assert known_transliteration("mt") == known_transliteration("ug-Latn") == ()


def test_one_is_needed_only_where_a_letter_cannot_be_read(tokenizer: Any) -> None:
    rules = known_transliteration("ug")
    assert needed_transliteration("ug", tokenizer) == rules and needed_transliteration("mt", tokenizer) == ()

    class Reads:
        """A tokenizer that knows every letter."""

        unk_token_id = 0

        def __call__(self, text: str) -> BatchEncoding:
            return BatchEncoding({"input_ids": [ord(letter) for letter in text]})

    assert needed_transliteration("ug", Reads()) == ()  # type: ignore[arg-type]


@pytest.mark.real
def test_mbert_reads_uyghur_by_its_table(data_root: Path, mbert: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mbert)
    words = [Sentence(tuple(line.split())) for line in read_text(data_root / "mlm" / "ug.txt").lines[:500]]
    rules = needed_transliteration("ug", tokenizer)
    before, after = (PieceCounter(t).count(words) for t in (tokenizer, transliterating(tokenizer, rules)))
    assert before.unknown_rate > 0.2 and after.unknown_rate < 0.001
