"""The output object: tables on a terminal, lines without one, JSON, ids; controls escaped everywhere."""

import io
import json
import sys

import pytest

from hyperx_cl.cli.output import SCHEMA_VERSION, Grid, Output, visible

GRID = Grid(("name", "what"), [("en", "a\tb"), ("tr", "\x1b[31mred")])


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().result({}, ids=["en"], show=["two:", GRID])
    assert capsys.readouterr().out == "two:\nname\twhat\nen\ta\\x09b\ntr\t\\x1b[31mred\n"


def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    Output().result({}, show=[Grid(("[b]", "x"), [("[red]", "\x1b")])])
    shown = terminal.getvalue()
    assert "[b]" in shown and "[red]" in shown and "\\x1b" in shown and "─" in shown


def test_json_is_one_document_with_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True, quiet=True).result({"name": "ħ\x1b\x9b\u202e"}, ids=["x"], show=["no"])
    out = capsys.readouterr().out
    assert json.loads(out) == {"schema_version": SCHEMA_VERSION, "name": "ħ\x1b\x9b\u202e"}
    assert "ħ" in out and not {"\x1b", "\x9b", "\u202e"} & set(out)


def test_quiet_prints_ids_and_keeps_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(quiet=True)
    out.result({}, ids=["en", "t\nr"], show=["no"])
    out.note("no")
    out.warn("yes")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("en\nt\\x0ar\n", "Warning: yes\n")


def test_a_document_is_untouched_in_a_pipe_and_safe_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "1\tab\x1b\n"
    Output().text(text)
    assert capsys.readouterr().out == text
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    Output().text(text)
    assert terminal.getvalue() == "1\tab\\x1b\n"


def test_joiners_inside_words_stay() -> None:
    assert visible("می\u200cروم ħ 中") == "می\u200cروم ħ 中"


def test_a_mute_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for json_ in (False, True):
        out = Output(json=json_, mute=True)
        out.result({}, ids=["en"], show=["two:", GRID])
        out.text("x")
        out.note("x")
        out.warn("x")
    assert capsys.readouterr() == ("", "")
