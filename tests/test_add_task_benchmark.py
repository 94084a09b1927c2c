"""The benchmark of a new task runs on a tiny model, and goes on where it was stopped."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import add_task as benchmark
from tests.model.building import build

NUMBERS = {"kat": "Number=Sing", "kats": "Number=Plur", "eats": "_"}


def _root(folder: Path) -> Path:
    block = "".join(f"{i}\t{w}\t_\tX\t_\t{f}\t_\t_\t_\t_\n" for i, (w, f) in enumerate(NUMBERS.items(), 1)) + "\n"
    for code in (*benchmark.LEARNT, *benchmark.ZERO_SHOT):
        (folder / "ud" / code).mkdir(parents=True)
        for split in ("train", "dev", "test"):
            (folder / "ud" / code / f"{split}.conllu").write_text(block * 3)
    return folder


def test_rows_controls_and_differences(
    tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tiny_backbone, languages=["ar", "en", "tr"]).save_pretrained(tmp_path / "model")
    words = [
        "add_task", "--model", tmp_path / "model", "--backbone", tiny_backbone, "--data-dir", _root(tmp_path / "data"),
        "--steps", "12", "--work", tmp_path / "work", "--results", tmp_path,
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    benchmark.main()
    first = (tmp_path / "add_task.json").read_text(encoding="utf-8")
    result = json.loads(first)
    assert set(result["rows"]) == set(benchmark.ROWS) and all(row["proof"] for row in result["rows"].values())
    assert result["rows"]["vector and head"]["learnt"] == ["vector", "head"]
    assert result["rows"]["head on the POS vector"]["start"] == "pos"
    majority = result["majority"]
    assert majority[benchmark.ALL]["hsb"] == pytest.approx(1 / 3) and majority[benchmark.MARKED]["hsb"] == 0.5
    assert set(result["differences"][benchmark.MARKED]) == {"head on the POS vector", "head on the mean vector"}
    assert "| vector and head |" in (tmp_path / "add_task.md").read_text(encoding="utf-8")
    assert str(tmp_path) not in first
    benchmark.main()  # everything is there: only the tables are written again
    assert (tmp_path / "add_task.json").read_text(encoding="utf-8") == first
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--seed", "2"])
    with pytest.raises(SystemExit, match="was made with other options or data"):
        benchmark.main()
    capsys.readouterr()
