"""Asking before something is removed: on a terminal, or not at all."""

import io
import sys

import pytest
import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.errors import UsageError


class Terminal(io.StringIO):
    """A standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_yes_asks_nobody() -> None:
    confirm("Remove?", yes=True)


def test_without_a_terminal_yes_has_to_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UsageError, match=r"^Remove\? Say so with --yes"):
        confirm("Remove?", yes=False)


@pytest.mark.parametrize(("answer", "stops"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, answer: str, stops: bool) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    if stops:
        with pytest.raises(typer.Abort):
            confirm("Remove?", yes=False)
    else:
        confirm("Remove?", yes=False)
