"""Words to values: lists of languages and pairs."""

import pytest

from hyperx_cl.cli.words import codes, names, pairs
from hyperx_cl.errors import NotFoundError, UsageError


def test_lists() -> None:
    assert names(" pos, ner,,pos") == ["pos", "ner"]
    assert codes("mlt, tr,mt") == ["mt", "tr"]
    assert codes("none") == codes(None) == codes("") == []
    with pytest.raises(NotFoundError, match="'maltees' is not a language code"):
        codes("tr,maltees")


def test_pairs() -> None:
    assert list(pairs(["MISC=O", "x=y=z"], flag="--x", form="A=B")) == [("MISC", "O"), ("x", "y=z")]
    for bad in ("a", "=b", "a="):
        with pytest.raises(UsageError, match=f"--x {bad}: this is not of the form A=B"):
            list(pairs([bad], flag="--x", form="A=B"))
