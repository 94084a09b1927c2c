"""Lines of another language."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.data.mixture import find_mixture, mixture_warnings
from hyperx_cl.data.text import read_text
from hyperx_cl.languages import scripts

FILES = "am ar az br cs da en fo gn he hi hsb is kk mt nb pl sa ta tr ug uz yo yue zh".split()
FIRST, SECOND = "ka ti ra ni la ta on us", "bev dum gog zam fip vuj hob xez"


def _invented(syllables: str, count: int, *, seed: int) -> list[str]:
    """Lines with a few words that are in most of them, as every language has."""
    rng = np.random.default_rng(seed)
    parts = syllables.split()
    rare = ["".join(rng.choice(parts, 3)) for _ in range(200)]
    words = np.array([*parts, *rare])
    weights = np.array([4.0] * len(parts) + [0.2] * len(rare))
    return [" ".join(rng.choice(words, 10, p=weights / weights.sum())) for _ in range(count)]


def _mixed(own: Sequence[str], other: Sequence[str]) -> list[str]:
    lines = [*own, *other]
    return [lines[index] for index in np.random.default_rng(2).permutation(len(lines))]


def test_a_second_language_is_found_with_its_words() -> None:
    found = find_mixture(_mixed(_invented(FIRST, 800, seed=0), _invented(SECOND, 200, seed=1)))
    assert found is not None
    assert 0.15 < found.share < 0.25
    assert set(found.words) <= set(SECOND.split())


@pytest.mark.parametrize("lines", [_invented(FIRST, 800, seed=0), _invented(FIRST, 100, seed=0), [], ["12 34"] * 400])
def test_one_language_and_too_little_are_no_mixture(lines: list[str]) -> None:
    assert find_mixture(lines) is None


def test_lines_in_another_script_are_warned_of() -> None:
    lines = _mixed(["il ktieb tiegħi"] * 90, ["моя книга"] * 10)
    assert mixture_warnings(lines, ("Latn",), "mt.txt") == [
        "10% of the lines of mt.txt are in another script (Cyrl): are they to be learnt?"
    ]
    assert mixture_warnings(lines, (), "mt.txt") == []  # which script is usual is not known
    assert mixture_warnings(["1 2 3"], ("Latn",), "mt.txt") == []


def test_scripts_that_belong_together_are_no_mixture() -> None:
    assert mixture_warnings(["これはテスト", "漢字漢字漢字"], scripts("ja"), "ja.txt") == []


@pytest.mark.real
@pytest.mark.parametrize("code", FILES)
def test_clean_files_have_no_warning(data_root: Path, code: str) -> None:
    lines = _sample(data_root, code)
    assert mixture_warnings(lines, scripts(code), f"{code}.txt") == []


@pytest.mark.real
@pytest.mark.parametrize(("code", "share"), [("mt", 0.2), ("hsb", 0.3), ("yo", 0.2), ("gn", 0.2)])
def test_english_lines_are_found(data_root: Path, code: str, share: float) -> None:
    own, english = _sample(data_root, code, 1500), _sample(data_root, "en", 1500)
    (warning,) = mixture_warnings(_mixed(own, english[: int(1500 * share / (1 - share))]), scripts(code), f"{code}.txt")
    assert f"of the lines of {code}.txt look like another language or one template" in warning
    assert "the" in warning.split("such as ")[1]
    said = int(warning.split("About ")[1].split("%")[0])
    assert abs(said - 100 * share) <= 5


@pytest.mark.real
def test_near_relatives_are_not_told_apart(data_root: Path) -> None:
    lines = _mixed(_sample(data_root, "nb", 1500), _sample(data_root, "da", 500))
    assert mixture_warnings(lines, scripts("nb"), "nb.txt") == []


def _sample(data_root: Path, code: str, count: int = 3000) -> list[str]:
    lines = read_text(data_root / "mlm" / f"{code}.txt").lines
    return list(lines[:: -(-len(lines) // count)])
