"""The transfer matrix: hand-computed numbers, what must hold for any stream, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.metrics import MLM_LOSS, POS_ACCURACY
from hyperx_cl.evaluate.transfer import Stream, from_json, to_json, to_markdown

LANGUAGES = ("mt", "gn", "yo")
MATRIX = np.array(
    [
        [0.30, 0.20, 0.10],
        [0.60, 0.25, 0.15],
        [0.70, 0.50, 0.05],
        [0.50, 0.40, 0.45],
    ]
)
UNTRAINED = np.array([0.10, 0.20, 0.10])
share = st.floats(0, 1)


def stream(*, untrained: bool = True) -> Stream:
    return Stream(LANGUAGES, MATRIX, POS_ACCURACY, UNTRAINED if untrained else None)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    n = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(share, min_size=n, max_size=n), min_size=n + 1, max_size=n + 1))
    untrained = draw(st.none() | st.lists(share, min_size=n, max_size=n).map(np.array))
    return Stream(tuple(f"x-{i}" for i in range(n)), np.array(rows), POS_ACCURACY, untrained)


def test_three_languages_by_hand() -> None:
    found = stream()
    assert found.before.tolist() == [0.30, 0.25, 0.05]
    assert found.added.tolist() == [0.60, 0.50, 0.45]
    assert found.last.tolist() == [0.50, 0.40, 0.45]
    assert found.acc == pytest.approx((0.50 + 0.40 + 0.45) / 3)
    assert found.bwt == pytest.approx((-0.10 - 0.10) / 2)
    assert found.fwt == pytest.approx((0.05 - 0.05) / 2)
    assert found.forgetting_diagonal == pytest.approx((0.10 + 0.10) / 2)
    assert found.forgetting_max == pytest.approx((0.20 + 0.10) / 2)


def test_two_languages_by_hand() -> None:
    found = Stream(("mt", "gn"), np.array([[0.9, 0.3], [0.5, 0.4], [0.6, 0.7]]), POS_ACCURACY, np.array([0.0, 0.1]))
    assert (found.acc, found.bwt, found.fwt) == pytest.approx((0.65, 0.1, 0.3))
    assert (found.forgetting_diagonal, found.forgetting_max) == pytest.approx((-0.1, -0.1))


def test_neither_the_first_row_nor_the_last_language_is_forgotten() -> None:
    matrix = MATRIX.copy()
    matrix[0], matrix[:3, 2] = 1.0, 1.0
    found = Stream(LANGUAGES, matrix, POS_ACCURACY)
    assert (found.bwt, found.forgetting_max) == (stream().bwt, stream().forgetting_max)


def test_one_language_has_neither_a_before_nor_an_after() -> None:
    found = Stream(("mt",), np.array([[0.2], [0.7]]), POS_ACCURACY, np.array([0.1]))
    assert found.acc == 0.7
    assert (found.bwt, found.fwt, found.forgetting_diagonal, found.forgetting_max) == (None, None, None, None)


def test_forward_transfer_needs_a_random_vector() -> None:
    assert stream(untrained=False).fwt is None
    assert stream(untrained=False).bwt == stream().bwt


@given(streams())
def test_two_definitions_of_forgetting(found: Stream) -> None:
    if len(found.languages) < 2:
        assert found.bwt is found.forgetting_diagonal is found.forgetting_max is None
        return
    assert found.bwt is not None and found.forgetting_diagonal is not None and found.forgetting_max is not None
    assert found.bwt == -found.forgetting_diagonal
    assert found.forgetting_diagonal <= found.forgetting_max


@given(st.lists(share, min_size=2, max_size=6))
def test_scores_that_never_move_give_exact_zeros(scores: list[float]) -> None:
    constant = np.tile(scores, (len(scores) + 1, 1))
    found = Stream(tuple(f"x-{i}" for i in range(len(scores))), constant, POS_ACCURACY, np.array(scores))
    assert (found.bwt, found.fwt, found.forgetting_diagonal, found.forgetting_max) == (0, 0, 0, 0)


@given(streams())
def test_json_keeps_every_bit(found: Stream) -> None:
    text = json.dumps(to_json(found), allow_nan=False)
    assert to_json(from_json(json.loads(text))) == to_json(found)


def test_json_holds_the_summary() -> None:
    summary = to_json(stream(untrained=False))["summary"]
    assert summary["acc"] == stream().acc
    assert summary["fwt"] is None
    assert list(summary) == ["acc", "bwt", "fwt", "forgetting_diagonal", "forgetting_max"]


def test_markdown() -> None:
    assert to_markdown(stream()) == (
        "POS accuracy, syntactic words, in %; bold: right after the language was added.\n"
        "\n"
        "| language | before any | after mt | after gn | after yo | random vector |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| mt | 30.0 | **60.0** | 70.0 | 50.0 | 10.0 |\n"
        "| gn | 20.0 | 25.0 | **50.0** | 40.0 | 20.0 |\n"
        "| yo | 10.0 | 15.0 | 5.0 | **45.0** | 10.0 |\n"
        "\n"
        "| summary | % or points |\n"
        "| --- | --- |\n"
        "| ACC: mean after the last step | 45.0 |\n"
        "| BWT: last - right after its addition | -10.0 |\n"
        "| FWT: just before its addition - random vector | +0.0 |\n"
        "| forgetting: right after its addition - last | +10.0 |\n"
        "| forgetting: best since its addition - last | +15.0 |\n"
    )


def test_markdown_without_a_random_vector() -> None:
    text = to_markdown(stream(untrained=False))
    assert "| before any | after mt | after gn | after yo |\n" in text
    assert "random vector | not defined |" in text


def test_a_stream_cannot_be_changed_from_outside() -> None:
    matrix = MATRIX.copy()
    found = Stream(LANGUAGES, matrix, POS_ACCURACY)
    matrix[:] = 0
    assert found.acc == stream().acc
    with pytest.raises(ValueError, match="read-only"):
        found.matrix[0, 0] = 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"matrix": MATRIX[1:]}, r"`matrix` .* shape \(3, 3\) instead of \(4, 3\)"),
        ({"matrix": MATRIX.T}, r"shape \(3, 4\) instead of \(4, 3\)"),
        ({"matrix": [[0.1], [0.2, 0.3]]}, "rows of one length"),
        ({"matrix": np.where(MATRIX == 0.7, np.nan, MATRIX)}, "holds nan: every score must be there"),
        ({"matrix": 100 * MATRIX}, "holds 30: .* share of 0..1"),
        ({"matrix": -MATRIX}, "holds -0.3"),
        ({"untrained": UNTRAINED[:2]}, r"`untrained` .* shape \(2,\) instead of \(3,\)"),
        ({"untrained": UNTRAINED * np.inf}, "`untrained` of the stream holds inf"),
        ({"languages": ("mt", "gn", "mt")}, "'mt' was added twice"),
        ({"languages": ()}, "at least one language"),
        ({"languages": "mtg"}, "at least one language, not 'mtg'"),
    ],
)
def test_malformed_streams_are_refused(changed: dict[str, Any], message: str) -> None:
    parts: dict[str, Any] = {"languages": LANGUAGES, "matrix": MATRIX, "metric": POS_ACCURACY, "untrained": UNTRAINED}
    with pytest.raises(DataError, match=message):
        Stream(**parts | changed)


def test_a_loss_is_refused() -> None:
    with pytest.raises(UsageError, match="less is better"):
        Stream(LANGUAGES, MATRIX, MLM_LOSS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema_version": 2}, "schema_version 2, and this version reads 1"),
        ({"matrix": None}, "`matrix`"),
        ({"matrix": [["a"]]}, "not made of numbers"),
        ({"languages": 3}, "at least one language, not 3"),
        ({"metric": None}, "metric as None"),
    ],
)
def test_malformed_json_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_json(to_json(stream()) | changed)


@pytest.mark.parametrize("content", [{}, [], {"schema_version": 1}])
def test_other_json_is_refused(content: Any) -> None:
    with pytest.raises(DataError, match="not a transfer matrix"):
        from_json(content)
