"""Commands that something befalls at counted events: whatever it is, `--resume` ends where they would have ended.

The children are real processes that run the commands' own code (`tests/fork_server.py`), on one CPU thread in fp32. An
event is a file about to be written, renamed or removed, a statement or commit of the database, or an optimiser step;
those that are struck at are drawn from a seed, one from each of equal parts of the whole run. Homes are in memory where
there is room for them (`memory`): what a killed process has written is there, whether or not a disk has it.
"""

import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import STEPS, TINY
from tests.forked import Ended, Forked, left

POINTS, MANY, PARTS = 20, 200, 10
PLACES = ("--precision", "fp32", "--device", "cpu", "--quiet")
ADD = ("--check-every", "1", "--rank", "2", "--self-steps", "2", "--sample", "10", "--self-lines", "20")
FEW = (
    "--task",
    "pos",
    "--n",
    "4",
    "--folds",
    "2",
    "--epochs",
    "4",
    "--rate-embedding",
    "5",
    "--rate",
    "0.1",
    "--rank",
    "2",
)
FULL = ("--task", "pos", "--n", "6", "--full", "--full-epochs", "2", "--name", "moved")
COMMANDS = ("train", "add-language", "fewshot")


@dataclass(frozen=True)
class Case:
    """One command: its words for a home, a home to begin in, and how it ends if nothing befalls it."""

    words: Callable[[Path], list[str]]
    begin: Callable[[Path], Path]
    events: int
    whole: dict[str, Any]


@pytest.fixture(scope="module")
def cases(
    forked: Forked, tiny_backbone: Path, root: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Case]]:
    known: dict[str, Case] = {}
    train = ["train", "--backbone", tiny_backbone, "--data-dir", root, "--name", "m", "--leave-out", "mt"]
    lines: dict[str, list[Any]] = {
        "train": [*train, *TINY, *STEPS],
        "add-language": ["add-language", "mt", "--mlm", root / "mlm" / "mt.txt", "--steps", "3", *ADD],
        "fewshot": ["fewshot", "--lang", "tr", "--data-dir", root, *FEW],
        "fewshot --full": ["fewshot", "--lang", "tr", "--data", root / "ud" / "tr" / "train.conllu", *FULL],
    }

    def words(name: str, home: Path) -> list[str]:
        more = ["--output-dir", home / "moved"] if name == "fewshot --full" else []
        return [str(word) for word in (*lines[name], *more, *PLACES)]

    def begin(name: str, home: Path) -> Path:
        home.mkdir()
        if name != "train":
            shutil.copy(trained / "registry.sqlite3", home)
        return home

    def case(name: str) -> Case:
        if name not in known:
            home = begin(name, tmp_path_factory.mktemp("whole") / "home")
            ended = forked(*words(name, home), home=home)
            assert ended.status == 0 and ended.events, ended.err
            assert ended.out  # something was stored
            known[name] = Case(lambda h: words(name, h), lambda h: begin(name, h), ended.events, left(home))
        return known[name]

    yield case


