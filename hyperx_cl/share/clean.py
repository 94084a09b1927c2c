"""What of a record's provenance travels: known facts alone, and no path of the machine that it was made on."""

import re
from collections.abc import Mapping
from typing import Any

TRAVELS = frozenset(
    "method capacity rank layers seed steps tokens seconds text source licence losses nearest start "
    "stop_losses options transliteration patch shift self_training scores created hyperx_cl backbone parent "
    "corrections carried near relatives task n chosen folds sentences before after measured_on learnt screened "
    "metric dev_scores languages rounded data author redone".split()
)
"""Keys that travel; others, such as where a record was pulled from, stay at home."""

# A path that begins at a root, a home or a drive; not the path of an address (https://host/a/b), nor a lone slash.
_PATH = re.compile(r"""(?<![\w:/.~\\-])(?:file://|~[\w.-]*/|/(?=[^\s/])|[A-Za-z]:[\\/]|\\\\)[^\s"'<>|,;:()]*""")
_LONGEST = 2000


def clean(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance as it travels."""
    return {key: _cleaned(value) for key, value in provenance.items() if key in TRAVELS}


def without_paths(text: str) -> str:
    """A text with every path shortened to the name at its end.

    >>> without_paths("from /home/me/wiki.txt, see https://example.org/a/b")
    'from wiki.txt, see https://example.org/a/b'
    """
    return _PATH.sub(lambda found: re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)[:_LONGEST]


def _cleaned(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        kept = clean(value) if key == "provenance" else value
        return {without_paths(str(name)): _cleaned(inner, str(name)) for name, inner in kept.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return without_paths(value) if isinstance(value, str) else value
