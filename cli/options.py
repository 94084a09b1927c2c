"""Flags: those that several commands share, and those that the option classes of `hyperx_cl.config` become."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from hyperx_cl.cli.completion import complete_language, complete_model
from hyperx_cl.cli.output import Output
from hyperx_cl.config import (
    AddOptions,
    AddTaskOptions,
    FewshotOptions,
    FullOptions,
    ModelOptions,
    Tokens,
    TrainOptions,
    help_of,
)
from hyperx_cl.errors import UsageError
from hyperx_cl.processes import here
from hyperx_cl.registry.schema import EarlierSchemaError
from hyperx_cl.registry.store import Registry

Body = Callable[..., None]

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Name of a model, or the first digits of its fingerprint.",
        show_default="the default model",
        autocompletion=complete_model,
    ),
]
BackbonePlace = Annotated[
    str | None,
    typer.Option("--backbone", help="Folder or Hub id of the backbone.", show_default="where it was in training"),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder with ud/, ner/ and mlm/ by language.", show_default=False)
]
LabelMap = Annotated[
    list[str] | None,
    typer.Option("--label-map", metavar="[TASK:]OLD=NEW", help="Rename a label; MISC=O drops an entity type."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of options; flags go before it.", show_default=False),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option("--device", help="Where to compute; auto takes cuda, else mps, else cpu."),
]
Precision = Annotated[Literal["auto", "bf16", "fp32"], typer.Option("--precision", help="auto, bf16 or fp32")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run left its checkpoint.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LanguageCode = Annotated[
    str, typer.Argument(metavar="CODE", help="Language code: BCP 47 or ISO 639-3.", autocompletion=complete_language)
]

_PANELS: dict[type, str] = {
    ModelOptions: "Shape of the model",
    TrainOptions: "Training",
    AddOptions: "Learning",
    AddTaskOptions: "Learning",
    FewshotOptions: "Learning",
    FullOptions: "Learning with --full",
}


@dataclass(frozen=True)
class Common:
    """What every command takes: ``--json``, ``--quiet``, ``--registry`` and ``--debug``.

    Args:
        out: Prints in the form that was asked for.
        address: Of the registry; None for the user's own.
    """

    out: Output
    address: str | None

    def registry(self, *, readonly: bool = False) -> Registry:
        """Open the registry; as a context manager it closes itself. One of an earlier version is brought up first."""
        try:
            return Registry.open(self.address, readonly=readonly, tell=self.out.note)
        except EarlierSchemaError:
            Registry.open(self.address).close()
            return Registry.open(self.address, readonly=readonly)


def command(app: typer.Typer, name: str, *, example: str, shared: bool = False) -> Callable[[Body], Body]:
    """Make a function a command.

    A parameter of type `Common` becomes the four flags of every command; one of type ``Annotated[dict, Options]`` with
    an option class of `hyperx_cl.config` becomes that class's flags, with its help texts and defaults, and is given
    those that were typed. The rest is Typer's.

    Args:
        app: Gets the command.
        name: What is typed.
        example: Shown at the end of its help.
        shared: Whether several processes may work at it together.
    """

    def register(function: Body) -> Body:
        body = function if shared else _by_one_process(name, function)
        app.command(name, epilog=f"Example: {example}")(_flattened(body))
        return function

    return register


def group(name: str, about: str) -> typer.Typer:
    """Make an empty group of commands."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, add_completion=False)


def typed(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were typed."""
    return {name: value for name, value in flags.items() if value is not None}


def _by_one_process(name: str, function: Body) -> Body:
    """A command that several processes would only do several times over."""

    @functools.wraps(function)
    def body(*args: Any, **values: Any) -> None:
        if here().world > 1:
            raise UsageError(
                f"{name} is the work of one process: start it without torchrun or accelerate launch; train, "
                "add-language and evaluate are what several can share"
            )
        function(*args, **values)

    return body


def _flattened(function: Body) -> Body:
    """A function of plain flags that puts them together again and calls the real one."""
    hints = get_type_hints(function, include_extras=True)
    own: list[inspect.Parameter] = []
    grouped: list[inspect.Parameter] = []
    names: dict[str, list[str]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        flags = _flags_of(hints[name])
        names[name] = [flag.name for flag in flags]
        grouped += flags
        if not flags:
            own.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    def body(**values: Any) -> None:
        arguments = {}
        for name, flags in names.items():
            taken = {flag: values[flag] for flag in flags}
            arguments[name] = values[name] if not flags else _common(taken) if hints[name] is Common else typed(taken)
        function(**arguments)

    parameters = [*own, *sorted(grouped, key=lambda flag: flag.name in _COMMON_NAMES)]
    body.__name__, body.__doc__ = function.__name__, function.__doc__
    body.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return body


def _flags_of(hint: Any) -> list[inspect.Parameter]:
    """The flags that stand for one parameter; none for one that Typer understands by itself."""
    if hint is Common:
        return _COMMON
    if get_origin(hint) is Annotated and get_args(hint)[1] in _PANELS:
        cls = get_args(hint)[1]
        return [_flag(cls, field) for field in dataclasses.fields(cls)]
    return []


def _flag(cls: type, field: "dataclasses.Field[Any]") -> inspect.Parameter:
    kind, word = get_type_hints(cls)[field.name], field.name.replace("_", "-")
    default = ("yes" if field.default else "no") if kind is bool else str(field.default)
    more: dict[str, Any] = {"parser": _tokens, "metavar": "INTEGER|auto"} if kind == Tokens else {}
    option = typer.Option(
        f"--{word}/--no-{word}" if kind is bool else f"--{word}",
        help=f"{help_of(cls, field.name)}{f'; default {default}' if default else ''}",
        show_default=False,
        rich_help_panel=_PANELS[cls],
        **more,
    )
    return _parameter(field.name, Annotated[(Any if more else kind) | None, option], None)


def _tokens(typed: str) -> Tokens:
    """Read ``auto`` or a whole number."""
    if typed == "auto":
        return "auto"
    try:
        return int(typed)
    except ValueError:
        raise typer.BadParameter(f"{typed!r} is neither a whole number nor auto: give one of them") from None


def _common(values: Mapping[str, Any]) -> Common:
    return Common(Output(json=values["json"], quiet=values["quiet"], mute=not here().first), values["registry"])


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _everywhere(*words: str, about: str, **more: Any) -> Any:
    return typer.Option(*words, help=about, rich_help_panel="Every command", **more)


_COMMON = [
    _parameter("json", Annotated[bool, _everywhere("--json", about="One JSON document on stdout.")], False),
    _parameter("quiet", Annotated[bool, _everywhere("--quiet", "-q", about="Print ids alone, and no notes.")], False),
    _parameter("debug", Annotated[bool, _everywhere("--debug", about="Show the traceback of an error.")], False),
    _parameter(
        "registry",
        Annotated[
            str | None,
            _everywhere("--registry", about="Path or database URL.", show_default="HYPERX_REGISTRY, or the user's own"),
        ],
        None,
    ),
]
_COMMON_NAMES = {parameter.name for parameter in _COMMON}
