"""Asking before something is removed."""

import sys

import typer

from hyperx_cl.errors import UsageError


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal, and stop unless the answer is yes.

    Raises:
        UsageError: There is nobody to ask and `yes` is not given.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say so with --yes: there is no terminal to ask on")
    typer.confirm(question, abort=True, err=True)
