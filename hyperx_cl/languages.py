"""Language codes, names and scripts, and which languages a known backbone was pretrained on.

Codes are BCP 47 tags in their shortest form: two letters where ISO 639-1 has them, three of ISO 639-3 otherwise,
`x-…` or `qaa`…`qtz` for languages without a code. One language under two codes is one language here.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache

from hyperx_cl.errors import NotFoundError, did_you_mean

_PRIVATE = re.compile(r"x(-[a-z0-9]{1,8})+|q[a-t][a-z]")
_PLAIN = re.compile(r"[a-z]{2,3}")
_TAG = re.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8})+")


@lru_cache(maxsize=16384)
def canonical(code: str) -> str:
    """Return the shortest standard code of a language.

    Args:
        code: A code in any case: ISO 639-1, -2 (B or T) or -3, a BCP 47 tag, an old Wikipedia code, a private code.

    Returns:
        For instance ``'gn'`` for ``'grn'``, ``'yue'`` for ``'zh-yue'``, ``'sr-Latn'`` for ``'srp_latn'``. A script
        that the language is always written in is dropped (``'mt-Latn'`` is ``'mt'``).

    Raises:
        NotFoundError: No such code; the message suggests the nearest languages.
    """
    tag = code.strip().replace("_", "-").lower()
    tag = _OLD_CODES.get(tag, tag)
    if _PRIVATE.fullmatch(tag):
        return tag
    if _PLAIN.fullmatch(tag):
        return _base(tag) or _unknown(code)
    if _TAG.fullmatch(tag):
        return _tagged(tag) or _unknown(code)
    return _unknown(code)


@lru_cache(maxsize=16384)
def name(code: str) -> str:
    """Return the English name of a language, with the subtags of a longer tag in brackets: ``'Serbian (Latn)'``.

    Raises:
        NotFoundError: No such code.
    """
    tag = canonical(code)
    base, _, rest = tag.partition("-")
    if _PRIVATE.fullmatch(tag) or _PRIVATE.fullmatch(base):
        return f"private language {tag}"
    plain = _NAMES.get(base) or re.sub(r" \((macrolanguage|individual language)\)$", "", _iso(base)[1])
    return f"{plain} ({rest})" if rest else plain


def scripts(code: str) -> tuple[str, ...]:
    """Return the scripts that a language is usually written in, most usual first.

    Args:
        code: Any code that `canonical` takes. A script named in the tag (``'kk-Latn'``) is the only one returned.

    Returns:
        ISO 15924 codes as `script_counts` gives them: Chinese is ``('Hani',)`` in either form, Japanese
        ``('Hani', 'Hira', 'Kana')``. Empty when not known.

    Raises:
        NotFoundError: No such code.
    """
    base, *rest = canonical(code).split("-")
    named = [part for part in rest if len(part) == 4 and part.isalpha() and base != "x"]
    if named:
        return _COMPOSED.get(named[0], (named[0],))
    return _scripts_by_language().get(base, ())


def script_code(wanted: str) -> str:
    """Return the ISO 15924 code of a script that is given by its code or its English name, in any case.

    Raises:
        NotFoundError: No script of that name is known here.
    """
    codes = {code for used in _scripts_by_language().values() for code in used}
    by_name = {name.lower(): code for name, code in _SCRIPT_BY_NAME.items() if code}
    known = by_name | {code.lower(): code for code in codes | {*by_name.values()}}
    word = wanted.strip().lower()
    if word not in known:
        raise NotFoundError(
            f"no script is called {wanted!r}{did_you_mean(word, known)}: give an ISO 15924 code such as Cyrl"
        )
    return known[word]


def script_counts(text: str) -> dict[str, int]:
    """Count the letters of a text by script.

    Args:
        text: Any text; digits, punctuation, combining marks and letters that belong to no script are not counted.

    Returns:
        ISO 15924 code to number of letters, most frequent first; ``'Zzzz'`` for scripts not known here.
    """
    counts: Counter[str] = Counter()
    for character, times in Counter(text).items():
        script = _script_of(character)
        if script:
            counts[script] += times
    return dict(counts.most_common())


def backbone_kind(model_type: str, vocabulary: int) -> str | None:
    """Tell which pretraining list belongs to a backbone.

    Args:
        model_type: `model_type` of the backbone's configuration.
        vocabulary: Number of rows of its word embeddings.

    Returns:
        A key for `seen` (``'mbert'``, ``'xlm-roberta'``), or None when the backbone is not one of those.
    """
    return {
        ("bert", 119_547): "mbert",
        ("distilbert", 119_547): "mbert",
        ("xlm-roberta", 250_002): "xlm-roberta",
        ("xlm-roberta-xl", 250_880): "xlm-roberta",
    }.get((model_type, vocabulary))


def seen(kind: str | None, code: str) -> bool | None:
    """Tell whether a language was in a backbone's pretraining.

    Args:
        kind: ``'mbert'`` or ``'xlm-roberta'``, as `backbone_kind` gives it.
        code: Any code that `canonical` takes; script and region do not matter.

    Returns:
        True or False, or None when the list of that backbone is not known.

    Raises:
        NotFoundError: No such code.
    """
    base = canonical(code).split("-")[0]
    known = _SEEN.get(kind or "")
    return None if known is None else base in known


def _base(part: str) -> str | None:
    """The shortest code for a plain two- or three-letter one, None where it names no single language."""
    if _PRIVATE.fullmatch(part):
        return part
    short = _iso(part)[0]
    return _FOLDED.get(short, short) or None


@lru_cache(maxsize=16384)
def _iso(part: str) -> tuple[str, str]:
    """Shortest ISO 639 code and reference name; two empty strings for what is unknown, a group, or special."""
    from iso639 import Lang
    from iso639.exceptions import DeprecatedLanguageValue, InvalidLanguageValue

    try:
        found = Lang(part)
    except DeprecatedLanguageValue as error:
        successor = str(vars(error).get("change_to") or "")
        return _iso(successor) if successor else ("", "")
    except InvalidLanguageValue:
        return "", ""
    if not found.pt3 or found.scope() == "Special":
        return "", ""
    return found.pt1 or found.pt3, found.name


def _tagged(tag: str) -> str | None:
    """The canonical form of a tag with subtags, None when a part of it is not valid."""
    import langcodes

    try:
        standard = langcodes.standardize_tag(tag) if langcodes.tag_is_valid(tag) else ""
    except ValueError:
        return None
    first, _, rest = standard.partition("-")
    base = _base(first) if _PLAIN.fullmatch(first) else None
    return f"{base}-{rest}" if base and rest else base


def _unknown(code: str) -> str:
    """Refuse a code, naming languages that were perhaps meant.

    Raises:
        NotFoundError: Always.
    """
    near = [f"'{other}' ({name(other)})" for other in _near(code.strip().lower())]
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise NotFoundError(
        f"{code!r} is not a language code{hint}: give an ISO 639 or BCP 47 code, or a private one such as x-mine"
    )


def _near(word: str) -> Iterator[str]:
    """Up to three codes whose name, or which themselves, resemble a word."""
    from iso639 import iter_langs

    if len(word) <= 3:
        yield from difflib.get_close_matches(word, sorted(_scripts_by_language()), n=3, cutoff=0.6)
        return
    by_name = {lang.name.lower(): lang.pt1 or lang.pt3 for lang in iter_langs() if lang.pt3}
    by_name |= {plain.lower(): code for code, plain in _NAMES.items()}
    matches = difflib.get_close_matches(word, by_name, n=3, cutoff=0.75)
    yield from dict.fromkeys(_FOLDED.get(by_name[match], by_name[match]) for match in matches)


@lru_cache(maxsize=65536)
def _script_of(character: str) -> str | None:
    """ISO 15924 code of one letter, None for what is no letter or belongs to no script."""
    if not unicodedata.category(character).startswith("L"):
        return None
    words = unicodedata.name(character, "").split(" ")
    for prefix in (words[0], " ".join(words[:2]), " ".join(words[1:2])):
        if prefix in _SCRIPT_BY_NAME:
            return _SCRIPT_BY_NAME[prefix]
    return "Zzzz"


@cache
def _scripts_by_language() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for used, codes in _LANGUAGES_BY_SCRIPTS.items():
        table |= dict.fromkeys(codes.split(), tuple(used.split()))
    return table


# Old Wikipedia names and retired codes for which the standard gives no single successor.
_OLD_CODES = {
    **{"mo": "ro", "mol": "ro", "sh": "hbs", "scc": "sr", "scr": "hr", "bh": "bho"},
    **{"zh-classical": "lzh", "zh-min-nan": "nan", "bat-smg": "sgs", "fiu-vro": "vro", "roa-rup": "rup"},
    **{"be-x-old": "be-tarask", "simple": "en"},
}

# The standard variety of a macrolanguage is what everybody writes the macrolanguage's code for.
_FOLDED = {
    **{"cmn": "zh", "arb": "ar", "ekk": "et", "lvs": "lv", "zsm": "ms", "swh": "sw", "khk": "mn", "pes": "fa"},
    **{"npi": "ne", "ory": "or", "plt": "mg", "uzn": "uz", "azj": "az", "ydd": "yi", "als": "sq", "fil": "tl"},
}

# Everyday names where the reference name of ISO 639-3 is not one.
_NAMES = {
    **{"el": "Greek", "ug": "Uyghur", "yue": "Cantonese", "or": "Odia", "ky": "Kyrgyz", "km": "Khmer"},
    **{"ps": "Pashto", "pa": "Punjabi", "oc": "Occitan", "to": "Tongan", "ia": "Interlingua", "si": "Sinhala"},
    **{"ht": "Haitian Creole", "fy": "West Frisian", "nds": "Low Saxon", "zgh": "Standard Moroccan Tamazight"},
}

_COMPOSED = {"Hans": ("Hani",), "Hant": ("Hani",), "Jpan": ("Hani", "Hira", "Kana"), "Kore": ("Hang", "Hani")}

# Usual scripts to the languages written in them. A language that is missing here is simply not checked.
_LANGUAGES_BY_SCRIPTS = {
    "Latn": (
        "aa ace af ak an apu aqz arn arr ast ay bar bci bcl bew bi bik bm bor br bum bzd ca cak ceb ch co crs cs "
        "csb cy da dag de diq dsb ee efi en eo es et eu ext fat ff fi fj fo fon fr frp frr fur fy ga gaa gcf gd gl "
        "gn gor gsw gub guc gun guw gv haw hil ho hr hsb ht hu hus hz ia id ie ig ik ilo io is it izh jam kab kam "
        "kbp kea kfm kg ki kj kl kmb kmr kpe kri krl ksh kw la lb lfn lg li lij liv lld lmo ln loz lt ltg lua lun "
        "luo lus lv lzz mad mam men mfe mg mh mi min miq mnk mos mpu mt mus mwl myu na nap naq nb nd nds ng nhn nl "
        "nn no nov nr nso ny nyk nyn oc olo om pag pam pap pcd pcm pdc pfl pl pms prg pt qu quc quy quz rm rn ro "
        "rup rw sc scn sco se sg sgs shp sk sl sm sma smj smn sms sn so soj sq srn ss st stq sus sv sw szl tem tet "
        "tl tn to toi tpi tpn tr ts tum tvl tw ty umb urb ve vec vep vi vls vo vot vro wa war wo xav xh yap yo yrl "
        "yua za zap zea zu zza"
    ),
    "Latn Cyrl": "az bs cnr crh gag hbs kaa rom tk uz",
    "Cyrl Latn": "sr tt",
    "Latn Arab": "ha ku ms",
    "Latn Java": "jv",
    "Latn Sund": "su",
    "Latn Bali": "ban",
    "Latn Tfng": "shi rif",
    "Tfng Latn": "zgh tzm",
    "Cyrl": (
        "ab ady alt av ba be bg bua bxr ce chm ckt cu cv dar dng evn gld inh kbd kca kjh kk koi kpv krc kum kv ky lbe "
        "lez mdf mhr mk mns mrj myv nio nog orv os ru rue rut sah sel sva tab tg tyv udm uk xal yrk"
    ),
    "Cyrl Mong": "mn",
    "Arab": (
        "ar acm aeb afb apc apd arq ary arz azb bal bft bqi brh ckb fa glk haz khw lki lrc mzn ota pnb "
        "prs ps sdh skr trw ug ur wni"
    ),
    "Arab Deva": "sd ks",
    "Arab Latn": "zdj",
    "Latn Arab Bugi": "bug",
    "Latn Arab Cyrl": "tly",
    "Deva": "anp awa bgc bho bhb brx doi gom hi hne mag mai mr mwr ne new raj sa sck tdy xnr",
    "Deva Latn": "kok",
    "Beng": "as bn bpy rkt syl ctg",
    "Beng Mtei": "mni",
    "Guru Arab": "pa",
    "Gujr": "gu",
    "Orya": "or",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn tcy",
    "Mlym": "ml",
    "Sinh": "si",
    "Deva Sinh Thai Mymr Khmr": "pi",
    "Thai": "th nod tts sou",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my mnw shn rki blk ksw",
    "Tibt": "bo dz adx khg lbj",
    "Geor": "ka xmf bbl",
    "Armn": "hy hyw xcl",
    "Grek": "el grc pnt cpg",
    "Hebr": "he hbo yi jpr",
    "Hebr Latn": "lad",
    "Syrc": "syr syc aii arc",
    "Ethi": "am ti gez tig wal",
    "Cans Latn": "cr iu oj csw crk",
    "Cher": "chr",
    "Copt": "cop",
    "Goth": "got",
    "Thaa": "dv",
    "Nkoo": "nqo",
    "Olck": "sat",
    "Vaii": "vai",
    "Yiii": "ii",
    "Lisu": "lis",
    "Hani": "zh yue wuu gan hsn lzh cjy czh",
    "Hani Latn": "nan hak cdo",
    "Hani Hira Kana": "ja ryu ojp",
    "Hang Hani": "ko jje",
    "Latn Deva": "hif",
}

# First word (or two) of a letter's Unicode name to its script.
_SCRIPT_BY_NAME: dict[str, str | None] = {
    **{"LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "COPTIC": "Copt", "ARABIC": "Arab", "HEBREW": "Hebr"},
    **{"DEVANAGARI": "Deva", "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "ORIYA": "Orya"},
    **{"TAMIL": "Taml", "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym", "SINHALA": "Sinh", "THAI": "Thai"},
    **{"LAO": "Laoo", "TIBETAN": "Tibt", "MYANMAR": "Mymr", "GEORGIAN": "Geor", "ARMENIAN": "Armn", "KHMER": "Khmr"},
    **{"ETHIOPIC": "Ethi", "CHEROKEE": "Cher", "CANADIAN": "Cans", "OGHAM": "Ogam", "RUNIC": "Runr", "GOTHIC": "Goth"},
    **{"CJK": "Hani", "IDEOGRAPHIC": "Hani", "KANGXI": "Hani", "HIRAGANA": "Hira", "KATAKANA": "Kana"},
    **{"KATAKANA-HIRAGANA": "Kana", "HENTAIGANA": "Hira", "HANGUL": "Hang", "BOPOMOFO": "Bopo", "YI": "Yiii"},
    **{"MONGOLIAN": "Mong", "SYRIAC": "Syrc", "THAANA": "Thaa", "NKO": "Nkoo", "SAMARITAN": "Samr", "MANDAIC": "Mand"},
    **{"TIFINAGH": "Tfng", "VAI": "Vaii", "BAMUM": "Bamu", "ADLAM": "Adlm", "OSMANYA": "Osma", "OSAGE": "Osge"},
    **{"JAVANESE": "Java", "BALINESE": "Bali", "SUNDANESE": "Sund", "BUGINESE": "Bugi", "BATAK": "Batk"},
    **{"REJANG": "Rjng", "CHAM": "Cham", "TAGALOG": "Tglg", "HANUNOO": "Hano", "BUHID": "Buhd", "TAGBANWA": "Tagb"},
    **{"OL CHIKI": "Olck", "MEETEI": "Mtei", "SYLOTI": "Sylo", "LEPCHA": "Lepc", "LIMBU": "Limb", "NEWA": "Newa"},
    **{"SAURASHTRA": "Saur", "KAYAH": "Kali", "LISU": "Lisu", "MIAO": "Plrd", "TAI LE": "Tale", "NEW TAI": "Talu"},
    **{"TAI THAM": "Lana", "TAI VIET": "Tavt", "CHAKMA": "Cakm", "GRANTHA": "Gran", "TIRHUTA": "Tirh", "MODI": "Modi"},
    **{"GLAGOLITIC": "Glag", "DESERET": "Dsrt", "WANCHO": "Wcho", "HANIFI": "Rohg", "PAHAWH": "Hmng"},
    # letters that many scripts share
    **{"MODIFIER": None, "MASCULINE": "Latn", "FEMININE": "Latn", "KELVIN": "Latn", "ANGSTROM": "Latn"},
    **{"MICRO": "Grek", "OHM": "Grek"},
}

# 104 largest Wikipedias of 2018, as listed by the authors of multilingual BERT (cased).
_MBERT = (
    "af sq ar an hy ast az ba eu bar be bn bpy bs br bg my ca ceb ce zh cv hr cs da nl en et fi fr gl ka de el gu ht "
    "he hi hu is io id ga it ja jv kn kk ky ko la lv lt lmo nds lb mk mg ms ml mr min ne new nb nn oc fa pms pl pt pa "
    "ro ru sco sr hbs scn sk sl azb es su sw sv tl tg ta tt te tr uk ur uz vi vo war cy fy pnb yo th mn"
)
# Languages of CC-100 as listed by the authors of XLM-RoBERTa (Norwegian is one list there, so is Kurdish).
_XLM_R = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he hi hr hu hy id is it "
    "ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps pt ro ru sa sd si sk sl so sq "
    "sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh"
)
_SEEN = {
    "mbert": frozenset(_MBERT.split()) | {"no"},
    "xlm-roberta": frozenset(_XLM_R.split()) | {"nb", "kmr", "hbs"},
}
