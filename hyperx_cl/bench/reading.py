"""How a bench's languages are read: by the transliterations that are known and needed, whatever the method."""

from collections.abc import Iterable
from typing import Any

from hyperx_cl.bench.plan import METHODS
from hyperx_cl.data.transliteration import needed_transliteration


def begin_reading(model: Any, codes: Iterable[str], method: str) -> None:
    """Let a model read languages as a method does, before it has them.

    Args:
        model: Any that runs as a `HyperX` does.
        codes: Languages.
        method: A name in `METHODS`, or of a method that stands on none of these.
    """
    as_written = method in METHODS and METHODS[method].as_written
    for code in codes:
        model.transliterations[code] = () if as_written else needed_transliteration(code, model.tokenizer)
