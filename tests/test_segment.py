"""Segmenters: each documented rule on its own, exact offsets on any text, and a real external command."""

import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.segment import (
    SEGMENTERS,
    ExternalSegmenter,
    Token,
    UnicodeSegmenter,
    locate,
    refuse_unspaced,
    segmenter,
    segmenter_for,
)


def split(text: str, *, every_line: bool = False) -> list[list[str]]:
    return [[token.form for token in tokens] for tokens in UnicodeSegmenter(every_line=every_line)(text)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, world!", "Hello|,|world|!"),
        ("f'idejh tal-Bord ta' Ġunju", "f'idejh|tal-Bord|ta|'|Ġunju"),
        ("col·lecció l’été", "col·lecció|l’été"),
        ("-a- --b", "-|a|-|--|b"),
        ("1,000.5 10:30 3rd 5% €7 5.", "1,000.5|10:30|3rd|5|%|€|7|5|."),
        ("١٬٠٠٠٫٥", "١٬٠٠٠٫٥"),
        ("end.Next a:b", "end|.|Next|a|:|b"),
        ("the U.S. army, e.g. a.b.com", "the|U.S.|army|,|e.g.|a|.|b|.|com"),
        (
            "see http://ex.org/a?b=c. (www.x.org/), me@ex.co.uk!",
            "see|http://ex.org/a?b=c|.|(|www.x.org/|)|,|me@ex.co.uk|!",
        ),
        ("wow!!! so... ((a)) ==", "wow|!!!|so|...|(|(|a|)|)|=="),
        ("what?!", "what|?|!"),
        ("snake_case", "snake_case"),
        ("नमस्ते दुनिया", "नमस्ते|दुनिया"),
        ("cafe\u0301", "cafe\u0301"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200bb\ufeffc", "a|b|c"),
        ('צה"ל ״כן״', 'צה"ל|״|כן|״'),
        ("😀👍🏽 👩‍👩‍👧", "😀|👍🏽|👩‍👩‍👧"),
        ("\ue000\ue001 x", "\ue000\ue001|x"),
    ],
)
def test_token_rules(text: str, tokens: str) -> None:
    assert [form for sentence in split(text) for form in sentence] == tokens.split("|")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… Five", ["One .", "Two !", "Three ?", "Four …", "Five"]),
        ("He said “Go!” Then (left.) Now", ["He said “ Go ! ”", "Then ( left . )", "Now"]),
        ('"Stop!" and go. 17. juni', ['" Stop ! " and go .', "17 . juni"]),
        ("J. Smith came. A. Yes", ["J . Smith came .", "A . Yes"]),
        ("3.5 is.a number", ["3.5 is . a number"]),
        ("यह है। वह", ["यह है ।", "वह"]),
        ("ماذا؟ نعم۔ لا", ["ماذا ؟", "نعم ۔", "لا"]),
        ("one\ntwo\n\nthree\n \nfour", ["one two", "three", "four"]),
        ("a。b！」c", ["a 。", "b ！ 」", "c"]),
    ],
)
def test_sentence_rules(text: str, sentences: list[str]) -> None:
    assert [" ".join(tokens) for tokens in split(text)] == sentences


def test_every_line_can_end_a_sentence() -> None:
    assert split("one\ntwo\r\nthree", every_line=True) == [["one"], ["two"], ["three"]]


def test_offsets_and_spacing() -> None:
    assert UnicodeSegmenter()(" Ħa, 😀.\n") == [
        [
            Token("Ħa", 1, 3, False),
            Token(",", 3, 4, True),
            Token("😀", 5, 6, False),
            Token(".", 6, 7, True),
        ]
    ]


def test_clitics_close_their_word() -> None:
    text = "Il-ktieb ta' Ġanni f'idejh, col·lecció u x-xemx - le."
    found = [t.form for tokens in segmenter("unicode-clitics")(text) for t in tokens]
    assert found == "Il-|ktieb|ta'|Ġanni|f'|idejh|,|col·lecció|u|x-|xemx|-|le|.".split("|")


@pytest.mark.parametrize("text", ["", "  \n\t ", "\ufeff\u200b"])
def test_nothing_gives_nothing(text: str) -> None:
    assert split(text) == []


@given(st.text(st.sampled_from("aZéħ१٣א\u0301\u200d\u200b\u00ad .,!?'\"-:@/\n\r\t…。()http://www.😀🏽_"), max_size=40))
def test_offsets_are_exact_and_nothing_visible_is_lost(text: str) -> None:
    tokens = [token for sentence in UnicodeSegmenter()(text) for token in sentence]
    position, outside = 0, ""
    for token in tokens:
        assert token.form and text[token.start : token.end] == token.form
        assert not any(character.isspace() for character in token.form)
        outside += text[position : token.start]
        position = token.end
    assert set(outside + text[position:]) <= set(" \n\r\t\u200d\u200b\u00ad")


