"""The whole path on real languages, by the commands of the benchmark, on the small backbone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BETWEEN = {".txt": ("\n", 60), ".conllu": ("\n\n", 30), ".conll": ("\n\n", 30)}
"""What stands between two sentences of a file, and how many of them are kept."""
LANGUAGES = ("ar", "en", "gn", "is", "kk", "tr", "ug", "zh")


@pytest.fixture
def beginnings(data_root: Path, tmp_path: Path) -> Path:
    """The first sentences of some languages' files: the whole path on all of them takes half an hour."""
    copy = tmp_path / "shared"
    for code in LANGUAGES:
        for file in (
            data_root / "mlm" / f"{code}.txt",
            *data_root.glob(f"ud/{code}/*"),
            *data_root.glob(f"ner/{code}/*"),
        ):
            begin = copy / "data" / file.relative_to(data_root)
            begin.parent.mkdir(parents=True, exist_ok=True)
            between, count = BETWEEN[file.suffix]
            sentences = file.read_text(encoding="utf-8").split(between)[:count]
            begin.write_text(between.join([*sentences, ""]), encoding="utf-8")
    return copy


@pytest.mark.real
def test_train_add_fewshot_evaluate_on_real_languages(beginnings: Path, small_backbone: Path, tmp_path: Path) -> None:
    words = ["--backbone", "small", "--data", str(beginnings)]
    command = [*words, "--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    places = {"HYPERX_TEST_BACKBONES": str(small_backbone.parent), "PYTHONPATH": str(ROOT)}
    environment = {**os.environ, **places}

    def run() -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "benchmarks.real_path", *command]
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500)

    first = run()
    assert first.returncode == 0, first.stderr
    result = json.loads((tmp_path / "real_path_small.json").read_text(encoding="utf-8"))
    assert set(result["added"]) == {"ug"}
    for code, added in result["added"].items():
        assert added["proof"]["holds"], code
        assert added["losses"]["learnt"] < min(added["losses"]["mean"], added["losses"]["nearest"]), code
    for few in result["fewshot"].values():
        assert few["proof"]["holds"] and len(few["digests"]) == 20
    scored = {(s["task"], s["language"]) for s in result["scores"]["all pairs"]}
    assert {(task, code) for task in ("pos", "ner") for code in ("ug", "gn")} == scored
    runs = result["runs"]
    assert {run["command"] for run in runs} == {"train", "add-language", "fewshot", "evaluate"}
    assert all(run["data_hashes"] and run["config"] and run["status"] == "done" for run in runs)
    assert str(tmp_path) not in (tmp_path / "real_path_small.json").read_text(encoding="utf-8")
    assert "| learnt |" in (tmp_path / "real_path_small.md").read_text(encoding="utf-8")

    again = run()  # everything is kept: nothing runs twice
    assert again.returncode == 0 and "==" not in again.stderr
