"""Windows: every word belongs to exactly one."""

from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.windows import Window, windows


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[int], int]:
    room = draw(st.integers(1, 40))
    return draw(st.lists(st.integers(1, room), max_size=60)), room


@given(sentences())
def test_every_word_has_one_window_that_fits(case: tuple[list[int], int]) -> None:
    sizes, room = case
    found = list(windows(sizes, room))
    assert [word for window in found for word in range(window.start, window.stop)] == list(range(len(sizes)))
    for window in found:
        assert window.left <= window.start < window.stop <= window.right <= len(sizes)
        assert sum(sizes[window.left : window.right]) <= room


def test_a_sentence_that_fits_is_one_window() -> None:
    assert list(windows([3, 2, 3], 8)) == [Window(0, 0, 3, 3)]
    assert list(windows([], 8)) == []


def test_inner_words_have_a_quarter_of_context_on_both_sides() -> None:
    assert list(windows([1] * 20, 8)) == [
        Window(0, 0, 6, 8),
        Window(4, 6, 10, 12),
        Window(8, 10, 14, 16),
        Window(12, 14, 20, 20),
    ]