@given(st.text(max_size=60))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        sentences = UnicodeSegmenter()(text)
    except DataError:
        return
    assert all(text[t.start : t.end] == t.form for sentence in sentences for t in sentence)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("我爱你。", "Han"),
        ("สวัสดีครับ", "Thai"),
        ("ສະບາຍດີ", "Lao"),
        ("សួស្តី", "Khmer"),
        ("မင်္ဂလာပါ", "Myanmar"),
        ("ひらがな", "Hiragana"),
    ],
)
def test_scripts_without_spaces_are_refused_with_what_to_do(text: str, script: str) -> None:
    with pytest.raises(DataError, match=rf"are {script}\).*--tokenizer CMD"):
        UnicodeSegmenter()(text)


def test_a_foreign_name_does_not_refuse_a_text() -> None:
    text = "The capital of China, Beijing, is written 北京 there."
    refuse_unspaced(text)
    assert "北京" in split(text)[0]


def test_segmenters_have_names() -> None:
    assert segmenter().name == "unicode"
    assert [segmenter_for(code).name for code in ("mt", "en")] == ["unicode-clitics", "unicode"]
    assert [segmenter(name).name for name in SEGMENTERS] == list(SEGMENTERS)
    with pytest.raises(NotFoundError, match="did you mean 'unicode'"):
        segmenter("unicod")


def test_locate_ignores_white_space_and_keeps_odd_characters() -> None:
    assert locate(["ab", "c d", "\u200fe"], " ab\nc  d\u200fe ") == [(1, 3), (4, 8), (8, 10)]


@pytest.mark.parametrize(
    ("forms", "message"),
    [(["ab", "x"], "at character 3.*'c'.*'x'"), (["ab"], "at character 3.*'nothing more'"), (["ab", "c", "d"], "'d'")],
)
def test_locate_says_where_the_text_was_changed(forms: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        locate(forms, "ab c")


def command(tmp_path: Path, body: str) -> str:
    script = tmp_path / "tool.py"
    script.write_text("import sys\ntext = sys.stdin.buffer.read().decode()\n" + body, encoding="utf-8")
    return shlex.join([sys.executable, "-S", "-E", str(script)])


PRINT = (
    "for i, line in enumerate(text.splitlines()):\n"
    "    for j, form in enumerate(line, 1):\n"
    "        sys.stdout.buffer.write('\\t'.join([str(j), form, *'________']).encode() + b'\\n')\n"
    "    sys.stdout.buffer.write(b'\\n')\n"
)


def test_external_command_splits_han_text(tmp_path: Path) -> None:
    tool = ExternalSegmenter(command(tmp_path, PRINT))
    assert tool("我爱\n你") == [
        [Token("我", 0, 1, False), Token("爱", 1, 2, True)],
        [Token("你", 3, 4, True)],
    ]
    assert tool.name.endswith("tool.py")
    assert tool("  \n") == []


def test_external_command_may_give_multiword_tokens(tmp_path: Path) -> None:
    rows = ["1-2\tdel", "1\tde", "2\tel", "3\tmar"]
    text = "".join(row + "\t_" * 8 + "\n" for row in rows)
    tool = ExternalSegmenter(command(tmp_path, f"print({text!r})"))
    assert tool("del mar") == [[Token("del", 0, 3, True, ("de", "el")), Token("mar", 4, 7, True)]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit('first line\\nno model for xx')", "failed with status 1 and said: no model for xx"),
        ("sys.exit(3)", "failed with status 3 and said: nothing"),
        ("print('not conllu')", "the output of .*, line 1: a row has 1 columns"),
        ("print(text.upper().join(['1\\t', '\\t_' * 8]))", "changed the text at character 0"),
        ("sys.stdout.buffer.write(b'\\xff')", "not UTF-8"),
        ("", "holds no sentence"),
    ],
)
def test_external_command_that_fails_is_one_sentence(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ExternalSegmenter(command(tmp_path, body))("abc")


def test_external_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    tool = ExternalSegmenter(command(tmp_path, "import time\ntime.sleep(60)"), timeout=0.5)
    with pytest.raises(DataError, match=r"took more than 0\.5 s"):
        tool("abc")


def test_external_command_is_not_given_to_a_shell(tmp_path: Path) -> None:
    target = tmp_path / "made"
    tool = ExternalSegmenter(command(tmp_path, PRINT) + f" ; touch {target}")
    assert tool("a") and not target.exists()


def test_bad_commands_are_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        ExternalSegmenter("  ")
    with pytest.raises(UsageError, match="unmatched quotes"):
        ExternalSegmenter("tool 'a")
    with pytest.raises(NotFoundError, match="'no-such-program' cannot be started"):
        ExternalSegmenter("no-such-program --x")("abc")
