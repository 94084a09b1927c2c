"""Ctrl-C while steps are taken: the step is brought to its end, and a checkpoint of it is kept."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch.optim.optimizer import register_optimizer_step_pre_hook

from hyperx_cl.data.text import Text
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.stopping import PATIENCE, Stopping
from tests.model.building import build
from tests.train.small_root import run, write_root
from tests.train.small_text import add_options


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C as it is for whoever sits before the screen: a shell's background jobs are begun deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class CtrlC:
    """Real signals to this process, in the middle of some optimiser steps."""

    def __init__(self, *steps: int) -> None:
        self.steps, self.seen = steps, 0

    def __enter__(self) -> None:
        self.handle = register_optimizer_step_pre_hook(self._hook)

    def __exit__(self, *_: object) -> None:
        self.handle.remove()

    def _hook(self, *_: object) -> None:
        self.seen += 1
        for _number in range(self.steps.count(self.seen)):
            os.kill(os.getpid(), signal.SIGINT)


def test_base_training_keeps_the_step_and_goes_on_from_it(
    tiny_backbone: Path, root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = run(tiny_backbone, root, tmp_path / "whole", steps=12)
    with CtrlC(10), pytest.raises(KeyboardInterrupt):  # a step that is validated, and between two checkpoints
        run(tiny_backbone, root, tmp_path / "cut", steps=12)
    assert capfd.readouterr().err == PATIENCE.decode()
    assert json.loads((tmp_path / "cut" / "checkpoint" / "state.json").read_text())["step"] == 10
    assert "10" in json.loads((tmp_path / "cut" / "snapshots" / "scores.json").read_text())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = run(tiny_backbone, root, tmp_path / "cut", steps=12, resume=True)
    assert (resumed.fingerprint, resumed.scores) == (whole.fingerprint, whole.scores)


def test_one_in_the_last_step_counts_too(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    with CtrlC(5), pytest.raises(KeyboardInterrupt):
        run(tiny_backbone, root, tmp_path, steps=5)
    assert not (tmp_path / "model.safetensors").exists()
    assert run(tiny_backbone, root, tmp_path, steps=5, resume=True).steps == 5


def test_a_second_one_stops_at_once(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    with CtrlC(9, 9), pytest.raises(KeyboardInterrupt):
        run(tiny_backbone, root, tmp_path, steps=12)
    assert json.loads((tmp_path / "checkpoint" / "state.json").read_text())["step"] == 7


def test_a_language_goes_on_from_between_two_looks(tiny_backbone: Path, text: Text, tmp_path: Path) -> None:
    options = add_options(start="mean")
    whole = add_language(build(tiny_backbone), "qaa", text, options)
    with CtrlC(6), pytest.raises(KeyboardInterrupt):
        add_language(build(tiny_backbone), "qaa", text, options, checkpoint=tmp_path / "c")
    assert json.loads((tmp_path / "c" / "state.json").read_text())["step"] == 6
    resumed = add_language(build(tiny_backbone), "qaa", text, options, checkpoint=tmp_path / "c", resume=True)
    assert resumed.record.hash == whole.record.hash
    assert resumed.record.provenance["stop_losses"] == whole.record.provenance["stop_losses"]


def test_others_who_listen_stay_and_threads_do_without() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stopping(lambda: None):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    found: list[object] = []

    def work() -> None:
        with Stopping(lambda: None):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with Stopping(lambda: None, alone=False):
        found.append(signal.getsignal(signal.SIGINT))
    assert found == [signal.default_int_handler] * 2
