"""Base training from files to a model: resumable at any moment, refusing what does not fit; test splits stay shut."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.config import ModelOptions, TrainOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS, Task
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.corpora import Validator, load_corpora
from hyperx_cl.train.joint import Trained, groups
from tests.model.building import build
from tests.train.small_root import LANGUAGES, MODEL, RUN, TASKS, run, write_root

ROOT = Path(__file__).parents[2]


class Stop(Exception):
    """Raised by a reporter, as Ctrl-C would be."""


class Stopping:
    """A reporter that stops the run when something is said."""

    def __init__(self, word: str) -> None:
        self.word = word

    def step(self, done: int, text: str) -> None:
        """Go on."""

    def say(self, text: str) -> None:
        """Stop at the word."""
        if self.word in text:
            raise Stop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def whole(root: Path, tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    """A run with dropout that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return run(tiny_backbone, root, out, model=_with_dropout()), out


def test_a_run_ends_with_a_model_that_loads_and_a_log(
    whole: tuple[Trained, Path], tiny_backbone: Path, root: Path
) -> None:
    trained, out = whole
    assert (trained.steps, trained.tokens > 500, trained.seconds > 0) == (30, True, True)
    assert trained.tokens_per_second > 0 and trained.peak_share > 0
    assert set(trained.data) == {"mlm:en", "mlm:mt", "ner:en", "pos:en", "pos:mt"}
    loaded = HyperX.from_pretrained(out, backbone=str(tiny_backbone))
    assert loaded.fingerprint() == trained.fingerprint == trained.model.fingerprint()
    encoder = Encoder(loaded.tokenizer, max_length=24)
    corpora, _ = load_corpora(DataRoot(root), TASKS, LANGUAGES, encoder, validation_sentences=6, seed=1)
    assert Validator(loaded, corpora, encoder).scores() == trained.scores
    assert [line["kind"] for line in _log(out)] == ["start", "validation", "validation", "step", "validation", "end"]


