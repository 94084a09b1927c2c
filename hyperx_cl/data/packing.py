"""Filling micro-batches up to a budget of tokens, padding included."""

from collections.abc import Sequence


def pack(order: Sequence[int], lengths: Sequence[int], max_tokens: int, max_rows: int | None = None) -> list[list[int]]:
    """Cut an order of examples into batches, each as large as the budget allows.

    Args:
        order: Indices of examples, best sorted by about their length.
        lengths: Tokens of every example, by index.
        max_tokens: Rows times longest row of a batch stays at or below it, but for an example that is longer alone.
        max_rows: Most examples in a batch, or None for no such limit.

    Returns:
        The batches: every index of `order` once, in its order.
    """
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for index in order:
        wider = max(longest, lengths[index])
        if current and (wider * (len(current) + 1) > max_tokens or len(current) == max_rows):
            batches.append(current)
            current, wider = [], lengths[index]
        current.append(index)
        longest = wider
    if current:
        batches.append(current)
    return batches
