"""The app: help, exit codes, one boundary for errors, and no torch where none is needed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from hyperx_cl.cli import app as module
from hyperx_cl.cli.app import app, run
from hyperx_cl.errors import DataError
from tests.cli.conftest import STEPS, TINY, Cli

ROOT = Path(__file__).parents[2]


def _commands() -> Iterator[tuple[str, ...]]:
    def walk(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        below = getattr(command, "commands", None)
        if below is None:
            yield words
        for name, child in (below or {}).items():
            yield from walk(child, (*words, name))

    return walk(typer.main.get_command(app), ())


COMMANDS = list(_commands())


def _light(*lines: str) -> list[int]:
    """Run command lines one after the other in a fresh process, into which none may bring torch; their exit codes."""
    code = (
        "import contextlib, io, json, sys\nfrom hyperx_cl.cli.app import run\nended = []\n"
        f"for line in {lines!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        "        code = run(line.split())\n"
        "    loaded = [name for name in ('torch', 'transformers', 'datasets', 'accelerate') if name in sys.modules]\n"
        "    assert not loaded, (line, loaded)\n"
        "    ended.append(code)\n"
        "print(json.dumps(ended))\n"
    )
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [int(code) for code in json.loads(done.stdout)]


def test_there_are_all_commands() -> None:
    assert {" ".join(words) for words in COMMANDS} == {
        "train", "add-language", "fewshot", "add-task", "evaluate", "tag", "info", "demo", "push", "pull",
        "runs list",
        *(f"data {word}" for word in ("get", "list")),
        *(f"bench {word}" for word in ("add-language", "few-shot", "stream", "together", "plot")),
        *(f"tasks {word}" for word in ("list", "remove")),
        *(f"models {word}" for word in ("list", "show", "use", "remove")),
        *(f"languages {word}" for word in ("list", "show", "history", "use", "rollback", "remove", "near", "redo")),
        *(f"registry {word}" for word in ("upgrade", "check", "export", "import", "backup")),
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_ends_with_an_example_that_can_be_typed(words: tuple[str, ...], cli: Cli) -> None:
    ended = cli(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    text = " ".join(ended.out.split())
    example = text[text.rindex("Example: ") :]
    assert f"hyperx-cl {' '.join(words)}" in example
    for flag in ("--json", "--quiet", "--debug", "--registry"):
        assert flag in text
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"(?<= )--[a-z-]+", example)) <= known


def test_help_of_the_app_lists_exit_codes(cli: Cli) -> None:
    text = " ".join(cli("--help").out.split())
    for part in (
        "0 done",
        "2 wrong options",
        "3 not found",
        "4 conflict",
        "5 network",
        "6 unusable",
        "130 interrupted",
    ):
        assert part in text
    assert "--install-completion" in text


def test_what_learns_nothing_leaves_torch_alone() -> None:
    lines = {
        "--help": 0, "train --help": 0, "languages --help": 0, "runs --help": 0, "data get --help": 0,
        "models list": 0, "models show x": 3, "languages list": 0, "runs list": 0, "data list": 0,
        "info --languages 16 --projected 192": 0, "registry check": 0, "registry upgrade": 0,
    }  # fmt: skip
    assert dict(zip(lines, _light(*lines), strict=True)) == lines


def test_what_is_refused_is_refused_without_torch() -> None:
    lines = {
        "tag --lang mt": 3, "evaluate --data-dir /nowhere": 3, "fewshot --lang mt --task pos": 3,
        "train --backbone x": 2, "add-language mt --mlm /nowhere": 3, "registry import /nowhere": 3,
        "data get --lang mt": 5,
    }  # fmt: skip
    assert dict(zip(lines, _light(*lines), strict=True)) == lines


def test_registry_commands_leave_torch_alone_with_a_real_model(stocked: Path) -> None:
    assert _light("models show", "languages show en", "languages near en", "info", "runs list") == [0] * 5


def test_version(cli: Cli) -> None:
    from hyperx_cl import __version__

    assert cli("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "Error: No such command 'trian'"),
        (["models", "list", "--jsn"], "Error: No such option: --jsn"),
        (["models", "use"], "Error: Missing argument 'NAME'. See 'hyperx-cl models use --help'."),
        (["train", "--steps", "many"], "Error: Invalid value for '--steps'"),
        (["train", "--placement", "top"], "Error: Invalid value for '--placement'"),
        (["train", "--max-tokens", "many"], "Error: Invalid value for '--max-tokens'"),
    ],
)
def test_wrong_words_are_one_sentence(cli: Cli, words: list[str], sentence: str) -> None:
    ended = cli(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(sentence) and ended.err.count("\n") == 1


def test_known_errors_have_a_traceback_with_debug_alone(cli: Cli) -> None:
    assert "Traceback" not in cli("models", "show").err
    ended = cli("models", "show", "--debug")
    assert ended.code == 3
    assert "Traceback" in ended.err and ended.err.endswith("or try `hyperx-cl demo`\n")


def test_unknown_errors_ask_for_debug(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a\nfault")

    monkeypatch.setattr(module, "app", broken)
    assert run(["models", "list"]) == 1
    told = (
        "Error: something unforeseen went wrong (ZeroDivisionError: a fault); run it again with --debug to see where\n"
    )
    assert capsys.readouterr().err == told
    assert run(["models", "list", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_is_printed_cannot_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DataError("bad\x1b[2Jfile\nError: \u202eforged")

    monkeypatch.setattr(module, "app", broken)
    assert run([]) == 6
    assert capsys.readouterr().err == "Error: bad\\x1b[2Jfile\\x0aError: \\u202eforged\n"


def test_interrupted_training_says_how_to_go_on_and_does(cli: Cli, root: Path, tiny_backbone: Path, home: Path) -> None:
    words = ["train", "--backbone", tiny_backbone, "--data-dir", root, "--name", "cut", *TINY, *STEPS, "--mlm", "en"]
    words += ["--ner", "none", "--pos", "en", "--steps", "4000", "--validate-every", "4000", "--device", "cpu"]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "hyperx_cl.cli", *map(str, words)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_listen_to_ctrl_c,
    )
    checkpoint = home / "models" / "cut" / "checkpoint" / "state.json"
    deadline = time.monotonic() + 240
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == f"Interrupted; go on with: hyperx-cl {' '.join(map(str, words))} --resume."
    assert cli("runs", "list", "--json").data["runs"][0]["status"] == "interrupted"
    assert cli("models", "list", "--quiet").out == ""
    refused = cli(*words)
    assert refused.code == 4
    assert "go on with --resume" in refused.err


def _listen_to_ctrl_c() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hyperx-cl", "models", "show"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 3
