"""The commands by name, each loaded when it is asked for: importing all of them takes longer than most of them do."""

import gc
from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

SINGLE = ("train", "add-language", "add-task", "fewshot", "evaluate", "tag", "push", "pull", "info", "demo")
"""Commands of one word, in the order in which help shows them; each has a file, which puts it into an app."""

GROUPS = ("data", "models", "languages", "tasks", "runs", "registry", "bench")
"""First words of commands of two; each has a file with an app of its own."""


class Commands(TyperGroup):
    """All commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Lazy(dict.fromkeys((*SINGLE, *GROUPS)))


class _Lazy(UserDict[str, Any]):
    """Names to commands; None stands for one that nobody has asked for."""

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self.data[name] = _loaded(name)
        return self.data[name]


def _loaded(name: str) -> Any:
    gc.disable()  # what importing makes stays to the end: no collection has to walk through it, now or later
    try:
        module = import_module(f"hyperx_cl.cli.{name.replace('-', '_')}")
    finally:
        gc.freeze()
        gc.enable()
    if name in GROUPS:
        return typer.main.get_group(module.app)
    alone = typer.Typer(add_completion=False)
    module.add_to(alone)
    return typer.main.get_command(alone)
