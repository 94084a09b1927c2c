"""Flags out of option classes: names, help and defaults once, values only where typed."""

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from hyperx_cl.cli.options import Common, command
from hyperx_cl.cli.output import Output
from hyperx_cl.config import (
    AddOptions,
    AddTaskOptions,
    FewshotOptions,
    FullOptions,
    ModelOptions,
    TrainOptions,
    help_of,
)
from hyperx_cl.settings import resolve

CLASSES = (ModelOptions, TrainOptions, AddOptions, AddTaskOptions, FewshotOptions, FullOptions)


def _app(cls: Any, seen: list[Any]) -> typer.Typer:
    app = typer.Typer()

    def show(common: Common, flags: Annotated[dict[str, Any], cls], word: str = "x") -> None:
        """Show."""
        seen.append((common, flags, word))

    command(app, "show", example="show")(show)
    return app


@pytest.mark.parametrize("cls", CLASSES)
def test_every_option_is_a_flag_with_its_own_help(cls: Any) -> None:
    params = {param.name: param for param in typer.main.get_command(_app(cls, [])).params}
    for field in dataclasses.fields(cls):
        flag = params[field.name]
        assert flag.opts == [f"--{field.name.replace('_', '-')}"]
        assert getattr(flag, "help", "").startswith(help_of(cls, field.name))
    assert {"word", "json", "quiet", "debug", "registry"} <= set(params)


def test_only_typed_values_are_given() -> None:
    seen: list[Any] = []
    app = _app(ModelOptions, seen)
    assert (
        CliRunner().invoke(app, ["--projected", "7", "--adapter-norm", "--json", "--registry", "r.db"]).exit_code == 0
    )
    ((common, flags, word),) = seen
    assert (flags, word) == ({"projected": 7, "adapter_norm": True}, "x")
    assert (common.out.json, common.out.quiet, common.address) == (True, False, "r.db")
    assert resolve(ModelOptions, flags=flags) == ModelOptions(projected=7, adapter_norm=True)
    assert CliRunner().invoke(app, ["--placement", "nowhere"]).exit_code == 2


def test_a_registry_of_an_earlier_version_is_brought_up_by_whoever_only_reads(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite3"
    earlier = Path(__file__).parents[1] / "registry" / "schemas" / "0001.sql"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(earlier.read_text(encoding="utf-8"))
    with Common(Output(), str(path)).registry(readonly=True) as registry:
        assert registry.model().tasks == () and registry.check() == []
