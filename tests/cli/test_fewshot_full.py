"""`fewshot --full`: a new model with all languages and tasks carried over, harm told, and the old model untouched."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.cli.adding import learnt
from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.examples import content_hash
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
PLACE = ("--precision", "fp32", "--device", "cpu")
FULL = ("fewshot", "--full", "--lang", "tr", "--task", "pos", "--n", "6", "--full-epochs", "3", *PLACE)
KEYS = [
    "schema_version", "model", "path", "fingerprint", "made_from", "language", "task", "before", "after", "metric",
    "measured_on", "others", "macro_difference", "moved", "languages", "tasks", "loss", "steps", "digests", "seconds",
    "proof",
]  # fmt: skip


def kept(name: str) -> dict[str, Any]:
    """All numbers, hashes and facts that the registry has of a model, and its files."""
    with Registry.open(readonly=True) as registry:
        model = registry.model(name)
        languages = [registry.language(stored.language, name) for stored in registry.languages(name)]
        return {
            "model": model,
            "history": [registry.history(one.stored.language, name) for one in languages],
            "tensors": {one.stored.language: {k: v.tobytes() for k, v in one.record.tensors.items()}
                        for one in languages},
            "tasks": [stored.hash for stored in registry.tasks(name)],
            "files": {path.name: path.read_bytes() for path in Path(model.path).iterdir() if path.is_file()},
        }  # fmt: skip


@pytest.fixture
def grown(cli: Cli, root: Path, stocked: Path) -> Path:
    """The registry with a language and a task that came after base training, and with something of a pair's own."""
    assert cli("add-language", "mt", "--like", "en,tr", "--source", "a", "--licence", "CC0-1.0").code == 0
    few = ("--n", "6", "--folds", "2", "--rank", "2", "--epochs", "30", "--rate-embedding", "0.5", *PLACE)
    assert cli("fewshot", "--lang", "tr", "--task", "pos", *few, "--data-dir", root).code == 0
    task = ("add-task", "letter", "--column", "xpos", "--steps", "2", "--warmup", "1", "--screen-steps", "1", *PLACE)
    assert cli(*task, "--data-dir", root, "--lang", "en").code == 0
    return stocked


def test_makes_a_model_with_all_that_the_other_has_and_measures_harm(
    cli: Cli, root: Path, grown: Path, tmp_path: Path
) -> None:
    before, new = kept("tiny"), tmp_path / "made" / "new"
    test = root / "ud" / "tr" / "test.conllu"
    ended = cli(*FULL, "--data-dir", root, "--test", test, "--output-dir", new, "--name", "new",
                "--licence", "CC-BY-4.0", "--json")  # fmt: skip
    assert ended.code == 0, ended.err
    told = ended.data
    assert list(told) == KEYS
    assert (told["model"], told["path"], told["made_from"], told["steps"] % 3) == ("new", str(new), "tiny", 0)
    assert told["languages"] == ["en", "mt", "tr"] and told["tasks"] == ["letter"] and told["proof"]["holds"]
    assert list(told["others"]) == ["en", "mt"] and told["measured_on"] == "test file"
    assert 0 <= told["before"] <= 1 and 0 <= told["after"] <= 1
    differences = [change["difference"] for change in told["others"].values()]
    assert told["macro_difference"] == pytest.approx(np.mean(differences))
    assert all(c["difference"] == c["after"] - c["before"] and c["sentences"] == 8 for c in told["others"].values())
    assert len(told["moved"]["pairs"]) == 4 * 3 - 1 and "pos:tr" not in told["moved"]["pairs"]
    assert 0 == told["moved"]["before"] < told["moved"]["mean"] <= told["moved"]["largest"] < 1
    assert kept("tiny") == before and before["model"].default
    _carried(before, kept("new"), told)
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["command"], run["status"], run["seed"]) == ("fewshot", "done", 1)
    assert set(run["data_hashes"]) == {"sentences", "test", "pos:en, dev", "pos:mt, dev"}
    assert run["data_hashes"]["pos:mt, dev"] == content_hash(read_conllu(root / "ud" / "mt" / "dev.conllu"))
    assert run["config"]["full"]["full_epochs"] == 3 and run["metrics"]["fingerprint"] == told["fingerprint"]
    _use(cli, root, tmp_path, told)


