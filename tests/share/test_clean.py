"""What travels of a provenance: known facts, and no way to any file."""

import pytest

from hyperx_cl.share.clean import clean, without_paths


@pytest.mark.parametrize(
    "text, left",
    [
        ("/home/me/data/wiki.txt", "wiki.txt"), ("~/wiki.txt", "wiki.txt"), ("~me/a/wiki.txt", "wiki.txt"),
        (r"C:\Users\me\wiki.txt", "wiki.txt"), ("file:///srv/a.txt", "a.txt"), (r"\\host\share\a.txt", "a.txt"),
        ("from '/tmp/a b.txt'", "from 'a b.txt'"), ("https://example.org/a/b.txt", "https://example.org/a/b.txt"),
        ("CC-BY-SA-4.0 / GFDL", "CC-BY-SA-4.0 / GFDL"), ("and/or", "and/or"), ("train.conllu", "train.conllu"),
        ("wikimedia/wikipedia, 20231101.mt", "wikimedia/wikipedia, 20231101.mt"), ("(see /etc/hosts)", "(see hosts)"),
        ("/", "/"), ("=/root/x/y", "=y"),
    ],
)  # fmt: skip
def test_a_path_is_shortened_and_nothing_else_is(text: str, left: str) -> None:
    assert without_paths(text) == left


def test_unknown_facts_stay_at_home_at_every_depth() -> None:
    told = {
        "method": "carried", "hub": {"repo": "a/b"}, "sentence": "Il-kelb.",
        "text": {"sha256": "ab", "lines": {"train": 3}},
        "carried": {"method": "mlm", "provenance": {"method": "mlm", "secret": "x", "source": "/a/b.txt"}},
        "corrections": [{"was": {"source": "/home/me/a.txt"}}],
    }  # fmt: skip
    assert clean(told) == {
        "method": "carried", "text": {"sha256": "ab", "lines": {"train": 3}},
        "carried": {"method": "mlm", "provenance": {"method": "mlm", "source": "b.txt"}},
        "corrections": [{"was": {"source": "a.txt"}}],
    }  # fmt: skip
    assert clean(clean(told)) == clean(told)


def test_what_a_record_was_learnt_again_from_travels() -> None:
    told = {"method": "mlm", "redone": {"model": "a1" * 32, "hash": "b2" * 32, "other_text": True}}
    assert clean(told) == told
