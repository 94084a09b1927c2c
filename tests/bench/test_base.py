"""What cells stand on: how many steps that takes, and a count that goes on over several courses."""

from pathlib import Path

from hyperx_cl.bench.base import Chained, has_run, run_ground
from hyperx_cl.bench.plan import Bench, Cell


class Counting:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.said: list[str] = []

    def step(self, done: int, text: str) -> None:
        """Keep the count."""
        self.done.append(done)

    def say(self, text: str) -> None:
        """Keep the line."""
        self.said.append(text)


def test_courses_that_each_count_from_one_make_one_count() -> None:
    told = Counting()
    chained = Chained(told, before=10)
    for done in (1, 2, 3, 1, 2, 1):
        chained.step(done, "")
    chained.say("so")
    assert told.done == [11, 12, 13, 14, 15, 16] and told.said == ["so"]


def test_a_course_that_is_resumed_in_its_middle_counts_on() -> None:
    told = Counting()
    chained = Chained(told)
    for done in (8, 9, 10, 1):
        chained.step(done, "")
    assert told.done == [8, 9, 10, 11]


def test_grounds_know_their_steps_and_when_they_are_done(tmp_path: Path) -> None:
    bench = Bench("small", tmp_path, tmp_path / "main")
    joint, madx = (run_ground(bench, Cell(3, "hsb", method)) for method in ("default", "madx"))
    assert joint is not None and (joint.title, joint.steps) == ("the base run, seed 3", bench.train.steps)
    assert madx is not None and madx.title == "MAD-X's sources, seed 3"
    assert madx.steps == 6 * bench.add.steps + bench.madx_task_steps  # ar en is kk tr zh
    for file in ("base-3/model.safetensors", "madx-3/tasks.json"):
        (bench.folder / file).parent.mkdir(parents=True)
        (bench.folder / file).touch()
    assert has_run(bench, 3, "base") and has_run(bench, 3, "madx") and not has_run(bench, 1, "base")
    assert run_ground(bench, Cell(3, "hsb", "mean")) is None
    still = run_ground(bench, Cell(3, "hsb", "untrained"))
    assert still is not None and still.title == "the untrained run, seed 3"
