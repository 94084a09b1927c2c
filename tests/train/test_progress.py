"""Progress goes to stderr and says nothing when quiet; the log is lines of JSON."""

import json
from pathlib import Path

import pytest

from hyperx_cl.train.progress import RunLog, Silent, reporting


def test_without_a_terminal_lines_alone_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting("training", 10) as reporter:
        reporter.step(5, "loss 1")
        reporter.say("step 5: [0.5] is a score and no markup")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "step 5: [0.5] is a score and no markup\n")


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting("training", 10, quiet=True) as reporter:
        assert isinstance(reporter, Silent)
        reporter.step(5, "loss 1")
        reporter.say("something")
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with reporting("training", 10) as reporter:
        reporter.step(5, "loss 1")
        reporter.say("a line")
    out, err = capsys.readouterr()
    assert out == "" and "a line" in err and "training" in err


def test_the_log_is_appended_to(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "new" / "log.jsonl")
    log.write("start", seed=1)
    log.write("step", loss=0.5, language="ħ")
    text = (tmp_path / "new" / "log.jsonl").read_text(encoding="utf-8")
    first, second = map(json.loads, text.splitlines())
    assert (first["kind"], first["seed"]) == ("start", 1) and "ħ" in text
    assert (second["loss"], first["time"][-1]) == (0.5, "Z")


def test_the_last_line_of_a_kind_is_found(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl")
    assert log.last("step") is None
    for step in (1, 2):
        log.write("step", step=step)
    log.write("end")
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"kind": "step", "step": 3')  # the process was killed
    line = log.last("step")
    assert line is not None and line["step"] == 2
    assert log.last("validation") is None
