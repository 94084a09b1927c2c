"""The exceptions of hyperx-cl, each with the exit code its command ends with.

```
HyperXError            1   anything that is our user's to mend and fits nowhere below
├── UsageError         2   options that are unknown, out of range or contradict each other
├── NotFoundError      3   a language, task, model or file that does not exist
├── ConflictError      4   already present, or made for another model or backbone
├── NetworkError       5   the Hub cannot be reached, or may not be
├── DataError          6   a file that cannot be used: empty, malformed, wrong script
└── StorageError       7   a file that cannot be written: full disk, read-only folder
```

Ctrl-C ends with 130. A message is one sentence: what is wrong, where, and what to do.
"""

import difflib
from collections.abc import Iterable


class HyperXError(Exception):
    """Base of every error that is reported as one sentence instead of a traceback."""

    exit_code = 1


class UsageError(HyperXError):
    """Options that are unknown, out of range, or contradict each other."""

    exit_code = 2


class NotFoundError(HyperXError):
    """A language, task, model or file that does not exist."""

    exit_code = 3


class ConflictError(HyperXError):
    """Something is already present, or belongs to another model or backbone."""

    exit_code = 4


class NetworkError(HyperXError):
    """The Hub cannot be reached, or the user asked to stay offline."""

    exit_code = 5


class DataError(HyperXError):
    """An input file cannot be used: empty, malformed, wrong encoding, wrong script."""

    exit_code = 6


class StorageError(HyperXError):
    """A file cannot be written: the disk is full, or the folder may not be written."""

    exit_code = 7


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known words nearest to `word`.

    Args:
        word: What was typed.
        known: What exists.

    Returns:
        ``" (did you mean 'mt'?)"``, or an empty string when nothing is near.
    """
    near = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(n) for n in near)}?)" if near else ""
