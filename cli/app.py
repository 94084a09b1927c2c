"""The app: every command, and the one place where an error becomes a sentence and an exit code."""

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hyperx_cl import __version__
from hyperx_cl.cli.commands import Commands
from hyperx_cl.cli.output import shortened, visible, without_token
from hyperx_cl.errors import HyperXError
from hyperx_cl.processes import rank
from hyperx_cl.writing import UNWRITABLE, unwritable

RESUMABLE = ("train", "add-language", "add-task", "fewshot")
FETCHING = ("data", "pull")
REDOING = ["languages", "redo"]
INTERRUPTED = 130

app = typer.Typer(
    name="hyperx-cl",
    cls=Commands,
    help="Hyper-X for languages nobody has covered: train once, then add a language from raw text alone.",
    epilog=(
        "Exit codes: 0 done, 1 other, 2 wrong options, 3 not found, 4 conflict, 5 network, 6 unusable data, "
        "7 cannot be written, 130 interrupted.\n\nExample: hyperx-cl demo"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
    if isinstance(error, FileNotFoundError) and error.filename:
        return _failed(words, error, f"{error.filename} is gone; put it back, and give the same command again.", 3)
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        closed = unwritable(Path(error.filename or "what was to be written"), error)
        return _failed(words, error, str(closed), closed.exit_code)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error):
        return _failed(words, error, "Memory ran out; use smaller batches (--max-tokens) or shorter rows.", 1)
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
    told = message().rstrip(".")
    return _failed(words, error, f"{told}{'' if told.endswith('?') else '.'}{where}", int(code))


def _failed(words: Sequence[str], error: Exception, message: str, code: int) -> int:
    if "--debug" in words:
        told = "".join(traceback.format_exception(error))
        print(visible(without_token(told), lines=True), end="", file=sys.stderr)
    return _say(f"Error: {shortened(message)}", code)


def _interrupted(words: Sequence[str]) -> int:
    if rank():
        return INTERRUPTED  # the first process says it
    called = [word for word in words if not word.startswith("-")]
    name = called[0] if called else ""
    hint = f"go on with: {again(words)}" if name in RESUMABLE else "nothing was stored; run it again"
    if name in FETCHING:
        hint = "what is whole stays, the same command goes on with the rest"
    if called[:2] == REDOING:
        hint = "what is whole stays; go on with the same command and --resume"
    return _say(f"Interrupted; {hint}.", INTERRUPTED)


def again(words: Sequence[str]) -> str:
    """The command line that goes on with an interrupted one; of several processes it depends on who starts them."""
    if "RANK" in os.environ:
        return "the same command and --resume"
    return shlex.join(["hyperx-cl", *words, *([] if "--resume" in words else ["--resume"])])


def _say(text: str, code: int) -> int:
    which = f"Process {rank()}: " if rank() else ""
    print(visible(without_token(f"{which}{text}")), file=sys.stderr)
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
