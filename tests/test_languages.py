"""Language codes, names, scripts and pretraining lists."""

import subprocess
import sys

import pytest

from hyperx_cl import languages
from hyperx_cl.errors import NotFoundError

DATA_LANGUAGES = "am ar az br cs da en fo gn he hi hsb is kk mt nb pl sa ta tr ug uz yo yue zh".split()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *[("grn", "gn"), ("zh-yue", "yue"), ("alb", "sq"), ("sqi", "sq"), ("MT", "mt"), (" mt ", "mt"), ("iw", "he")],
        *[("cmn", "zh"), ("arb", "ar"), ("fil", "tl"), ("mo", "ro"), ("sh", "hbs"), ("ajp", "apc"), ("quy", "quy")],
        *[("kaz_Cyrl", "kk"), ("kaz_latn", "kk-Latn"), ("zh_Hant", "zh-Hant"), ("pt-br", "pt-BR"), ("simple", "en")],
        *[("x-Demo-1", "x-demo-1"), ("qaa", "qaa"), ("QTZ", "qtz"), ("qaa-cyrl", "qaa-Cyrl"), ("kmr", "kmr")],
    ],
)
def test_one_language_has_one_code(given: str, expected: str) -> None:
    assert languages.canonical(given) == expected
    assert languages.canonical(expected) == expected


@pytest.mark.parametrize(
    "code", ["", "a", "xx", "roa", "mul", "und", "quz!", "../../x", "mt\x1b[1m", "x-", "x-waytoolongpart", "mt-"]
)
def test_what_is_no_language_is_refused(code: str) -> None:
    with pytest.raises(NotFoundError, match="is not a language code") as caught:
        languages.canonical(code)
    assert "\x1b" not in str(caught.value)


def test_the_nearest_names_are_suggested() -> None:
    with pytest.raises(NotFoundError, match=r"did you mean 'mt' \(Maltese\)\?"):
        languages.canonical("maltees")
    with pytest.raises(NotFoundError, match=r"'ug' \(Uyghur\)"):
        languages.canonical("Uigur")
    with pytest.raises(NotFoundError, match=r"'ro' \(Romanian\)"):
        languages.canonical("roa")


def test_names() -> None:
    named = {code: languages.name(code) for code in ("mt", "sw", "el", "sr-Latn", "x-demo", "qaa-Cyrl", "mhr")}
    assert named == {
        **{"mt": "Maltese", "sw": "Swahili", "el": "Greek", "sr-Latn": "Serbian (Latn)"},
        **{"x-demo": "private language x-demo", "qaa-Cyrl": "private language qaa-Cyrl", "mhr": "Eastern Mari"},
    }


def test_scripts() -> None:
    assert languages.scripts("ug") == ("Arab",)
    assert languages.scripts("zh-Hant") == languages.scripts("yue") == ("Hani",)
    assert languages.scripts("ja") == ("Hani", "Hira", "Kana")
    assert languages.scripts("kk-Latn") == ("Latn",)
    assert languages.scripts("quy") == ("Latn",)
    assert languages.scripts("x-abcd") == ()


def test_every_code_of_the_tables_is_canonical_and_listed_once() -> None:
    listed = [code for codes in languages._LANGUAGES_BY_SCRIPTS.values() for code in codes.split()]
    assert len(listed) == len(set(listed)) >= 350
    for code in [*listed, *languages._FOLDED.values(), *languages._NAMES]:
        assert languages.canonical(code) == code
        assert languages.name(code)


def test_scripts_are_known_for_the_data_and_for_both_pretraining_lists() -> None:
    for code in [*DATA_LANGUAGES, *languages._SEEN["mbert"], *languages._SEEN["xlm-roberta"]]:
        assert languages.canonical(code) == code
        assert languages.scripts(code), code


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Il-Malti, 123!", {"Latn": 7}),
        ("ئۇيغۇر تىلى", {"Arab": 10}),
        ("Ўзбек ab", {"Cyrl": 5, "Latn": 2}),
        ("日本語のテスト", {"Hani": 3, "Kana": 3, "Hira": 1}),
        ("한국어 漢", {"Hang": 3, "Hani": 1}),
        ("አማርኛ", {"Ethi": 4}),
        ("தமிழ்", {"Taml": 3}),
        ("ﬁ ℃ ʼ ª", {"Latn": 2}),
        ("𐤀", {"Zzzz": 1}),
        ("1234 ...", {}),
    ],
)
def test_letters_are_counted_by_script(text: str, counts: dict[str, int]) -> None:
    assert languages.script_counts(text) == counts


@pytest.mark.parametrize("code", ["fo", "gn", "hsb", "mt", "sa", "ug", "yue", "am", "x-demo"])
def test_unseen_by_mbert(code: str) -> None:
    assert languages.seen("mbert", code) is False


@pytest.mark.parametrize("code", ["en", "ar", "br", "zh", "is", "kk", "tr", "ta", "yo", "no", "nb", "th", "mn", "hbs"])
def test_seen_by_mbert(code: str) -> None:
    assert languages.seen("mbert", code) is True


def test_seen_by_xlm_r_and_by_others() -> None:
    assert all(languages.seen("xlm-roberta", code) for code in ("sa", "ug", "am", "nb", "fil", "zh-Hant"))
    assert not any(languages.seen("xlm-roberta", code) for code in ("fo", "gn", "hsb", "mt", "yue", "yo"))
    assert languages.seen("bert", "en") is None
    assert languages.seen(None, "en") is None


def test_the_lists_have_the_published_lengths() -> None:
    # 104 with Chinese twice; 100 with a second Chinese, five romanised lists and a second Burmese
    assert len(set(languages._MBERT.split())) == 103
    assert len(set(languages._XLM_R.split())) == 93


def test_a_backbone_is_recognised_by_type_and_vocabulary() -> None:
    assert languages.backbone_kind("bert", 119_547) == "mbert"
    assert languages.backbone_kind("xlm-roberta", 250_002) == "xlm-roberta"
    assert languages.backbone_kind("bert", 30_522) is None


def test_importing_is_light() -> None:
    code = "import sys, hyperx_cl.languages; assert not {'torch', 'iso639', 'langcodes', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
