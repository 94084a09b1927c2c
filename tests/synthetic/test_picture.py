"""The picture: well-formed, labelled, inside its frame, and the same every time."""

from xml.etree import ElementTree

import numpy as np
import pytest

from hyperx_cl.synthetic.family import default_family
from hyperx_cl.synthetic.picture import HEIGHT, WIDTH, draw, project

FAMILY = default_family()
BRANCHES = {code: FAMILY.main_branch(code) for code in FAMILY.codes}
SVG = "{http://www.w3.org/2000/svg}"


def vectors() -> dict[str, np.ndarray]:
    """Vectors whose distances follow the tree."""
    rng = np.random.default_rng(0)
    steps = {name: rng.normal(size=64) * branch.length for name, branch in FAMILY.branches.items()}
    return {code: np.sum([steps[name] for name in FAMILY.path(code)], axis=0) for code in FAMILY.codes}


def test_every_language_and_branch_is_named_once() -> None:
    drawn = ElementTree.fromstring(draw(vectors(), BRANCHES, marked=["qac"]))
    words = [element.text for element in drawn.iter(f"{SVG}text")]
    for name in (*FAMILY.codes, *set(BRANCHES.values()), "added afterwards"):
        assert words.count(name) == 1
    assert words[0] == "Language vectors (synthetic data)"
    assert len(list(drawn.iter(f"{SVG}circle"))) == 12 + 4 + 1
    assert len([c for c in drawn.iter(f"{SVG}circle") if c.get("fill") == "#ffffff"]) == 2


def test_dots_lie_inside_and_relatives_together() -> None:
    drawn = ElementTree.fromstring(draw(vectors(), BRANCHES))
    dots = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in drawn.iter(f"{SVG}circle")][:12]
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in dots)
    place = dict(zip(FAMILY.codes, dots, strict=True))
    assert np.hypot(*np.subtract(place["qaa"], place["qab"])) < np.hypot(*np.subtract(place["qaa"], place["qad"]))


def test_the_same_vectors_give_the_same_picture() -> None:
    assert draw(vectors(), BRANCHES) == draw(vectors(), BRANCHES)


def test_components_are_those_of_the_covariance() -> None:
    points = np.random.default_rng(2).normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    flat, shares = project(points)
    values = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    assert np.allclose(flat.var(axis=0, ddof=1), values[:2])
    assert np.allclose(shares, values[:2] / values.sum())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_or_equal_vectors_are_drawn_too(count: int) -> None:
    few = {f"qa{letter}": np.ones(4) for letter in "abc"[:count]}
    drawn = ElementTree.fromstring(draw(few, {}, title="<one & two>"))
    assert next(drawn.iter(f"{SVG}title")).text == "<one & two>"
    assert len(list(drawn.iter(f"{SVG}circle"))) == count + 1


def test_no_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one vector"):
        draw({}, {})
