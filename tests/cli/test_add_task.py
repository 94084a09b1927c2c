"""A new task from the command line: learnt, stored, used by every command, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
QUICK = (
    "--steps", "4", "--warmup", "1", "--check-every", "2", "--screen-steps", "1", "--max-tokens", "160",
    "--max-length", "40", "--precision", "fp32", "--device", "cpu",
)  # fmt: skip
LEARN = ("add-task", "letter", "--column", "xpos", *QUICK)
KEYS = [
    "schema_version", "model", "task", "hash", "labels", "column", "numbers", "start", "screened", "scores", "metric",
    "steps", "tokens", "seconds", "proof",
]  # fmt: skip


def test_learns_a_task_that_every_command_then_knows(cli: Cli, root: Path, stocked: Path) -> None:
    mark = cli("models", "show", "--json").data["model"]["fingerprint"]
    ended = cli(*LEARN, "--data-dir", root, "--json")
    assert ended.code == 0, ended.err
    told = ended.data
    assert list(told) == KEYS and told["proof"]["holds"]
    assert (told["labels"], set(told["scores"])) == (["A", "N", "P", "V"], {"en", "tr"})  # mt is not the model's
    assert list(told["screened"]) == ["mean", "mlm", "ner", "pos"]
    listed = cli("tasks", "list", "--json").data["tasks"]
    assert [(task["task"], task["method"]) for task in listed] == [
        ("letter", "task"), ("mlm", "joint"), ("ner", "joint"), ("pos", "joint"),
    ]  # fmt: skip
    model = cli("models", "show", "--json").data["model"]
    assert model["fingerprint"] == mark and [task["name"] for task in model["tasks"]] == ["letter"]
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["command"], run["status"], run["seed"]) == ("add-task", "done", 1)
    assert set(run["data_hashes"]) == {"letter:en", "letter:tr", "letter:en, dev", "letter:tr, dev"}
    assert run["config"]["add_task"]["steps"] == 4 and run["metrics"]["hash"] == told["hash"]
    assert not (stocked / "checkpoints" / "tiny-task-letter" / "checkpoint").exists()
    _use(cli, root, stocked)


def _use(cli: Cli, root: Path, home: Path) -> None:
    """Tag, score, and learn a pair of the new task; then it cannot be removed."""
    text = home / "text.txt"
    text.write_text("theing anon\n", encoding="utf-8")
    tagged = cli("tag", "--lang", "en", "--task", "letter", "--input", "words", "--device", "cpu", text)
    assert tagged.code == 0, tagged.err
    assert re.findall(r"Letter=([ANPV])", tagged.out) and tagged.out.count("Letter=") == 2
    scored = cli("evaluate", "--data-dir", root, "--task", "letter", "--format", "json", "--device", "cpu")
    assert scored.code == 0, scored.err
    scores = json.loads(scored.out)["scores"]
    assert [(s["task"], s["language"]) for s in scores] == [("letter", "en"), ("letter", "tr")]
    assert all(s["metric"] == "LETTER accuracy, syntactic words" for s in scores)
    few = ("--n", "16", "--folds", "2", "--rank", "4", "--epochs", "40", "--rate-embedding", "0.5", "--rate", "0.1")
    place = ("--data-dir", root, "--device", "cpu", "--precision", "fp32")
    learnt = cli("fewshot", "--lang", "tr", "--task", "letter", *few, *place, "--json")
    assert learnt.code == 0, learnt.err
    assert learnt.data["proof"]["holds"] and learnt.data["stored"], learnt.data["folds"]
    again = cli("tag", "--lang", "tr", "--device", "cpu", "--input", "words", text, "--json")  # a pair of a learnt task
    assert again.code == 0 and json.loads(again.out)["tasks"] == ["ner", "pos", "letter"]
    kept = cli("tasks", "remove", "letter", "--yes")
    assert kept.code == 4 and "tr of model 'tiny' hold something of their own for task 'letter'" in kept.err
    assert cli("languages", "use", "tr", "1").code == 0
    assert cli("tasks", "remove", "letter", "--dry-run").out == "would remove task letter from model tiny\n"
    assert cli("tasks", "remove", "letter", "--yes", "--json").data["removed"]["labels"] == ["A", "N", "P", "V"]
    assert cli("tasks", "list", "--quiet").out == "mlm\nner\npos\n"
    assert cli("tag", "--lang", "tr", "--task", "letter", text).code == 3


def test_words_without_a_feature_are_tagged_with_nothing(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    file = tmp_path / "number.conllu"
    text = (root / "ud" / "en" / "train.conllu").read_text()
    row = re.compile(r"^(\d+\t\S+\t_\t(\S+)\t\S+)\t_", re.M)
    file.write_text(row.sub(lambda m: f"{m[1]}\tNumber=Sing" if m[2] == "NOUN" else f"{m[1]}\t_", text))
    words = ("add-task", "number", "--column", "feats.Number", *QUICK, "--train", f"en={file}", "--dev", f"eng={file}")
    ended = cli(*words, "--steps", "40", "--rate", "0.1", "--start", "pos", "--no-vector", "--patience", "30")
    assert ended.code == 0, ended.err
    assert "number (2 labels: Sing none) is a task of model tiny now: started from pos, 40 steps" in ended.out
    assert "languages: " in ended.out and "afterwards unchanged" in ended.out and "bit-identical" in ended.out
    tagged = cli("tag", "--lang", "en", "--task", "number", "--device", "cpu", file)
    assert tagged.code == 0, tagged.err
    misc = [line.split("\t")[9] for line in tagged.out.splitlines() if "\t" in line]
    assert set(misc) <= {"_", "Number=Sing"} and "none" not in tagged.out and "_" in misc
    again = cli(*words)
    assert again.code == 4 and "task 'number' is already stored for model 'tiny': choose another name" in again.err


def test_an_interrupted_run_is_gone_on_with(
    cli: Cli, root: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hyperx_cl.train.add_task as recipe
    from hyperx_cl.train.stopping import Stopping

    words, until = (*LEARN, "--data-dir", root, "--lang", "en"), recipe._Learner._until_look
    calls: list[int] = []

    def interrupted(self: recipe._Learner, stopping: Stopping) -> None:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        until(self, stopping)

    monkeypatch.setattr(recipe._Learner, "_until_look", interrupted)
    ended = cli(*words)
    assert (ended.code, ended.out) == (130, "") and "Interrupted; go on with: hyperx-cl add-task " in ended.err
    monkeypatch.undo()
    monkeypatch.setenv("HYPERX_HOME", str(stocked))
    refused = cli(*words)
    assert refused.code == 4 and "An interrupted run of task 'letter' has left a checkpoint" in refused.err
    resumed = cli(*words, "--resume", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.data["steps"] == 4
    runs = cli("runs", "list", "--json").data["runs"]
    assert [(run["command"], run["status"]) for run in runs[:2]] == [("add-task", "done"), ("add-task", "interrupted")]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["letter", "--column", "xpos"], 2, "give either --data-dir DIR, or --train CODE=FILE"),
        (["a.b", "--column", "xpos", "--data-dir", "{root}"], 2, "'a.b' cannot name a task"),
        (["mlm", "--column", "xpos", "--data-dir", "{root}"], 4, "was trained for a task 'mlm' already"),
        (["pos", "--data-dir", "{root}"], 4, "model 'tiny' was trained for a task 'pos' already: choose another name"),
        (["letter", "--data-dir", "{root}"], 2, "say where the labels of letter stand, as in --column feats.Number"),
        (["letter", "--column", "xpo", "--data-dir", "{root}"], 2, "unknown column 'xpo' (did you mean 'xpos'"),
        (["x", "--column", "feats.Case", "--data-dir", "{root}"], 6, "has a x label in feats.Case"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--lang", "mt"], 3, "language 'mt' (Maltese) is not stored"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--labels", "A,N"], 6, "which task 'x' does not have"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--dev", "en={ud}"], 2, "--dev belongs to --train"),
        (["x", "--column", "xpos", "--train", "en={ud}", "--lang", "en"], 2, "--lang chooses in --data-dir"),
        (["x", "--column", "xpos", "--train", "{ud}"], 2, "is not of the form CODE=FILE"),
        (["x", "--column", "xpos", "--train", "en=/nowhere"], 3, "there is no file /nowhere"),
        (["x", "--column", "xpos", "--train", "en={ud}", "--train", "eng={ud}"], 2, "has a file already"),
        (["x", "--column", "xpos", "--train", "en={ud}"], 6, "There are no dev sentences to choose by"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--start", "y"], 2, "start 'y' is neither best, mean nor"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--rate", "0"], 2, "rate is 0"),
        (["x", "--column", "xpos", "--data-dir", "{root}", "--model", "tin"], 3, "no model 'tin'"),
    ],
)
def test_refused(
    cli: Cli, root: Path, stocked: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    places = {"root": root, "ud": root / "ud" / "en" / "train.conllu"}
    before = everything()
    ended = cli("add-task", *QUICK, *(word.format(**places) for word in words))
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before
