"""Two real processes at one command: the numbers of one, one that writes, and an end when the other is gone."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import TINY, Cli
from tests.several import accelerate, start, step_of, wait_for, watched, written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="two processes are started and watched as on Linux")

STEPS = ("--warmup", "1", "--validate-every", "4", "--checkpoint-every", "4", "--precision", "fp32")
Words = list[str | Path]


@pytest.fixture
def words(tiny_backbone: Path, root: Path) -> Words:
    """A base training, but for its steps."""
    data: Words = ["--backbone", tiny_backbone, "--data-dir", root, "--leave-out", "mt", "--device", "cpu"]
    return ["train", *data, "--name", "tiny", *TINY, *STEPS]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let the process that runs alone, this one, add up in the same order as the two, which have one thread each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _same(one: Path, other: Path) -> None:
    """Their tensors are the same, to what the order of a sum may change."""
    ours, theirs = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-4, msg=name)


@pytest.mark.long
def test_two_processes_are_one_at_the_same_global_batch_and_one_writes(
    cli: Cli, words: Words, home: Path, tmp_path: Path
) -> None:
    """Each step one of the two has another task or language than the other: what it lacks gets no gradient there."""
    together = tmp_path / "together"
    together.mkdir()
    run = start([*words, "--steps", "12", "--json"], together, **watched(tmp_path / "seen"))
    alone = cli(*words, "--steps", "12", "--accumulation", "2", "--json")
    code, out, err = run.end()
    assert (code, alone.code) == (0, 0), err
    ended: dict[str, Any] = json.loads(out)
    assert ended["tokens"] == alone.data["tokens"] and ended["steps"] == 12
    _same(together / "models" / "tiny", home / "models" / "tiny")
    assert ended["scores"] == pytest.approx(alone.data["scores"], abs=0.02)
    assert err.count("step 12: mean validation score") == 1
    mine, others = (written(tmp_path / "seen", rank, together) for rank in (0, 1))
    assert any("log.jsonl" in line for line in mine)
    assert others and all(line.startswith("sqlite3.connect") and "mode=ro" in line for line in others)
    with Registry.open(str(together / "registry.sqlite3"), readonly=True) as registry:
        assert [model.fingerprint for model in registry.list_models()] == [ended["fingerprint"]]
        (kept,) = registry.list_runs()
    assert (kept.status, kept.config["processes"]) == ("done", 2)


@pytest.mark.slow
def test_accelerate_launch_starts_them_too(cli: Cli, words: Words, home: Path, tmp_path: Path) -> None:
    run = start([*words, "--steps", "8", "--quiet"], tmp_path, launcher=accelerate())
    assert cli(*words, "--steps", "8", "--accumulation", "2").code == 0
    code, out, err = run.end()
    assert (code, out) == (0, "tiny\n"), err
    _same(tmp_path / "models" / "tiny", home / "models" / "tiny")


@pytest.mark.slow
def test_what_is_refused_is_said_once(words: Words, tmp_path: Path) -> None:
    code, out, err = start([*words, "--steps", "8", "--pos", "kk"], tmp_path).end()
    assert code != 0 and out == ""
    assert err.count("has nothing to train pos in kk") == 1
    code, out, err = start(["runs", "list"], tmp_path).end()
    assert code != 0 and "list is the work of one process: start it without torchrun" in err


@pytest.mark.slow
@pytest.mark.parametrize("gone", [0, 1])
def test_a_killed_process_ends_the_run_which_can_be_gone_on_with(
    gone: int, words: Words, home: Path, tmp_path: Path
) -> None:
    words += ["--steps", "600", "--dropout", "--checkpoint-every", "20", "--validate-every", "100"]
    run = start(words, tmp_path)
    checkpoint = tmp_path / "models" / "tiny" / "checkpoint"
    wait_for(lambda: step_of(checkpoint) >= 40, run)
    os.kill(run.worker(gone), signal.SIGKILL)
    code, out, err = run.end()
    assert code != 0 and out == ""
    assert "see what that one said, and start them all again (train and add-language with --resume)" in err
    stopped = step_of(checkpoint)
    assert 40 <= stopped < 600 and stopped % 20 == 0
    if gone == 1:  # a process that is killed keeps no books
        with Registry.open(str(tmp_path / "registry.sqlite3"), readonly=True) as registry:
            assert [kept.status for kept in registry.list_runs()] == ["failed"]
    code, out, err = start([*words, "--resume", "--json"], tmp_path).end()
    assert code == 0, err
    code, whole, err = start([*words, "--json"], home).end()
    assert code == 0, err
    assert json.loads(out)["fingerprint"] == json.loads(whole)["fingerprint"]


@pytest.mark.slow
def test_a_process_that_answers_no_more_is_not_waited_for_without_end(words: Words, tmp_path: Path) -> None:
    run = start([*words, "--steps", "5000"], tmp_path, HYPERX_TIMEOUT="5")
    wait_for(lambda: step_of(tmp_path / "models" / "tiny" / "checkpoint") >= 4, run)
    stopped = run.worker(1)
    os.kill(stopped, signal.SIGSTOP)
    try:
        wait_for(lambda: _is_gone(run.worker, 0), run)
    finally:
        os.kill(stopped, signal.SIGKILL)
    code, _, err = run.end()
    assert code != 0 and "process 0 of 2 has lost another one, or has waited for it for 5 seconds" in err


@pytest.mark.slow
def test_as_many_processes_as_before_go_on(cli: Cli, words: Words, home: Path) -> None:
    run = start([*words, "--steps", "600"], home)
    wait_for(lambda: step_of(home / "models" / "tiny" / "checkpoint") >= 4, run)
    run.launcher.send_signal(signal.SIGTERM)
    run.end()
    ended = cli(*words, "--steps", "600", "--resume")
    assert ended.code == 4 and "was made by 2 processes, and each brings its own part of a step" in ended.err


@pytest.mark.slow
def test_languages_are_shared_out_and_become_what_one_process_makes_of_them(
    cli: Cli, stocked: Path, root: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts" / "mlm"
    texts.mkdir(parents=True)
    for code, like in (("mt", "mt"), ("it", "en"), ("az", "tr")):
        (texts / f"{code}.txt").write_bytes((root / "mlm" / f"{like}.txt").read_bytes())
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "registry.sqlite3").write_bytes((stocked / "registry.sqlite3").read_bytes())
    line = ["add-language", "mt,it,az", "--mlm", texts.parent, "--steps", "6", "--check-every", "3", "--start", "best",
            "--device", "cpu", "--precision", "fp32", "--max-tokens", "160", "--max-length", "40"]  # fmt: skip
    run = start(["--", *line, "--json"], tmp_path / "home", **watched(tmp_path / "seen"))
    alone = cli(*line, "--json")
    ended, out, err = run.end()
    assert (ended, alone.code) == (0, 0), err + alone.err
    ours, theirs = (json.loads(text)["languages"] for text in (out, alone.out))
    assert [each["language"] for each in ours] == ["mt", "it", "az"]
    for mine, other in zip(ours, theirs, strict=True):
        assert _but_seconds(mine) == _but_seconds(other)
    with Registry.open(str(tmp_path / "home" / "registry.sqlite3"), readonly=True) as registry:
        assert registry.check() == [] and [kept.status for kept in registry.list_runs()] == ["done"] * 4
        assert {one.language for one in registry.languages()} == {"az", "en", "it", "mt", "tr"}
    assert any("tiny-it" in line for line in written(tmp_path / "seen", 1, tmp_path / "home"))  # its turn
    for code in ("mt", "it", "az"):  # and one by one, where no start is taken from a language that is new
        assert cli("languages", "remove", code, "--yes").code == 0
    hashes = []
    for code in ("mt", "it", "az"):
        by_itself = [*line[:1], code, "--mlm", texts / f"{code}.txt", *line[4:], "--start", "mean", "--json"]
        hashes.append(cli(*by_itself).data["hash"])
        assert cli("languages", "remove", code, "--yes").code == 0
    again = cli(*line, "--start", "mean", "--json")
    assert [each["hash"] for each in again.data["languages"]] == hashes


@pytest.mark.slow
def test_scores_of_two_processes_are_those_of_one(cli: Cli, stocked: Path, root: Path) -> None:
    line = ["evaluate", "--data-dir", root, "--device", "cpu", "--precision", "fp32"]
    alone = cli(*line, "--format", "json")
    run = start([*line, "--format", "json"], stocked)
    code, out, err = run.end()
    assert (code, alone.code) == (0, 0), err
    ours, theirs = json.loads(out), json.loads(alone.out)
    for told in (ours, theirs):
        told.pop("threads", None)
        told.get("about", {}).pop("threads", None)
    assert ours == theirs and len(theirs["scores"]) == 4
    table = cli(*line).out
    assert start(line, stocked).end()[1] == table


def _but_seconds(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "seconds"}


def _is_gone(worker: Any, rank: int) -> bool:
    try:
        return not worker(rank)
    except AssertionError:
        return True
