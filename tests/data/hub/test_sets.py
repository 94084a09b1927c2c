"""Whose language a configuration of a data set is."""

import pytest

from hyperx_cl.data.hub.choose import choose
from hyperx_cl.data.hub.listing import HubFile, Listing, _place
from hyperx_cl.data.hub.sets import UD, WIKIANN, WIKIPEDIA, HubSet
from hyperx_cl.errors import NotFoundError


@pytest.mark.parametrize(
    ("hub_set", "config", "language"),
    [
        (UD, "mt_mudt", "mt"), (UD, "sme_giella", "se"), (UD, "no_bokmaal", "nb"), (UD, "no_nynorsk", "nn"),
        (UD, "lzh_kyoto", "lzh"), (UD, "xyzzy", None), (UD, "qqqq_a", None), (UD, "tools", None),
        (WIKIANN, "zh-yue", "yue"), (WIKIANN, "als", "gsw"), (WIKIANN, "simple", None), (WIKIANN, "sh", "hbs"),
        (WIKIPEDIA, "20231101.zh-classical", "lzh"), (WIKIPEDIA, "20231101.no", "nb"), (WIKIPEDIA, "mt", None),
        (WIKIPEDIA, "20231101.be-x-old", "be-tarask"), (WIKIPEDIA, "20231101.map-bms", None),
    ],
)  # fmt: skip
def test_language_of_a_configuration(hub_set: HubSet, config: str, language: str | None) -> None:
    assert hub_set.language_of(config) == language


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("en/train-00000-of-00001.parquet", ("en", "train")), ("en/validation-00000-of-00001.parquet", ("en", "dev")),
        ("parquet/mt_mudt/dev.parquet", ("mt_mudt", "dev")), ("mt_mudt/test/0000.parquet", ("mt_mudt", "test")),
        ("cs_pdt/universal_dependencies-train.parquet", ("cs_pdt", "train")),
        ("20231101.mt/train-00000-of-00001.parquet", ("20231101.mt", "train")),
        ("en/train.csv", None), ("en/all.parquet", None), ("train.parquet", None), ("data/train-0.parquet", None),
        ("wikiann.py", None), ("en/constrained.parquet", None),
    ],
)  # fmt: skip
def test_configuration_and_split_of_a_file(path: str, place: tuple[str, str] | None) -> None:
    assert _place(path) == place


def listing(**sizes: dict[str, int]) -> Listing:
    return Listing(
        "some/set", "0" * 40, None,
        {
            name.replace("__", "."): {split: [HubFile(f"{name}/{split}.parquet", size)] for split, size in each.items()}
            for name, each in sizes.items()
        },
    )  # fmt: skip


def test_of_several_treebanks_the_one_with_the_largest_training_file_is_chosen() -> None:
    some = listing(fo_a={"test": 900}, fo_b={"train": 10, "test": 5}, fo_c={"train": 20}, is_a={"train": 99})
    assert choose(UD, some, "fo") == "fo_c"
    assert choose(UD, listing(fo_a={"test": 900}, fo_b={"test": 5}), "fo") == "fo_a"
    assert choose(UD, some, "fo", "fo_a") == "fo_a"
    with pytest.raises(NotFoundError, match="some/set has no treebank 'is_a' of 'fo' .*: it has fo_a, fo_b, fo_c"):
        choose(UD, some, "fo", "is_a")


def test_of_several_dates_the_latest_is_chosen_and_of_several_names_the_language_s_own() -> None:
    some = listing(**{"20220301__mt": {"train": 9}, "20231101__mt": {"train": 1}, "20240101__en": {"train": 1}})
    assert choose(WIKIPEDIA, some, "mt") == "20231101.mt"
    assert choose(WIKIANN, listing(yue={"train": 1}, **{"zh-yue": {"train": 9}}), "yue") == "yue"


def test_a_language_that_is_missing_is_named_with_its_own_code_without_a_script_first() -> None:
    some = listing(sr={"train": 1}, kk={"train": 1})
    with pytest.raises(NotFoundError) as refused:
        choose(WIKIANN, some, "sr-Latn")
    assert str(refused.value) == "some/set has no 'sr-Latn' (Serbian (Latn)) (did you mean 'sr'?): it has kk sr"
