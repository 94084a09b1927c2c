"""Snapshots: which are kept, which is chosen, and what is forgotten on a resume."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hyperx_cl.train.snapshots import Snapshots


def _kept(folder: Path) -> list[int]:
    return sorted(int(file.stem.removeprefix("step-")) for file in folder.glob("*.safetensors"))


def _filled(folder: Path, scores: list[float], *, last: int) -> Snapshots:
    snapshots = Snapshots(folder, last=last)
    for number, score in enumerate(scores, 1):
        snapshots.add(10 * number, score, {"w": torch.tensor([float(number)])})
    return snapshots


def _refuse(_tensors: Mapping[str, Tensor]) -> float:
    raise AssertionError("nothing is to be averaged")


def test_the_best_and_the_last_ones_are_kept(tmp_path: Path) -> None:
    _filled(tmp_path, [0.1, 0.9, 0.3, 0.2, 0.4], last=2)
    assert _kept(tmp_path) == [20, 40, 50]


def test_the_best_is_chosen_where_the_average_is_worse(tmp_path: Path) -> None:
    chosen = _filled(tmp_path, [0.1, 0.9, 0.3, 0.2], last=2).choose(lambda _: 0.8)
    assert (chosen.what, chosen.score, chosen.tensors["w"].item()) == ("step 20", 0.9, 2.0)


def test_the_average_is_chosen_where_it_is_as_good(tmp_path: Path) -> None:
    seen: list[float] = []

    def score_of(tensors: Mapping[str, Tensor]) -> float:
        seen.append(tensors["w"].item())
        return 0.9

    chosen = _filled(tmp_path, [0.1, 0.9, 0.3, 0.2], last=3).choose(score_of)
    assert (chosen.what, chosen.score, chosen.tensors["w"].item()) == ("average of steps 20, 30, 40", 0.9, 3.0)
    assert seen == [3.0]


def test_one_snapshot_is_not_averaged_and_the_later_of_equals_wins(tmp_path: Path) -> None:
    assert _filled(tmp_path, [0.0, 0.0, 0.0], last=1).choose(_refuse).what == "step 30"


def test_a_resume_forgets_what_comes_again(tmp_path: Path) -> None:
    _filled(tmp_path, [0.5, 0.2, 0.9], last=2)
    again = Snapshots(tmp_path, last=2)
    assert again.scores == {10: 0.5, 20: 0.2, 30: 0.9}
    again.forget_after(25)
    assert again.scores == {20: 0.2}  # the first one's file went when a better one came
    assert Snapshots(tmp_path, last=2).scores == {20: 0.2}
    again.add(30, 0.1, {"w": torch.zeros(1)})
    assert again.best == 20 and _kept(tmp_path) == [20, 30]


def test_a_process_that_does_not_write_remembers_the_scores(tmp_path: Path) -> None:
    writer, other = Snapshots(tmp_path, last=2), Snapshots(tmp_path, last=2, writes=False)
    for step, score in ((10, 0.4), (20, 0.3)):
        for snapshots in (writer, other):
            snapshots.add(step, score, {"w": torch.ones(1)})
    assert writer.choose(lambda _: 0.0).what == other.choose(lambda _: 0.0).what == "step 10"
