"""Families and places: the table is well formed, and what it calls near is near."""

import csv
import math
from collections.abc import Iterable
from importlib.resources import files
from itertools import permutations

import pytest

from hyperx_cl import languages
from hyperx_cl.errors import NotFoundError
from hyperx_cl.relatives import FARTHEST, NEAREST, Relative, distance, relatives

ROWS = list(csv.DictReader((files("hyperx_cl") / "relatives.csv").read_text(encoding="utf-8").splitlines()))
BASE = "ar az br cs da en gn he hi is kk nb pl sa tr uz yue zh".split()
TREEBANKS = (
    "af akk aqz sq am grc hbo apu ar hy aii az bm eu bej be bn bho br bg bxr yue ca ceb zh ckt xcl lzh cop hr cs da "
    "nl egy en myv eo et fo fi fr gl lij ka de aln got el gub gn gu ht ha he azz hi hit hu is id ga it ja jv xnr kk "
    "naq kfm quc koi kpv ko ky kmr ltg la lv lt olo nds lb mk jaa mpu ml mt gv mr gun mdf myu nap se no nn oc or "
    "orv ota ps fa pcm pl pt pa ro ru sa gd sr wuu sd si sms sk sl soj apc es sv gsw tl ta tt eme te th tpn tr uk "
    "xum hsb ur ug uz vep vi wbp cy hyw wo xav sah yi yo yrl ess zza"
).split()


def test_table_is_well_formed() -> None:
    codes = [row["code"] for row in ROWS]
    assert len(codes) == len(set(codes)) > 7000 and codes == sorted(codes)
    assert [code for code in codes if languages.canonical(code) != code] == []
    for row in ROWS:
        assert all(group and group == group.strip() for group in row["branch"].split("/")), row
        if row["latitude"] or row["longitude"]:
            assert -90 <= float(row["latitude"]) <= 90 and -180 <= float(row["longitude"]) <= 180, row


def test_what_stands_below_a_group_is_smaller_and_in_one_family() -> None:
    members: dict[tuple[str, ...], int] = {}
    for row in ROWS:
        branch = tuple(row["branch"].split("/"))
        for depth in range(1, len(branch) + 1):
            members[branch[:depth]] = members.get(branch[:depth], 0) + 1
    assert [
        branch for branch, count in members.items() if len(branch) > 1 and not 1 < count < members[branch[:-1]]
    ] == []
    family = {row["code"]: row["branch"].split("/")[0] for row in ROWS}
    assert {family[code] for code in "en fo hsb hi fa el cy lt sq hy".split()} == {"Indo-European"}
    assert {family[code] for code in "mt ar am ha".split()} == {"Afro-Asiatic"}
    assert [family[code] for code in "ta yo ug zh eu".split()] == [
        *["Dravidian", "Atlantic-Congo", "Turkic", "Sino-Tibetan", "Basque"]
    ]


@pytest.mark.parametrize(
    "wanted",
    [languages._SEEN["mbert"], languages._SEEN["xlm-roberta"], TREEBANKS, languages._scripts_by_language()],
    ids=["mbert", "xlm-roberta", "treebanks", "scripts"],
)
def test_table_has_what_is_worked_on(wanted: Iterable[str]) -> None:
    codes = {row["code"] for row in ROWS}
    assert sorted({languages.canonical(code) for code in wanted} - codes) == []


def test_distance_is_symmetric_and_between_0_and_1() -> None:
    for a, b in permutations(["hsb", "cs", "mt", "yo", "eo", "haw", "kk-Latn"], 2):
        assert 0 < distance(a, b) == distance(b, a) <= 1
    assert distance("kk", "kk") == distance("kaz", "kk-Latn") == 0
    assert distance("eo", "haw") == 1  # no kin and no place
    assert distance("tr", "ota") > 0


def test_distance_is_the_mean_of_tree_and_map() -> None:
    # Both are alone in the smallest group of theirs: log 2 / log N in the tree.
    pair = [row for row in ROWS if row["branch"].endswith("/Icelandic-Faroese")]
    assert {row["code"] for row in pair} == {"fo", "is"}
    (near,) = relatives("fo", ["is"])
    assert near.group == "Icelandic-Faroese" and near.kilometres == 633
    assert near.distance == pytest.approx((math.log(2) / math.log(len(ROWS)) + 633 / 20015) / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("code", "first"),
    [
        *[("hsb", "cs"), ("mt", "ar"), ("fo", "is"), ("ug", "uz"), ("ky", "kk"), ("cy", "br"), ("am", "ar")],
        *[("nn", "nb"), ("ur", "hi"), ("gun", "gn"), ("zh-Hant", "zh"), ("sk", "cs"), ("ta", "sa"), ("kk-Latn", "kk")],
    ],
)
def test_nearest(code: str, first: str) -> None:
    assert relatives(code, BASE)[0].language == first


def test_unrelated_languages_count_only_where_nothing_else_is_there() -> None:
    assert [near.language for near in relatives("mt", ["en", "it", "ar", "tr"])] == ["ar"]
    near = relatives("ta", BASE)
    assert [(other.language, other.group) for other in near] == [("sa", ""), ("hi", "")]
    assert str(near[0]) == "sa (unrelated, 1,074 km)"
    assert near[-1].distance <= FARTHEST < distance("ta", "kk")


def test_only_the_nearest_count_and_never_the_language_itself() -> None:
    near = relatives("hsb", [*BASE, "hsb", "sk", "x-mine"])
    assert len(near) == NEAREST
    assert near == sorted(near, key=lambda other: other.distance)
    assert len(relatives("hsb", BASE, 1)) == 1
    assert str(Relative("cs", 0.1, "West Slavic", 153)) == "cs (West Slavic, 153 km)"


@pytest.mark.parametrize(
    ("code", "among", "said"),
    [
        (
            "x-mine",
            BASE,
            r"'x-mine' \(private language x-mine\) is not in the table of families and places: give --mlm",
        ),
        ("haw", BASE, r"near 'haw' \(Hawaiian\) by family or map; the nearest is \w+ \(unrelated, [\d,]+ km\): give"),
        ("yo", BASE, r"the nearest is he \(unrelated, 4,198 km\)"),
        ("eo", ["en"], r"the nearest is en \(unrelated, no place known\): give --mlm FILE, its text, or --like LANGS"),
        ("mt", ["mt", "x-mine"], r"near 'mt' \(Maltese\) by family or map: give --mlm FILE"),
        ("xx", BASE, "'xx' is not a language code"),
    ],
)
def test_refuses_what_it_knows_nothing_of(code: str, among: list[str], said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        relatives(code, among)
    with pytest.raises(NotFoundError):
        distance(code, "x-mine")
