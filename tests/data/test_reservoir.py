"""An even sample of lines that fits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.reservoir import Reservoir


def _kept(lines: list[str], *, most: int, characters: int = 10**9) -> tuple[str, ...]:
    reservoir = Reservoir(lines=most, characters=characters)
    for line in lines:
        reservoir.add(line)
        assert len(reservoir) <= 1.25 * most + 1
    return reservoir.kept()


def test_everything_is_kept_in_order_while_it_fits() -> None:
    reservoir = Reservoir(lines=3, characters=6)
    assert [reservoir.add(line) for line in ("bb", "a", "bb", "ccc")] == [True, True, False, True]
    assert reservoir.kept() == ("bb", "a", "ccc")


@given(st.lists(st.text(max_size=9), max_size=60), st.integers(1, 30), st.integers(1, 200), st.randoms())
def test_neither_order_nor_repetition_decides_what_is_kept(
    lines: list[str], most: int, characters: int, chance: random.Random
) -> None:
    kept = _kept(lines, most=most, characters=characters)
    again = lines + lines[: len(lines) // 2]
    chance.shuffle(again)
    assert set(_kept(again, most=most, characters=characters)) == set(kept)
    assert list(kept) == [line for line in dict.fromkeys(lines) if line in kept]
    assert len(kept) <= most
    assert sum(map(len, kept)) <= characters


@pytest.mark.parametrize("limits", [{"most": 1000}, {"most": 10**6, "characters": 5000}])
def test_the_sample_is_as_large_as_allowed_and_even(limits: dict[str, int]) -> None:
    kept = [int(line) for line in _kept([f"{number:05d}" for number in range(20_000)], **limits)]
    assert len(kept) == 1000
    for begin in range(0, 20_000, 5000):  # 250 of each quarter expected, standard deviation 13
        assert 190 < sum(begin <= number < begin + 5000 for number in kept) < 310
