"""What forges a terminal or is markup, in what is only told: stored as it is, and shown so that everybody sees it."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.pack import MODEL, MT, SCORE
from tests.hostile.pulling import Somebody

NASTY = {
    "escapes": "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J\x85",
    "lines": "a\nError: b\r\x08\u202egnp.\u2066exe\u2028",
    "markup": "[red]x[/red][link=http://x]y[/link][/]|![x](http://x) `z` <script>\u0600\u200d\U000e0041",
}
FORGES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
READING = (
    ("languages", "list"), ("languages", "list", "--author", "x"), ("languages", "show", "mt"),
    ("languages", "history", "mt"),
    ("languages", "near", "mt"), ("models", "list"), ("models", "show", "pack"), ("tasks", "list"),
    ("push", "org/pack", "--of", "pack", "--lang", "mt", "--dry-run"),
)  # fmt: skip


def told(text: str) -> dict[str, object]:
    """A provenance with that text in every place that takes one."""
    facts = {key: text[:40] for key in ("method", "author", "licence", "source", "capacity", "created", "hyperx_cl",
                                        "data", "nearest", "start", "measured_on")}  # fmt: skip
    return {**MT.note["provenance"], **facts, "losses": {text: 1.5, "learnt": 2}, "scores": {text: 0.5}, text: text,
            "corrections": [{"was": {text: text}}], "text": {"lines": {text: 5}}}  # fmt: skip


@pytest.mark.parametrize("what", NASTY)
def test_what_is_told_is_shown_with_controls_escaped(puller: Somebody, what: str) -> None:
    text = NASTY[what]
    score = {**SCORE, "task": text, "metric": text, "split": text, "more": text}
    ended = puller.pull(MT.with_note(provenance=told(text), licences=[text], scores=[score]))
    assert ended.code == 0, ended.err
    assert not FORGES.search(ended.out + ended.err)
    for words in READING:
        model = [] if words[0] in ("models", "push") else ["--model", "pack"]
        for form in ([], ["--json"]) if words[0] == "languages" else ([],):
            shown = puller(*words, *model, *form)
            assert shown.code == 0, (words, shown.err)
            assert not FORGES.search(shown.out + shown.err), (words, form)
            if form:
                json.loads(shown.out)


def test_on_a_terminal_too(puller: Somebody, hub_environment: dict[str, str], tmp_path: Path) -> None:
    """In a real terminal, rich draws the tables: markup stays what it is, and escapes are letters."""
    text = "".join(NASTY.values())
    assert puller.pull(MT.with_note(provenance=told(text))).code == 0
    for words in (("languages", "show", "mt"), ("languages", "history", "mt")):
        shown = in_terminal([*words, "--model", "pack"], {**hub_environment, "HYPERX_HOME": str(puller.home)})
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")  # colours of the table's own
        assert not FORGES.search(plain), words
        assert "[red]" in re.sub(r"\s", "", plain) and "\\x1b]0;" in re.sub(r"\s", "", plain), plain


def in_terminal(words: list[str], environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {**environment, "TERM": "xterm-256color", "COLUMNS": "200"}
    with subprocess.Popen(
        [sys.executable, "-m", "hyperx_cl.cli", *words], stdout=theirs, stderr=theirs, env=environment, close_fds=True
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
        assert process.wait() == 0, shown
    os.close(ours)
    return shown.decode()


def test_the_card_of_who_passes_it_on_is_not_broken_out_of(puller: Somebody) -> None:
    puller.hub.models.tokens["hf_ofTheTests"] = "org"
    text = "".join(NASTY.values())
    assert (
        puller.pull(MT.with_note(provenance=told(text), licences=[text], scores=[{**SCORE, "metric": text}])).code == 0
    )
    ended = puller("push", "org/again", "--of", "pack", "--lang", "mt")
    assert ended.code == 0, ended.err
    card = puller.hub.models.repositories["org/again"].files["README.md"].decode()
    body = card.split("---\n", 2)[2]
    assert not FORGES.search(body)
    assert "<script" not in body and "![x]" not in body and MODEL.mark in card
    assert all(line.count("|") - line.count("\\|") in (0, 9, 10) for line in body.splitlines() if "owned" in line)
