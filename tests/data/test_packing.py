"""Packing under a budget."""

from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.packing import pack


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(1, 60), st.none() | st.integers(1, 5))
def test_order_is_kept_and_the_budget_too(lengths: list[int], max_tokens: int, max_rows: int | None) -> None:
    batches = pack(range(len(lengths)), lengths, max_tokens, max_rows)
    assert [index for batch in batches for index in batch] == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= (max_rows or len(batch))
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= max_tokens


def test_batches_are_as_full_as_can_be() -> None:
    assert pack([0, 1, 2, 3, 4], [2, 2, 3, 3, 9], 6) == [[0, 1], [2, 3], [4]]
