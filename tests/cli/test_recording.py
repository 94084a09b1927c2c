"""The row of a run: done, failed or interrupted; nothing for input that is refused before work begins."""

import pytest

from hyperx_cl.cli.recording import Recording, recording, versions
from hyperx_cl.errors import DataError
from hyperx_cl.registry.records import RunRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.train.progress import Silent


def _run(error: BaseException | None, *, begun: bool) -> list[RunRecord]:
    def work(run: Recording) -> None:
        if begun:
            run.say("working")
            run.step(1, "still")
            run.metrics["loss"] = 2.5
        if error is not None:
            raise error

    with Registry.open() as registry:
        try:
            with recording(registry, "train", config={"a": 1}, seed=3, reporter=Silent(), data={"text": "ab"}) as run:
                work(run)
        except BaseException as raised:
            assert raised is error
        return registry.list_runs()


def test_done() -> None:
    (row,) = _run(None, begun=True)
    assert (row.command, row.seed, row.config, row.data_hashes) == ("train", 3, {"a": 1}, {"text": "ab"})
    assert (row.status, row.metrics, dict(row.versions)) == ("done", {"loss": 2.5}, versions())
    assert row.finished


def test_work_that_tells_nothing_is_kept_all_the_same() -> None:
    assert [row.status for row in _run(None, begun=False)] == ["done"]


@pytest.mark.parametrize("error", [DataError("bad"), KeyboardInterrupt()])
def test_refused_before_it_began(error: BaseException) -> None:
    assert _run(error, begun=False) == []


@pytest.mark.parametrize(
    ("error", "begun", "status"),
    [
        (DataError("bad"), True, "failed"),
        (ZeroDivisionError("fault"), False, "failed"),
        (KeyboardInterrupt(), True, "interrupted"),
    ],
)
def test_broken_off(error: BaseException, begun: bool, status: str) -> None:
    (row,) = _run(error, begun=begun)
    assert row.status == status
    if status == "failed":
        assert row.metrics["error"] == f"{type(error).__name__}: {error}"


def test_versions_name_what_numbers_depend_on() -> None:
    assert {"python", "hyperx-cl", "torch", "numpy"} <= set(versions())
