"""Each bad repository is refused with one sentence, and nothing is changed; what is none of the format is let alone."""

import random
from pathlib import Path

import pytest

from tests.hostile.attack import LET_ALONE, Attack
from tests.hostile.corpus import corpus
from tests.hostile.pulling import DATABASE, Ended, Somebody, expect_one_sentence, hashes

SEED, A_FEW = 20, 60
ALL = corpus()
REFUSED = [attack for attack in ALL if attack.code != LET_ALONE]
SOME = random.Random(SEED).sample(REFUSED, A_FEW)
ALWAYS = (
    "a byte flipped", "cut short", "a pickle as numbers", "a pickle as weights", "numbers: a header of a terabyte",
    "numbers: tensors that overlap", "numbers: numbers of type F64", "NaN in embedding", "a huge norm in part.up",
    "other numbers under the same hash", "note: a key twice", "note: 10,000 lists in each other", "a note of 100 MB",
    "numbers of a language called '../../x'", "a language called MT", "a backbone whose revision is missing",
    "a tensor of no record", "NaN in the weights", "weights with a byte flipped", "a base task called '../../x'",
)  # fmt: skip


def expect_clean(somebody: Somebody, ended: Ended) -> None:
    """Nobody but the Hub was asked, nothing was written outside home and cache, and nothing was run."""
    assert {f"http://{place}" for place in ended.connected} <= {somebody.hub.url}
    assert (ended.written, ended.ran) == ([], [])


def expect_refused(somebody: Somebody, attack: Attack, how: str = "library") -> None:
    """Pull it: the sentence says what is wrong with what, and all is as it was."""
    before = somebody.state()
    ended = somebody.pull(attack.changes, how=how)
    assert ended.code == attack.code, (attack.name, ended.err)
    expect_one_sentence(ended.err.splitlines(keepends=True)[-1], attack.about, attack.says)
    assert somebody.state() == before, attack.name
    expect_clean(somebody, ended)


def test_the_good_one_is_pulled(puller: Somebody) -> None:
    before = puller.state()
    ended = puller.pull({})
    assert ended.code == 0, ended.err
    assert puller.state() != before
    expect_clean(puller, ended)
    assert puller("registry", "check").code == 0
    assert "mt" in puller("languages", "list", "--model", "pack").out


def test_there_are_many_and_each_kind_that_has_to_be_is_among_them() -> None:
    assert len(ALL) > 900
    assert {attack.name for attack in ALL} >= {*ALWAYS}


@pytest.mark.parametrize("name", ALWAYS)
def test_a_bad_one_is_refused_by_the_command(puller: Somebody, name: str) -> None:
    (attack,) = [attack for attack in ALL if attack.name == name]
    expect_refused(puller, attack, "pull")


@pytest.mark.long
def test_a_seeded_few_are_refused(puller: Somebody) -> None:
    for attack in SOME:
        expect_refused(puller, attack)


@pytest.mark.slow
def test_all_are_refused(puller: Somebody) -> None:
    for attack in REFUSED:
        expect_refused(puller, attack)


def expect_let_alone(somebody: Somebody, kept: Path, attacks: list[Attack]) -> None:
    """Pull them: what is stored is what the good one gives."""
    somebody.pull({}, how="library")
    right = hashes(somebody.home / DATABASE)
    for attack in attacks:
        somebody.put_back(kept)
        ended = somebody.pull(attack.changes, how="library")
        assert ended.code == 0, (attack.name, ended.err)
        assert hashes(somebody.home / DATABASE) == right, attack.name
        expect_clean(somebody, ended)


def test_what_is_never_read_changes_nothing(puller: Somebody, kept: Path) -> None:
    attacks = [attack for attack in ALL if attack.code == LET_ALONE]
    expect_let_alone(puller, kept, random.Random(SEED).sample(attacks, 8))


@pytest.mark.slow
def test_nothing_that_is_never_read_changes_anything(puller: Somebody, kept: Path) -> None:
    expect_let_alone(puller, kept, [attack for attack in ALL if attack.code == LET_ALONE])