@pytest.mark.parametrize("word", ["step 10:", "step 20:", "step 30:"])
def test_stopped_and_resumed_is_as_never_stopped(
    word: str, whole: tuple[Trained, Path], tiny_backbone: Path, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        run(tiny_backbone, root, tmp_path, model=_with_dropout(), reporter=Stopping(word))
    assert not (tmp_path / "model.safetensors").exists()
    torch.manual_seed(99)
    resumed = run(tiny_backbone, root, tmp_path, model=_with_dropout(), resume=True)
    assert resumed.fingerprint == whole[0].fingerprint
    assert (resumed.scores, resumed.chosen, resumed.tokens) == (whole[0].scores, whole[0].chosen, whole[0].tokens)
    starts = [line["resumed_at"] for line in _log(tmp_path) if line["kind"] == "start"]
    assert starts == [0, {"step 10:": 7, "step 20:": 14, "step 30:": 28}[word]]


def test_a_finished_run_resumed_says_the_same_again(
    whole: tuple[Trained, Path], tiny_backbone: Path, root: Path
) -> None:
    again = run(tiny_backbone, root, whole[1], model=_with_dropout(), resume=True)
    assert (again.fingerprint, again.scores, again.steps) == (whole[0].fingerprint, whole[0].scores, 30)


def test_tasks_and_languages_in_another_order_are_the_same_run(
    whole: tuple[Trained, Path], tiny_backbone: Path, root: Path, tmp_path: Path
) -> None:
    tasks = {"mlm": MLM, "ner": NER, "pos": POS}
    languages = {"mlm": ["mt", "en"], "pos": ["mt", "en"], "ner": ["en"]}
    with pytest.raises(Stop):
        run(tiny_backbone, root, tmp_path, model=_with_dropout(), reporter=Stopping("step 10:"))
    other = run(tiny_backbone, root, tmp_path, model=_with_dropout(), resume=True, tasks=tasks, languages=languages)
    assert other.fingerprint == whole[0].fingerprint


@pytest.mark.parametrize(
    ("changes", "section"),
    [
        ({"rate": 1e-3}, "train"),
        ({"model": ModelOptions(embedding=8, source_hidden=12, projected=8, bottleneck=9)}, "model"),
        ({"tasks": {"pos": POS, "mlm": MLM}, "languages": {"pos": ["en"], "mlm": ["en"]}}, "tasks"),
        ({"languages": {**LANGUAGES, "mlm": ["en"]}}, "data"),
    ],
)
def test_a_resume_with_other_settings_is_refused(
    whole: tuple[Trained, Path], tiny_backbone: Path, root: Path, changes: dict[str, Any], section: str
) -> None:
    before = _files(whole[1])
    with pytest.raises(ConflictError, match=rf"was made with another \[{section}\]; resume with the settings"):
        run(tiny_backbone, root, whole[1], resume=True, **({"model": _with_dropout()} | changes))
    assert _files(whole[1]) == before


def test_a_resume_with_another_dev_file_is_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    root = write_root(tmp_path / "root")
    with pytest.raises(Stop):
        run(tiny_backbone, root, tmp_path / "out", reporter=Stopping("step 10:"))
    dev = root / "ud" / "en" / "dev.conllu"
    dev.write_text(dev.read_text(encoding="utf-8").replace("cat", "dog"), encoding="utf-8")
    with pytest.raises(ConflictError, match=r"was made with another \[validation\]"):
        run(tiny_backbone, root, tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("shares", "said"), [("mlm=0.5,poss=0.2", "did you mean 'pos'"), ("mlm=0.5,pos=0.2,ner=0.2", "make it 1")]
)
def test_shares_that_fit_no_tasks_are_refused_before_anything_is_read(
    shares: str, said: str, root: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        run(tiny_backbone, root, tmp_path / "out", task_shares=shares)
    assert not (tmp_path / "out").exists()


def test_no_batch_has_more_rows_than_asked_for(root: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    run(tiny_backbone, root, tmp_path / "few", max_rows=2, steps=10)
    run(tiny_backbone, root, tmp_path / "many", steps=10)
    few, many = (_log(tmp_path / name)[-1]["tokens"] for name in ("few", "many"))
    assert few <= 10 * 2 * RUN["max_length"] and few < many


def test_a_folder_in_use_is_refused(
    whole: tuple[Trained, Path], tiny_backbone: Path, root: Path, tmp_path: Path
) -> None:
    before = _files(whole[1])
    with pytest.raises(ConflictError, match="already holds a run; go on with --resume or choose another --output-dir"):
        run(tiny_backbone, root, whole[1])
    assert _files(whole[1]) == before
    whole[0].model.save_pretrained(tmp_path)
    with pytest.raises(ConflictError, match="already holds a model and nothing to go on from"):
        run(tiny_backbone, root, tmp_path, resume=True)


def test_the_loss_falls_and_words_are_learnt(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    trained = run(tiny_backbone, root, tmp_path, steps=200, validate_every=200, checkpoint_every=200)
    steps = [line for line in _log(tmp_path) if line["kind"] == "step"]
    assert [line["step"] for line in steps] == [50, 100, 150, 200]
    for task in ("loss_pos", "loss_mlm", "loss_ner"):
        assert steps[-1][task] < steps[1][task] < steps[0][task]
    assert steps[-1]["loss_pos"] < 0.6 * steps[0]["loss_pos"]
    assert trained.scores[Pair("pos", "en")] > 0.6 and trained.scores[Pair("pos", "mt")] > 0.6


def test_without_any_validation_data_the_last_step_is_kept(tiny_backbone: Path, tmp_path: Path) -> None:
    root = write_root(tmp_path / "root")
    (root / "ud" / "en" / "dev.conllu").unlink()
    trained = run(tiny_backbone, root, tmp_path / "out", tasks={"pos": POS}, languages={"pos": ["en"]}, average_last=1)
    assert trained.scores == {} and trained.chosen == "step 30"


def test_a_task_gets_its_labels_from_the_files(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    task = Task("pos", "words", label_map={"PUNCT": "X"})
    trained = run(tiny_backbone, root, tmp_path, tasks={"pos": task}, languages={"pos": ["en"]}, steps=3, warmup=0)
    assert trained.model.tasks["pos"].labels == ("DET", "NOUN", "VERB", "X")
    assert HyperX.from_pretrained(tmp_path, backbone=str(tiny_backbone)).tasks == trained.model.tasks


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"languages": {"pos": ["fo"]}}, NotFoundError, "no training file for pos in 'fo'.*pos has en, mt"),
        ({"languages": {"mlm": ["fo"]}}, NotFoundError, "no text for 'fo' under"),
        ({"task_shares": "mlm=0.5,chunks=0.5"}, UsageError, "task 'chunks', which is not trained"),
        ({"tasks": {"pos": Task("pos", "words", ("NOUN",))}, "languages": {"pos": ["en"]}}, DataError, "'DET'"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_no_run(
    tiny_backbone: Path, root: Path, tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(tiny_backbone, root, tmp_path, **changes)
    assert not (tmp_path / "checkpoint").exists() and not (tmp_path / "log.jsonl").exists()


def test_groups_hold_every_trained_tensor_once_at_its_own_rate(tiny_backbone: Path) -> None:
    model = build(tiny_backbone, language_part=2)
    found = {id(p): group.rate for group in groups(model, TrainOptions()) for p in group.parameters}
    rates = {name: found.pop(id(p)) for name, p in model.named_parameters()}
    assert not found
    vectors = {name for name, rate in rates.items() if rate == TrainOptions().rate_embedding}
    assert vectors == {
        "hypernetwork.layer_embeddings",
        *(f"task_embeddings.{task}" for task in ("mlm", "ner", "pos")),
        *(f"base.{code}.own.embedding" for code in ("en", "mt", "ug")),
    }
    assert [n for n, rate in rates.items() if rate == TrainOptions().rate_generator] == [
        "hypernetwork.generator.weight"
    ]
    assert rates["norms.embeddings/LayerNorm.weight"] == rates["heads.mlm.bias"] == TrainOptions().rate


def test_backbone_is_the_same_afterwards(whole: tuple[Trained, Path], tiny_backbone: Path) -> None:
    used = whole[0].model.backbone
    fresh = load_backbone(str(tiny_backbone))
    for (name, after), before in zip(used.encoder.named_parameters(), fresh.encoder.parameters(), strict=True):
        assert torch.equal(after, before), name


def test_a_hypernetwork_that_does_not_learn_stays_as_it_was_drawn(
    tiny_backbone: Path, root: Path, tmp_path: Path
) -> None:
    short, still = (
        run(tiny_backbone, root, tmp_path / str(steps), steps=steps, warmup=1, train_hypernetwork=False).model
        for steps in (2, 12)
    )
    before = short.saved_tensors()
    moved = {name for name, value in still.saved_tensors().items() if not torch.equal(value, before[name])}
    drawn = {n for n in before if n.startswith(("hypernetwork.", "task_embeddings.")) or n.endswith(".embedding")}
    assert drawn and not moved & drawn and {"heads.pos.weight"} <= moved


@pytest.mark.slow
def test_two_processes_train_one_model(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom tests.train.small_root import run\n"
        "trained = run(*map(Path, sys.argv[1:4]))\n"
        "mark = Path(sys.argv[3]) / ('mark-' + os.environ['RANK'])\n"  # what both print may end up in one line
        "mark.write_text(f'{trained.fingerprint} {trained.steps}')\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(script)]
    done = subprocess.run(
        [*command, str(tiny_backbone), str(root), str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True,
        env=_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    marks = [(tmp_path / "out" / f"mark-{rank}").read_text().split() for rank in range(2)]
    loaded = HyperX.from_pretrained(tmp_path / "out", backbone=str(tiny_backbone))
    assert marks == [[loaded.fingerprint(), "30"]] * 2
    alone = run(tiny_backbone, root, tmp_path / "alone")
    kept = json.loads((tmp_path / "out" / "checkpoint" / "state.json").read_text())
    assert kept["sampler"]["number"] == 60 and kept["tokens"] > 1.5 * alone.tokens


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}


def _with_dropout() -> ModelOptions:
    return ModelOptions(**(MODEL.__dict__ | {"dropout": True}))


def _log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".npz"}
