"""A sitting says how fast it is where something is said at all, and what was done before is not told as slow."""

import json
import re
from pathlib import Path

import pytest

from hyperx_cl.train.progress import reporting
from tests.train.small_root import run, write_root


class Keeping:
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, done: int, text: str) -> None:
        """Only a terminal shows it."""

    def say(self, text: str) -> None:
        """Keep."""
        self.said.append(text)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("root"))


def test_without_a_terminal_every_validation_says_how_fast_it_is(
    tiny_backbone: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with reporting("training", 30) as reporter:
        run(tiny_backbone, root, tmp_path, reporter=reporter)
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("step ")]
    assert out == "" and [line.partition(":")[0] for line in lines] == ["step 10", "step 20", "step 30"]
    for line in lines:
        assert re.search(r": mean validation score 0\.\d{4} · [1-9]\d* tokens/s · \d+% of peak$", line), line


def test_a_quiet_run_says_nothing(
    tiny_backbone: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with reporting("training", 30, quiet=True) as reporter:
        run(tiny_backbone, root, tmp_path, reporter=reporter)
    assert capsys.readouterr() == ("", "")


def test_a_finished_run_tells_the_speed_it_had(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    done = run(tiny_backbone, root, tmp_path)
    told = Keeping()
    again = run(tiny_backbone, root, tmp_path, resume=True, reporter=told)
    assert again.tokens_per_second == round(done.tokens_per_second) > 0
    assert again.peak_share == done.peak_share > 0
    assert (again.fingerprint, again.seconds, again.tokens) == (done.fingerprint, done.seconds, done.tokens)
    assert told.said == [
        "going on from the checkpoint of step 30",
        "all 30 steps were taken before: only the choice of the model is left",
    ]
    log = tmp_path / "log.jsonl"
    steps = [line for line in log.read_text(encoding="utf-8").splitlines() if json.loads(line)["kind"] == "step"]
    assert len(steps) == 1
    state = tmp_path / "checkpoint" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"threads": 999}))
    run(tiny_backbone, root, tmp_path, resume=True, reporter=told)
    assert re.fullmatch(r".* step 30, with \d+ threads instead of 999: the numbers will differ a little", told.said[2])
    log.unlink()
    assert run(tiny_backbone, root, tmp_path, resume=True).tokens_per_second == 0  # nobody knows any more