def _carried(before: dict[str, Any], after: dict[str, Any], told: dict[str, Any]) -> None:
    """The numbers are the same, the model is another, and it is said where they are from."""
    assert after["tensors"] == before["tensors"] and "pair.pos.embedding" in after["tensors"]["tr"]
    assert after["model"].fingerprint == told["fingerprint"] != before["model"].fingerprint
    assert set(after["files"]) == {"model.safetensors", "config.json"} and not after["model"].default
    made = after["model"].config["fewshot"]
    assert (made["fingerprint"], made["licence"]) == (before["model"].fingerprint, "CC-BY-4.0")
    assert {k: v for k, v in after["model"].config.items() if k != "fewshot"} == before["model"].config
    for was, (now,) in zip(before["history"], after["history"], strict=True):
        old = next(stored for stored in was if stored.current)
        assert (now.method, now.version, now.parent, now.fingerprint) == ("carried", 1, old.hash, told["fingerprint"])
        first = now.provenance["carried"]
        assert (first["model"], first["hash"], first["method"]) == (old.fingerprint, old.hash, old.method)
        assert first["provenance"] == old.provenance
        assert now.provenance.get("licence") == old.provenance.get("licence")
    assert before["tasks"] != after["tasks"]


def _use(cli: Cli, root: Path, folder: Path, told: dict[str, Any]) -> None:
    """Tag and score with the new model, whose scores are those that were told; learn on with it."""
    text = folder / "text.txt"
    text.write_text("lani arel\n", encoding="utf-8")
    tagged = cli("tag", "--model", "new", "--lang", "tr", "--input", "words", "--device", "cpu", "--json", text)
    assert tagged.code == 0 and json.loads(tagged.out)["tasks"] == ["ner", "pos", "letter"], tagged.err
    words = ("--task", "pos", "--format", "json", *PLACE)
    for lang, split, wanted in (("tr", "test", told["after"]), ("mt", "dev", told["others"]["mt"]["after"])):
        scored = cli("evaluate", "--data-dir", root, "--model", "new", "--lang", lang, "--split", split, *words)
        assert json.loads(scored.out)["scores"][0]["value"] == pytest.approx(wanted), scored.err
    assert cli("languages", "show", "mt", "--model", "new").code == 0
    few = ("--folds", "2", "--epochs", "1", "--n", "4", "--data-dir", root, *PLACE)
    assert cli("fewshot", "--lang", "en", "--task", "letter", "--model", "new", *few).code == 0
    with Registry.open(readonly=True) as registry:  # mt was made out of en and tr, and is no relative of anybody
        assert learnt(registry, registry.model("new")) == ["en", "tr"]
    with Registry.open(readonly=True) as registry:
        assert registry.check() == []


def test_a_learnt_task_is_learnt_on_and_stored_for_the_new_model(
    cli: Cli, root: Path, grown: Path, tmp_path: Path
) -> None:
    data = ("--data", root / "ud" / "tr" / "train.conllu")
    label_map = [w for tag in ("NOUN=N", "VERB=V", "ADJ=A", "PUNCT=P") for w in ("--label-map", f"letter:{tag}")]
    words = ("fewshot", "--full", "--lang", "tr", "--task", "letter", "--n", "6", "--full-epochs", "3", *PLACE)
    place = ("--output-dir", tmp_path / "new", "--name", "new", "--data-dir", root, "--quiet", *label_map)
    ended = cli(*words, *data, *place)
    assert (ended.code, ended.out, ended.err) == (0, "new\n", "")
    with Registry.open(readonly=True) as registry:
        one, other = (registry.task("letter", name) for name in ("tiny", "new"))
        assert registry.check() == []
    assert other.stored.method == "fewshot" and other.stored.provenance["carried"]["hash"] == one.stored.hash
    assert not any(np.array_equal(one.record.tensors[k], other.record.tensors[k]) for k in one.record.tensors)
    assert one.record.definition == other.record.definition
    assert cli("evaluate", "--data-dir", root, "--task", "letter", "--model", "new", *PLACE).code == 0


