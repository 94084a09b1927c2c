"""What a redo does not carry over is told, with the command to type."""

from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.task_record import TaskRecord
from tests.cli.conftest import Cli

REDO = ("languages", "redo", "--model", "anew", "--from", "old", "--dry-run", "--json")
OLD = "cd" * 32


@pytest.fixture
def old(twofold: Path) -> Registry:
    """A model `old` with a base language that `anew` does not have, made by `fewshot --full`."""
    registry = Registry.open()
    known = registry.model("tiny")
    moved = {"language": "tr", "task": "pos", "sentences": ["a", "b"]}
    config = {**known.config, "languages": ["en", "ga"], "fewshot": moved}
    registry.add_model("old", OLD, "/models/gone", known.backbone, config)
    vector = np.ones(64, np.float32)
    registry.add_language(LanguageRecord("ga", OLD, {"embedding": vector}, {"method": "joint"}))
    return registry


def test_a_moved_hypernetwork_and_base_languages(cli: Cli, old: Registry) -> None:
    ended = cli(*REDO)
    assert ended.code == 0 and ended.data["languages"] == []
    first, second = ended.data["left"]
    assert first["what"] == "the hypernetwork of old" and first["why"] == "fewshot --full has moved it"
    assert first["command"].startswith("hyperx-cl fewshot --full --model anew --lang tr --task pos --n 2 ")
    assert second == {
        "what": "language ga", "why": "a base language that anew was not trained on",
        "command": "hyperx-cl add-language ga --model anew --mlm FILE",
    }  # fmt: skip
    shown = cli(*REDO[:-1]).out
    assert "not carried over:\n" in shown and "\thyperx-cl add-language ga --model anew --mlm FILE\n" in shown


def test_a_task_and_what_has_learnt_in_it_from_its_own_labels(cli: Cli, old: Registry, root: Path) -> None:
    tensors = {"embedding": np.ones(64, np.float32), "head.weight": np.ones((2, 32), np.float32)}
    tensors["head.bias"] = np.ones(2, np.float32)
    record = TaskRecord(
        name="letter", model=OLD, kind="words", labels=("A", "B"), column="xpos", label_map={"C": "B"},
        tensors=tensors, provenance={"method": "task"},
    )  # fmt: skip
    task = old.add_task(record)
    told = {"method": "mlm", "self_training": {"letter": {}, "pos": {}}}
    old.add_language(LanguageRecord("mt", OLD, {"embedding": np.zeros(64, np.float32)}, told))
    left = {one["what"]: one["command"] for one in cli(*REDO).data["left"]}
    assert left["task letter"] == (
        "hyperx-cl add-task letter --model anew --column xpos --labels A,B --label-map C=B --data-dir DIR"
    )
    assert left["letter of mt"].startswith("hyperx-cl add-task letter --model anew")
    assert not any(what.startswith("pos") for what in left)
    files = {"train": {"en": "/a b/x.conllu"}, "dev": {}}
    run = old.start_run("add-task", {"add_task": {"seed": 4, "vector": False}, "languages": ["en"], **files}, 4, {}, {})
    old.finish_run(run, "done", {"hash": task.hash})
    left = {one["what"]: one["command"] for one in cli(*REDO).data["left"]}
    assert left["task letter"].endswith("--label-map C=B --train 'en=/a b/x.conllu' --no-vector --seed 4")
