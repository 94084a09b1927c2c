"""One way to make a repository bad."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.pack import Files

LET_ALONE = 0
"""Of what is never read, or is made anew: a pull gives what it gives of the good repository."""


@dataclass(frozen=True)
class Attack:
    """A change, and what a pull has to say of it.

    Attributes:
        name: What is bad.
        files: What is changed of the good repository; None takes a file away. A function, for what is large.
        about: A piece of the sentence: which file or record it is.
        says: Another one: what is wrong.
        code: The exit code.
    """

    name: str
    files: Files | Callable[[], Files]
    about: str = ""
    says: str = ""
    code: int = 6

    @property
    def changes(self) -> Files:
        return self.files() if callable(self.files) else self.files


def let_alone(name: str, files: Files | Callable[[], Files]) -> Attack:
    """What a pull does not even look at, or makes anew."""
    return Attack(name, files, code=LET_ALONE)
