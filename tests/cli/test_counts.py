"""The reference counts of the paper's two sizes."""

import pytest

from hyperx_cl.cli.counts import trainable
from hyperx_cl.config import ModelOptions


@pytest.mark.parametrize(("projected", "total"), [(192, 76_202_816), (32, 13_093_536)])
def test_counts(projected: int, total: int) -> None:
    counts = trainable(ModelOptions(projected=projected), layers=12, hidden=768, languages=16, tasks=3)
    assert sum(counts.values()) == total
    with_parts = trainable(
        ModelOptions(projected=projected, language_part=16), layers=12, hidden=768, languages=16, tasks=3
    )
    assert sum(with_parts.values()) == total + 16 * 295_104
