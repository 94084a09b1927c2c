"""Base training from the command line: the plan, the model in the registry, and what is refused before anything."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import POS
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.registry.store import Registry
from tests.backbone_types import SITE
from tests.cli.conftest import STEPS, TINY, Cli

Picture = Callable[[], dict[str, bytes]]


@pytest.mark.usefixtures("stocked")
def test_model_and_base_languages_are_in_the_registry(root: Path) -> None:
    with Registry.open(readonly=True) as registry:
        model = registry.model()
        stored = registry.languages()
        (run,) = registry.list_runs()
    assert (model.name, model.default) == ("tiny", True)
    assert [task["name"] for task in model.config["tasks"]] == ["mlm", "ner", "pos"]
    assert [(s.language, s.version, s.method) for s in stored] == [("en", 1, "joint"), ("tr", 1, "joint")]
    assert stored[0].provenance["steps"] == 4
    assert set(stored[0].provenance["scores"]) == {"mlm", "ner", "pos"}
    assert (run.command, run.status, run.seed) == ("train", "done", 1)
    assert run.config["train"]["steps"] == 4
    assert run.config["threads"] >= 1
    assert {"torch", "python"} <= set(run.versions)
    pairs = {f"{task}:{code}" for task in ("mlm", "ner", "pos") for code in ("en", "tr")}
    assert set(run.data_hashes) == pairs and len(set(run.data_hashes.values())) == len(pairs)
    assert run.data_hashes["pos:en"] == content_hash(DataRoot(root).load(POS, "en", "train"))


def test_dry_run_prints_the_plan_and_writes_nothing(cli: Cli, root: Path, tiny_backbone: Path, home: Path) -> None:
    ended = cli(
        "train", "--backbone", tiny_backbone, "--data-dir", root, "--dry-run", "--json", "--mlm", "none",
        "--pos", "eng", "--task", "xpos=en,tr", "--leave-out", "mt", *TINY,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert set(ended.data) == {
        "schema_version", "name", "output_dir", "backbone", "pairs", "labels", "languages", "parameters",
    }  # fmt: skip
    pairs = {(pair["task"], pair["language"]): (pair["count"], pair["unit"]) for pair in ended.data["pairs"]}
    wanted = [("pos", "en"), ("ner", "en"), ("ner", "tr"), ("xpos", "en"), ("xpos", "tr")]
    assert pairs == {pair: (30, "sentences") for pair in wanted}
    assert ended.data["labels"]["xpos"] == ["A", "N", "P", "V"]
    assert ended.data["parameters"]["total"] == sum(v for k, v in ended.data["parameters"].items() if k != "total")
    assert list(home.iterdir()) == []


def test_column_and_label_map(cli: Cli, root: Path, tiny_backbone: Path) -> None:
    ended = cli(
        "train", "--backbone", tiny_backbone, "--data-dir", root, "--dry-run", "--json", "--pos", "none",
        "--mlm", "none", "--ner", "none", "--task", "coarse=en", "--column", "upos", "--label-map", "coarse:ADJ=NOUN",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.data["labels"] == {"coarse": ["NOUN", "PUNCT", "VERB"]}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--data-dir", "{root}"], 2, "--backbone is missing"),
        (["--backbone", "{backbone}"], 2, "there is nothing to train on: name languages with"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--warmup", "9", "--steps", "5"], 2, "warmup (9) must"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--preset", "paper-bas"], 2, "did you mean 'paper-base'"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--pos", "q-x"], 3, "is not a language code"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--pos", "kk"], 3, "nothing to train pos in kk"),
        (["--backbone", "{backbone}", "--data-dir", "/nowhere"], 3, "/nowhere is no data root"),
        (["--backbone", "/nowhere", "--data-dir", "{root}"], 3, "no backbone folder /nowhere"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--task", "xpos"], 2, "is not of the form NAME"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--column", "xpos"], 2, "say for which task"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--leave-out", "en,tr,mt"], 2, "nothing to train"),
        (["--backbone", "/nowhere", "--data-dir", "{root}", "--task-shares", "poss=0.5"], 2, "names the task 'poss'"),
        (["--backbone", "/nowhere", "--data-dir", "{root}", "--temperature", "0.5"], 2, "temperature is 0.5; it must"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--max-length", "900", "--max-tokens", "999"], 2,
         "reads at most"),
        (["--backbone", "{backbone}", "--data-dir", "{root}", "--name", "tiny"], 4, "the name 'tiny' belongs to"),
    ],
)  # fmt: skip
def test_refused_before_anything_is_written(
    cli: Cli, words: list[str], code: int, sentence: str, root: Path, tiny_backbone: Path, stocked: Path,
    everything: Picture,
) -> None:  # fmt: skip
    before = everything()
    ended = cli("train", *(word.format(root=root, backbone=tiny_backbone) for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
    assert ended.err.count("\n") == 1
    assert everything() == before
    assert {path.name for path in stocked.iterdir() if "registry.sqlite3" not in path.name} <= {"cache"}


def test_malformed_training_file_is_named_with_its_line_and_leaves_nothing(
    cli: Cli, tmp_path: Path, tiny_backbone: Path, home: Path, everything: Picture
) -> None:
    bad = tmp_path / "ud" / "en" / "train.conllu"
    bad.parent.mkdir(parents=True)
    bad.write_text("1\tword\t_\tNOUN\n\n")
    cli("models", "use", "none")  # makes the registry
    before = everything()
    ended = cli("train", "--backbone", tiny_backbone, "--data-dir", tmp_path, *TINY, *STEPS)
    assert ended.code == 6
    assert f"{bad}, line 1: a CoNLL-U row has 10 columns" in ended.err
    assert everything() == before


def test_a_run_in_the_folder_is_not_overwritten(cli: Cli, root: Path, tiny_backbone: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    ended = cli("train", "--backbone", tiny_backbone, "--data-dir", root, "--output-dir", tmp_path)
    assert ended.code == 4
    assert "already holds a run: go on with --resume" in ended.err
    assert cli("models", "list", "--quiet").out == ""


def test_toml_file_and_flags_go_together(cli: Cli, root: Path, tiny_backbone: Path, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[model]\nprojected = 3\n[train]\nsteps = 2\nwarmup = 0\nvalidate_every = 2\n")
    words = ("train", "--backbone", tiny_backbone, "--data-dir", root, "--config", file, "--mlm", "en", "--pos", "en")
    ended = cli(*words, "--ner", "none", "--bottleneck", "2", "--name", "two", "--json", "--precision", "fp32")
    assert ended.code == 0, ended.err
    assert list(ended.data) == [
        "schema_version", "model", "path", "languages", "fingerprint", "chosen", "steps", "tokens", "seconds",
        "tokens_per_second", "peak_share", "scores",
    ]  # fmt: skip
    assert (ended.data["steps"], ended.data["languages"]) == (2, ["en"])
    assert ended.data["path"] == str(home / "models" / "two")
    shown = cli("models", "show", "two", "--json").data["model"]["config"]
    assert (shown["model"]["projected"], shown["model"]["bottleneck"]) == (3, 2)
    file.write_text("[train]\nstep = 2\n")
    refused = cli(*words)
    assert refused.code == 2
    assert "unknown key train.step (did you mean 'steps'" in refused.err


@pytest.fixture
def words(tiny_backbone: Path, root: Path) -> list[str | Path]:
    """What the model `tiny` was trained with, but for its name and folder."""
    data: list[str | Path] = ["--backbone", tiny_backbone, "--data-dir", root, "--leave-out", "mt", "--device", "cpu"]
    return ["train", *data, *TINY, *STEPS]


def test_resuming_a_finished_run_says_so_and_changes_nothing(
    cli: Cli, words: list[str | Path], trained: Path, stocked: Path, everything: Picture
) -> None:
    words += ["--name", "tiny", "--output-dir", trained / "models" / "x" / ".." / "tiny"]
    again = cli(*words)
    assert again.code == 4 and "the name 'tiny' belongs to the finished model in" in again.err
    before = everything()
    ended = cli(*words, "--resume", "--json")
    assert ended.code == 0, ended.err
    assert "is finished, and its model is in the registry: nothing is left to do." in ended.err
    kept = cli("models", "show", "--json").data["model"]
    assert list(ended.data) == [
        "schema_version", "model", "path", "languages", "fingerprint", "chosen", "steps", "tokens", "seconds",
        "tokens_per_second", "peak_share", "scores",
    ]  # fmt: skip
    assert (ended.data["fingerprint"], ended.data["steps"]) == (kept["fingerprint"], 4)
    assert f"fingerprint {kept['fingerprint']}" in cli(*words, "--resume").out
    for flags, named in ((["--steps", "9"], "steps"), (["--pos", "en", "--ner", "en", "--mlm", "en"], "languages")):
        other = cli(*words, "--resume", *flags)
        assert other.code == 4
        assert f"the run of model 'tiny' is finished, and had another {named}: choose another --name" in other.err
    assert everything() == before


def test_a_model_whose_folder_is_gone_keeps_its_name(
    cli: Cli, words: list[str | Path], stocked: Path, everything: Picture
) -> None:
    with Registry.open() as registry:
        known = registry.model("tiny")
        registry.add_model("lost", "cd" * 32, stocked / "models" / "lost", known.backbone, known.config)
    before = everything()
    for flags in ([], ["--resume"]):
        ended = cli(*words, "--name", "lost", *flags)
        assert (ended.code, ended.out) == (4, "")
        assert "the name 'lost' belongs to a model that is not in" in ended.err
    assert everything() == before


def test_a_finished_run_is_kept_whole_or_not_at_all(
    cli: Cli, words: list[str | Path], trained: Path, tmp_path: Path, home: Path
) -> None:
    """A crash between a model and its second language; then the run is gone on with, which has only to be kept."""
    shutil.copytree(trained / "models" / "tiny", tmp_path / "copy")
    words += ["--name", "again", "--output-dir", tmp_path / "copy", "--resume"]
    Registry.open().close()
    crash = "SELECT RAISE(ABORT, 'power is out')"
    once = f"CREATE TRIGGER t BEFORE INSERT ON versions WHEN (SELECT count(*) FROM versions) = 1 BEGIN {crash}; END"
    with closing(sqlite3.connect(home / "registry.sqlite3")) as connection, connection:
        connection.execute(once)
    ended = cli(*words)
    assert ended.code == 1 and "power is out" in ended.err
    with closing(sqlite3.connect(home / "registry.sqlite3")) as connection, connection:
        for table in ("models", "languages", "versions", "blobs"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        connection.execute("DROP TRIGGER t")
    ended = cli(*words, "--json")
    assert ended.code == 0, ended.err
    with Registry.open(str(trained / "registry.sqlite3"), readonly=True) as registry:
        assert ended.data["fingerprint"] == registry.model("tiny").fingerprint
    assert cli("languages", "list", "--quiet").out == "en\ntr\n"
    assert [run["status"] for run in cli("runs", "list", "--json").data["runs"]] == ["done", "failed"]


def test_a_backbone_of_another_type_by_a_site_of_ones_own(
    cli: Cli, root: Path, typed_backbone: Callable[[str], Path], tmp_path: Path
) -> None:
    words = ["train", "--backbone", typed_backbone("mpnet"), "--data-dir", root, "--output-dir", tmp_path / "out"]
    words += [*TINY, *STEPS]
    refused = cli(*words)
    assert refused.code == 2 and "is of type 'mpnet', which has no table of adapter seats here" in refused.err
    ended = cli(*words, "--adapter-site", SITE, "--name", "seated", "--json")
    assert ended.code == 0, ended.err
    text = tmp_path / "text.txt"
    text.write_text("the cat\n")
    tagged = cli("tag", "--lang", "en", "--task", "pos", "--model", "seated", text)
    assert tagged.code == 0 and len(tagged.out.splitlines()) >= 2, tagged.err


@pytest.mark.parametrize("kind", ["distilbert", "electra", "modernbert", "deberta-v2"])
def test_a_dry_run_and_info_count_what_a_model_of_any_type_trains(
    cli: Cli, root: Path, typed_backbone: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    words = ["train", "--backbone", typed_backbone(kind), "--data-dir", root, "--output-dir", tmp_path / "out"]
    words += [*TINY, *STEPS]
    planned = cli(*words, "--dry-run", "--json").data["parameters"]
    assert cli(*words).code == 0
    model = HyperX.from_pretrained(tmp_path / "out", backbone=str(typed_backbone(kind)))
    trained = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("heads."))
    assert planned["total"] == trained
    assert cli("info", "--json").data["parameters"] == planned