def at(case: Case, number: int, of: int) -> int:
    """The event in one of so many equal parts of the run."""
    first, beyond = (1 + case.events * part // of for part in (number, number + 1))
    return int(np.random.default_rng([number, of]).integers(first, max(beyond, first + 1)))


def resumed(forked: Forked, case: Case, home: Path, *, again: bool = True) -> Ended:
    """Go on, and see that all is as if nothing had happened."""
    ended = forked(*case.words(home), *(["--resume"] if again else []), home=home)
    assert ended.status == 0, f"{home.name}: {ended.err}"
    now = left(home)
    assert now["files"] == case.whole["files"], home.name
    assert now == case.whole, home.name
    return ended


def kill(forked: Forked, case: Case, folder: Path, event: int) -> None:
    home = folder / f"killed-at-{event}-of-{case.events}"
    struck = forked(*case.words(case.begin(home)), home=home, at=event)
    assert struck.status == -signal.SIGKILL, f"{home.name}: {struck.err}"
    resumed(forked, case, home)
    shutil.rmtree(home)


@pytest.mark.parametrize("number", range(POINTS))
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_and_resumed_is_as_never_killed(
    name: str, number: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    case = cases(name)
    kill(forked, case, memory, at(case, number, POINTS))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", [*COMMANDS, "fewshot --full"])
def test_killed_at_many_points_and_resumed(
    name: str, part: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    case = cases(name)
    for number in range(part, MANY, PARTS):
        kill(forked, case, memory, at(case, number, MANY))


@pytest.mark.parametrize("number", range(4))
def test_a_whole_model_of_few_shot_is_there_or_can_be_made_again(
    number: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    case = cases("fewshot --full")
    kill(forked, case, memory, at(case, number, 4))


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_twice_and_resumed(name: str, forked: Forked, cases: Callable[[str], Case], memory: Path) -> None:
    case, home = cases(name), memory / "home"
    assert forked(*case.words(case.begin(home)), home=home, at=case.events * 2 // 3).status == -signal.SIGKILL
    assert forked(*case.words(home), "--resume", home=home, at=case.events // 4).status == -signal.SIGKILL
    resumed(forked, case, home)


@pytest.mark.parametrize("number", (0, 2, 4))
@pytest.mark.parametrize("name", COMMANDS)
def test_ended_within_a_write_and_resumed(
    name: str, number: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    """The kernel ends the process (SIGXFSZ) at a drawn byte of a file: the bytes before it are written."""
    case, home = cases(name), memory / "home"
    size = int(np.exp(np.random.default_rng([7, number]).uniform(np.log(20), np.log(60_000))))
    struck = forked(*case.words(case.begin(home)), home=home, at=at(case, number, 5), how="torn", size=size)
    assert struck.status == -signal.SIGXFSZ, struck.err
    resumed(forked, case, home)


@pytest.mark.parametrize("number", (0, 2, 4))
@pytest.mark.parametrize("name", COMMANDS)
def test_files_that_may_not_grow_are_one_sentence_and_the_run_goes_on_when_they_may(
    name: str, number: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    case, home = cases(name), memory / "home"
    struck = forked(*case.words(case.begin(home)), home=home, at=at(case, number, 5), how="full", size=1)
    error = struck.err.splitlines()[-1]
    assert struck.status in (1, 7) and struck.out == "", struck.err
    assert "Traceback" not in struck.err and error.startswith("Error: "), struck.err
    wanted = "There is no room for " if struck.status == 7 else "that the disk is not full"
    assert wanted in error, error
    assert not [p.name for p in home.rglob("*") if p.name.endswith(".new")]
    resumed(forked, case, home)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_says_the_words_to_go_on_with(
    name: str, number: int, forked: Forked, cases: Callable[[str], Case], memory: Path
) -> None:
    case, home = cases(name), memory / "home"
    struck = forked(*case.words(case.begin(home)), home=home, at=at(case, number, 3), how="interrupt")
    assert (struck.status, struck.out) == (130, ""), struck.err
    said = struck.err.splitlines()[-1].removeprefix("Interrupted; go on with: ").removesuffix(".")
    program, *words = shlex.split(said)
    assert (program, words) == ("hyperx-cl", [*case.words(home), "--resume"])
    resumed(forked, case, home)


def test_a_run_that_is_finished_says_so(forked: Forked, cases: Callable[[str], Case], tmp_path: Path) -> None:
    for name in (*COMMANDS, "fewshot --full"):
        case, home = cases(name), tmp_path / name
        resumed(forked, case, case.begin(home))
        words = [word for word in case.words(home) if word != "--quiet"]
        again = forked(*words, "--resume", "--json", home=home)
        assert again.status == 0 and "nothing is left to do" in again.err, again.err
        assert json.loads(again.out)["model"]
        assert left(home) == case.whole


def test_a_full_disk_keeps_the_last_checkpoint(forked: Forked, cases: Callable[[str], Case], tmp_path: Path) -> None:
    case, home = cases("train"), tmp_path / "home"
    disk = case.begin(home) / "models"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        struck = forked(*case.words(home), home=home)
        assert struck.status == 7 and "(No space left on device)" in struck.err, struck.err
        assert not list(disk.rglob("*.new"))
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        resumed(forked, case, home)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_made_is_one_sentence(
    forked: Forked, cases: Callable[[str], Case], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()  # below a file not even root can make one
    for name in ("train", "add-language"):
        case, home = cases(name), tmp_path / name
        ended = forked(*case.words(case.begin(home)), "--output-dir", tmp_path / "file" / "out", home=home)
        assert (ended.status, ended.out) == (7, ""), ended.err
        error = ended.err.splitlines()[-1]
        assert error.startswith("Error: ") and "cannot be written (Not a directory)" in error
        resumed(forked, case, home)  # elsewhere it can


def test_a_data_file_that_vanishes_is_named_and_the_run_goes_on_when_it_is_back(
    forked: Forked, cases: Callable[[str], Case], tmp_path: Path, root: Path
) -> None:
    files = {"train": "ud/en/train.conllu", "add-language": "mlm/mt.txt", "fewshot": "ud/tr/train.conllu"}
    for name, file in files.items():
        case, home, aside = cases(name), tmp_path / name, tmp_path / "aside"
        assert forked(*case.words(case.begin(home)), home=home, at=case.events * 3 // 4).status == -signal.SIGKILL
        before = {str(p): p.read_bytes() for p in home.rglob("*") if p.is_file() and "registry." not in p.name}
        shutil.move(root / file, aside)
        try:
            gone = forked(*case.words(home), "--resume", home=home)
        finally:
            shutil.move(aside, root / file)
        assert gone.err.startswith("Error: ") and gone.err.count("\n") == 1, gone.err
        if name == "train":  # of a data folder everything is taken that is there
            assert gone.status == 4 and "another [data]" in gone.err and "(pos:en differs)" in gone.err
        else:
            assert gone.status == 3 and {"mlm/mt.txt": file, "ud/tr/train.conllu": "pos in 'tr'"}[file] in gone.err
        assert before == {str(p): p.read_bytes() for p in home.rglob("*") if p.is_file() and "registry." not in p.name}
        resumed(forked, case, home)