def test_a_file_alone_measures_how_far_adapters_move(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    data = ("--data", root / "ud" / "tr" / "train.conllu")
    ended = cli(*FULL, *data, "--output-dir", tmp_path / "new", "--name", "new", "--model", "tiny")
    assert ended.code == 0, ended.err
    assert "No dev sentences of another language to measure harm on (give --data-dir DIR): only how far" in ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("pos in tr with 6 sentences: loss ") and lines[0].endswith("other ones, --test FILE")
    assert (
        lines[1].startswith("adapters of the 5 other pairs: moved by ") and "% of their length on average" in lines[1]
    )
    assert lines[2] == f"new is a new model in {tmp_path / 'new'}, with en, tr: use it with --model new"
    assert lines[4].startswith("tiny and all that is stored for it stay as they were: hash ")
    assert cli("models", "list", "--quiet").out == "tiny\nnew\n"


def test_harm_is_a_table_with_its_mean(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    ended = cli(*FULL, "--data-dir", root, "--output-dir", tmp_path / "new", "--name", "new", "--full-sentences", "3")
    assert ended.code == 0 and "No dev sentences" not in ended.err, ended.err
    rows = [line.split("\t") for line in ended.out.splitlines() if "\t" in line]
    assert rows[0] == ["language", "before", "after", "difference"]
    assert [row[0] for row in rows[1:]] == ["en", "mean"] and rows[1][3] == rows[2][3]


def test_weight_holds_the_others(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    moved = []
    for number, weight in enumerate((0, 1e6)):
        place = ("--output-dir", tmp_path / f"{number}", "--name", f"m{number}", "--full-weight", weight)
        words = ("--data-dir", root, "--full-rate", "0.01", "--full-epochs", "8", "--json")
        ended = cli(*FULL, *words, *map(str, place))
        assert ended.code == 0, ended.err
        moved.append(ended.data["moved"]["mean"])
    assert moved[1] < moved[0] / 2


@pytest.mark.parametrize("moment", ["learning", "storing"])
def test_interrupted_it_leaves_nothing(
    cli: Cli, root: Path, grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    import hyperx_cl.train.full_fewshot as recipe

    before, calls, forward = kept("tiny"), [], recipe._Regularised.forward

    def stop(self: Any, given: Any) -> Any:
        calls.append(1)
        if moment == "storing" or len(calls) == 3:
            raise KeyboardInterrupt
        return forward(self, given)

    with monkeypatch.context() as patch:
        if moment == "learning":
            patch.setattr(recipe._Regularised, "forward", stop)
        else:
            patch.setattr(Registry, "add_task", stop)
        ended = cli(*FULL, "--data-dir", root, "--output-dir", tmp_path / "new", "--name", "new")
    assert calls and (ended.code, ended.out) == (130, "")
    assert list(tmp_path.iterdir()) == [] and kept("tiny") == before
    assert cli("models", "list", "--quiet").out == "tiny\n"
    assert cli("runs", "list", "--json").data["runs"][0]["status"] == "interrupted"
    again = cli(*FULL, "--data-dir", root, "--output-dir", tmp_path / "new", "--name", "new", "--quiet")
    assert (again.code, again.out) == (0, "new\n"), again.err


NEW = ["--output-dir", "{new}", "--name", "new"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--full", "--name", "new"], 2, "--output-dir is missing: --full makes a new model, which needs"),
        (["--full", "--output-dir", "{new}"], 2, "--name is missing: --full makes a new model"),
        (["--full", "--output-dir", "{new}", "--name", "a/b"], 2, "'a/b' cannot name a model"),
        (["--full", "--output-dir", "{new}", "--name", "tiny"], 4, "the name 'tiny' belongs to the model in"),
        (["--full", "--output-dir", "{there}", "--name", "new"], 4, "is there already: --full makes a new folder"),
        (
            ["--full", *NEW, "--epochs", "3"],
            2,
            "--epochs is of what belongs to a pair, which --full does not learn (it",
        ),
        (["--full", *NEW, "--rank", "3"], 2, "--rank is of what belongs to a pair, which --full does not learn\n"),
        (["--full", *NEW, "--full-epochs", "0"], 2, "full_epochs is 0; it must be at least 1"),
        (["--full", *NEW, "--full-rate", "0"], 2, "full_rate is 0.0; it must be above 0"),
        (["--full", *NEW, "--full-weight", "-1"], 2, "full_weight is -1.0; it must be at least 0"),
        (["--full", *NEW, "--n", "31"], 6, "31 sentences were asked for, but"),
        (["--full", *NEW, "--max-length", "900", "--max-tokens", "900"], 2, "reads at most"),
        (["--full", "--output-dir", "{file}/new", "--name", "new"], 2, "cannot be made (File exists): choose"),
        (["--full-epochs", "2"], 2, "--full-epochs belongs to --full: without it no new model is made"),
        (["--output-dir", "{new}"], 2, "--output-dir belongs to --full"),
        (["--name", "new"], 2, "--name belongs to --full"),
    ],
)
def test_refused(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    files = {"new": tmp_path / "new", "there": tmp_path / "there", "file": tmp_path / "file"}
    files["there"].mkdir()
    files["file"].touch()
    before = everything()
    given = [word.format(**files) for word in words]
    ended = cli("fewshot", "--lang", "tr", "--task", "pos", "--n", "6", "--data-dir", root, *PLACE, *given)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before and not files["new"].exists()


def test_options_come_from_a_file_too(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text("[fewshot]\nn = 4\n[full]\nfull_epochs = 2\nfull_pairs = 1\n")
    words = ("fewshot", "--full", "--lang", "en", "--task", "ner", "--data-dir", root, *PLACE, "--json")
    ended = cli(*words, "--config", tmp_path / "o.toml", "--output-dir", tmp_path / "new", "--name", "new")
    assert ended.code == 0, ended.err
    config = cli("runs", "list", "--json").data["runs"][0]["config"]
    assert (config["fewshot"]["n"], config["full"]["full_epochs"], config["full"]["full_pairs"]) == (4, 2, 1)
    assert config["name"] == "new" and len(ended.data["digests"]) == 4
