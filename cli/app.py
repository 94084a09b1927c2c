"""The app: every command, and the one place where an error becomes a sentence and an exit code."""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from hyperx_cl import __version__
from hyperx_cl.cli import (
    add_language,
    add_task,
    bench,
    data,
    demo,
    evaluate,
    fewshot,
    info,
    languages,
    models,
    pull,
    push,
    runs,
    tag,
    tasks,
    train,
)
from hyperx_cl.cli.output import visible
from hyperx_cl.errors import HyperXError

RESUMABLE = ("train", "add-language", "add-task")
FETCHING = ("data", "pull")
INTERRUPTED = 130

app = typer.Typer(
    name="hyperx-cl",
    help="Hyper-X for languages nobody has covered: train once, then add a language from raw text alone.",
    epilog=(
        "Exit codes: 0 done, 1 other, 2 wrong options, 3 not found, 4 conflict, 5 network, 6 unusable data, "
        "130 interrupted.\n\nExample: hyperx-cl demo"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (train, add_language, add_task, fewshot, evaluate, tag):
    command.add_to(app)
for commands in (data, models, languages, tasks, runs, bench):
    app.add_typer(commands.app)
for command in (push, pull, info, demo):
    command.add_to(app)


def main() -> None:
    """Run the words of the command line, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run one command line.

    Args:
        words: What stands behind ``hyperx-cl``.

    Returns:
        The exit code, as listed in `hyperx_cl.errors`.
    """
    try:
        code = app(list(words), prog_name="hyperx-cl", standalone_mode=False)
    except HyperXError as error:
        return _failed(words, error, str(error), error.exit_code)
    except SystemExit as end:  # Typer's own way out: completion scripts, a closed pipe
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except typer.Abort:
        return _say("Stopped; nothing was changed.", 1)
    except Exception as error:
        return _unexpected(words, error)
    return _interrupted(words) if code == INTERRUPTED else code if isinstance(code, int) else 0


def _unexpected(words: Sequence[str], error: Exception) -> int:
    """Typer's complaints about words have a message and an exit code of their own; the rest is a fault of ours."""
    message, code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if message is None or code is None:
        told = (
            f"something unforeseen went wrong ({type(error).__name__}: {error}); run it again with --debug to see where"
        )
        return _failed(words, error, " ".join(told.split()), 1)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
        return int(code)
    context = getattr(error, "ctx", None)
    where = f" See '{context.command_path} --help'." if context else ""
    return _failed(words, error, f"{message().rstrip('.')}.{where}", int(code))


def _failed(words: Sequence[str], error: Exception, message: str, code: int) -> int:
    if "--debug" in words:
        traceback.print_exception(error)
    return _say(f"Error: {message}", code)


def _interrupted(words: Sequence[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), "")
    hint = "go on with the same command and --resume" if name in RESUMABLE else "nothing was stored; run it again"
    if name in FETCHING:
        hint = "what is whole stays, the same command goes on with the rest"
    return _say(f"Interrupted; {hint}.", INTERRUPTED)


def _say(text: str, code: int) -> int:
    print(visible(text), file=sys.stderr)
    return code


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass
