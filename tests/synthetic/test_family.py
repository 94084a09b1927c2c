"""The tree: who is related to whom, and how much."""

from itertools import combinations

import pytest

from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.synthetic.family import Branch, Family, Typology, default_family

FAMILY = default_family()


def test_codes_are_private_ones_that_the_rest_of_the_project_accepts() -> None:
    assert len(FAMILY.codes) == 12
    assert [canonical(code) for code in FAMILY.codes] == list(FAMILY.codes)
    assert set(FAMILY.seen) | set(FAMILY.unseen) == set(FAMILY.codes)
    assert {FAMILY.main_branch(code) for code in FAMILY.codes} == {"north", "south", "east", "west"}


def test_relatedness_follows_the_tree() -> None:
    sisters, cousins, strangers = (FAMILY.relatedness("qaa", other) for other in ("qab", "qac", "qad"))
    assert FAMILY.relatedness("qaa", "qaa") == 1
    assert 1 > sisters > cousins > strangers == 0
    for a, b in combinations(FAMILY.codes, 2):
        assert FAMILY.relatedness(a, b) == FAMILY.relatedness(b, a)
        assert (FAMILY.relatedness(a, b) > 0) is (FAMILY.main_branch(a) == FAMILY.main_branch(b))


def test_relatedness_is_the_share_of_common_length() -> None:
    family = Family({"up": Branch("proto", length=3.0), "qaa": Branch("up"), "qab": Branch("up", length=2.0)})
    assert family.relatedness("qaa", "qab") == pytest.approx(2 * 3 / (4 + 5))


def test_nearest_of_some() -> None:
    assert FAMILY.nearest("qac", FAMILY.seen) == "qaa"
    assert FAMILY.nearest("qae", FAMILY.codes) == "qad"


def test_typology_is_inherited_and_overridden() -> None:
    assert FAMILY.typology("qae") == Typology(order="SOV", adposition="after", case=True, spelling="romance")
    assert FAMILY.typology("qai").article and not FAMILY.typology("qag").article


def test_a_tree_that_hangs_together_badly_is_refused() -> None:
    with pytest.raises(UsageError, match="'qaa' hangs on 'up', which does not come before it"):
        Family({"qaa": Branch("up")})
    with pytest.raises(NotFoundError, match="no language 'qax'"):
        Family({"qaa": Branch("proto")}, seen=("qax",))
    with pytest.raises(NotFoundError, match="no language 'north'"):
        FAMILY.path("north")


def test_meaningless_values_are_refused() -> None:
    with pytest.raises(UsageError, match="no sound change 'voiceing'.*'voicing'"):
        Branch("proto", ("voiceing",))
    with pytest.raises(UsageError, match="no field 'adposit'.*'adposition'"):
        Branch("proto", typology={"adposit": "after"})
    with pytest.raises(UsageError, match="between 0 and 1"):
        Branch("proto", replaced=1.5)
    with pytest.raises(UsageError, match="above 0"):
        Branch("proto", length=0)
    with pytest.raises(UsageError, match="no spelling 'carron'"):
        Typology(spelling="carron")
