"""Whatever is changed of a good repository: it is refused and nothing changes, or it gives what the good one gives."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hyperx_cl.registry.store import Registry
from tests.hostile.mutations import Mutant, mutated
from tests.hostile.oracle import Verdict, judged
from tests.hostile.pack import MODEL, REPO
from tests.hostile.pulling import DATABASE, Ended, Somebody, expect_one_sentence, hashes

OFTEN = settings(suppress_health_check=[*HealthCheck], max_examples=1000, phases=[Phase.generate])  # shown as they come
A_FEW = settings(OFTEN, max_examples=100)
READING = (("languages", "list"), ("languages", "history", "mt"), ("languages", "show", "mt"), ("models", "list"),
           ("models", "show", "pack"), ("tasks", "list"))  # fmt: skip


def expect_right(somebody: Somebody, kept: Path, files: Mutant) -> None:
    """Pull it, and hold what happens against what has to happen."""
    somebody.hub.models.repositories.clear()
    somebody.hub.models.put(REPO, files)
    before, old = somebody.state(), hashes(somebody.home / DATABASE)
    ended = somebody("library", REPO)
    verdict, wanted = judged(files)
    try:
        assert (ended.written, ended.ran) == ([], [])
        assert {f"http://{place}" for place in ended.connected} <= {somebody.hub.url}
        if ended.code:
            assert verdict is not Verdict.TAKEN, ended.err
            assert ended.code in (3, 4, 6), ended.err
            expect_one_sentence(ended.err)
            assert somebody.state() == before
        else:
            assert verdict is not Verdict.REFUSED
            expect_taken(somebody, ended, sorted([*old, *wanted]), whole=verdict is Verdict.EITHER)
    finally:
        somebody.put_back(kept)


def expect_taken(somebody: Somebody, ended: Ended, wanted: list[str], *, whole: bool) -> None:
    """The registry holds those numbers and is sound; with `whole`, everything that is told of them can be shown."""
    database = somebody.home / DATABASE
    with Registry.open(str(database), readonly=True) as registry:
        assert registry.check() == []
        base = [stored.hash for stored in registry.languages("pack") if stored.language in MODEL.config["languages"]]
    assert hashes(database) == sorted([*wanted, *base]) and len(base) == len(MODEL.config["languages"])
    if whole and "mt" in ended.out:
        for words in READING:
            shown = somebody(*words, *(["--model", "pack"] if words[0] != "models" else []))
            assert shown.code == 0, (words, shown.err)
            assert "\x1b" not in shown.out + shown.err


@pytest.mark.long
@given(files=mutated())
@A_FEW
def test_a_hundred_mutations(someone: Somebody, kept: Path, files: Mutant) -> None:
    expect_right(someone, kept, files)


@pytest.mark.slow
@given(files=mutated())
@OFTEN
def test_a_thousand_mutations(someone: Somebody, kept: Path, files: Mutant) -> None:
    expect_right(someone, kept, files)
