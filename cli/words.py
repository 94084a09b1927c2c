"""Words of the command line to values: lists of languages, `NAME=VALUE` pairs."""

from collections.abc import Iterable, Sequence

from hyperx_cl.errors import UsageError
from hyperx_cl.languages import canonical

NONE = "none"


def names(text: str | None) -> list[str]:
    """``"pos, ner"`` as a list, each name once."""
    return list(dict.fromkeys(filter(None, (piece.strip() for piece in (text or "").split(",")))))


def codes(text: str | None) -> list[str]:
    """``"mlt, tr"`` as canonical codes, each once; ``none`` and nothing are no languages.

    Raises:
        NotFoundError: One of them is unknown.
    """
    return list(dict.fromkeys(canonical(code) for code in names(text) if code != NONE))


def pairs(items: Sequence[str], *, flag: str, form: str) -> Iterable[tuple[str, str]]:
    """``["A=B"]`` as pairs; the first ``=`` separates.

    Args:
        items: As typed.
        flag: The flag they were typed behind.
        form: What they should look like.

    Raises:
        UsageError: One has not that form.
    """
    for item in items:
        name, separator, value = item.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise UsageError(f"{flag} {item}: this is not of the form {form}")
        yield name.strip(), value.strip()
