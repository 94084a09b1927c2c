"""Redoing few-shot steps: the same sentences, found by their hashes, on what the new model has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.cli.app import run
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
CPU = ("--device", "cpu", "--precision", "fp32")
FEW = ("--n", "16", "--folds", "2", "--rank", "4", "--epochs", "12", "--rate-embedding", "0.5", "--rate", "0.1", *CPU)
TEXT = ("--steps", "2", "--check-every", "1", "--rank", "2", "--shift-pieces", "0", *CPU)
REDO = ("languages", "redo", "--model", "anew", "--yes", "--device", "cpu")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, root: Path, retrained: Path) -> Path:
    """A home where `tiny` has learnt mt from a data root of its own, and a pair in pos whose labels were renamed."""
    home = tmp_path_factory.mktemp("learnt")
    shutil.copy(retrained / "registry.sqlite3", home)
    for part in ("ud/mt", "ud/tr", "mlm"):
        shutil.copytree(root / part, home / "data" / part)
    file = home / "data" / "ud" / "mt" / "train.conllu"
    file.write_text(file.read_text(encoding="utf-8").replace("\tNOUN\t", "\tSUBST\t"), encoding="utf-8")
    text = ("add-language", "mt", "--mlm", home / "data" / "mlm" / "mt.txt", *TEXT, "--model", "tiny")
    labels = ("--data-dir", home / "data", "--label-map", "SUBST=NOUN", "--licence", "CC0-1.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(home))
        for words in (text, (*pair("mt", "tiny"), *labels)):
            assert run([str(word) for word in (*words, "--quiet")]) == 0
    shutil.copytree(home / "data", home / "as it was")
    return home


@pytest.fixture
def data(learnt: Path, twofold: Path) -> Path:
    """That data root, and in the test's own home a copy of that registry."""
    shutil.copy(learnt / "registry.sqlite3", twofold)
    shutil.rmtree(learnt / "data")  # a test may have changed it, and what was learnt names it
    return Path(shutil.copytree(learnt / "as it was", learnt / "data"))


def pair(code: str, model: str, task: str = "pos") -> tuple[str, ...]:
    return ("fewshot", "--lang", code, "--task", task, "--model", model, *FEW)


def test_a_pair_is_bit_for_bit_what_fewshot_makes(cli: Cli, data: Path, twofold: Path, tmp_path: Path) -> None:
    shutil.copy(twofold / "registry.sqlite3", tmp_path)
    ended = cli(*REDO, "--json")
    assert ended.code == 0, ended.err
    first, second = ended.data["languages"]
    assert [(one["method"], one["task"], one["state"], one["version"]) for one in (first, second)] == [
        ("mlm", None, "done", 1), ("fewshot", "pos", "done", 2),
    ]  # fmt: skip
    assert (second["file"], second["last"]) == (str(data), str(data))
    with Registry.open(readonly=True) as registry:
        stored = registry.language("mt", "anew").stored
        before = registry.language("mt", "tiny").stored
    told = stored.provenance
    assert (stored.parent, stored.tasks) == (first["hash"], ("pos",))
    assert told["redone"] == {"model": before.fingerprint, "hash": before.hash}
    assert told["licence"] == "CC0-1.0"
    assert (told["data"], told["label_map"]) == ("data", ["SUBST=NOUN"]) and str(tmp_path) not in str(told)
    shutil.copy(tmp_path / "registry.sqlite3", twofold)
    assert cli("add-language", "mt", "--mlm", data / "mlm" / "mt.txt", *TEXT, "--model", "anew").code == 0
    assert cli(*pair("mt", "anew"), "--data-dir", data, "--label-map", "SUBST=NOUN").code == 0
    with Registry.open(readonly=True) as registry:
        assert registry.language("mt", "anew").stored.hash == second["hash"]


def test_what_is_redone_is_there_and_a_second_pair_joins_it(
    cli: Cli, data: Path, everything: Picture, tmp_path: Path
) -> None:
    assert cli(*REDO).code == 0
    before = everything()
    again = cli(*REDO, "--json")
    assert [(one["state"], one["version"]) for one in again.data["languages"]] == [("there", 1), ("there", 2)]
    assert again.code == 0 and everything() == before
    further = cli(*pair("mt", "tiny", "ner"), "--data", data / "ud" / "mt" / "train.conllu")
    assert further.code == 6  # no such labels
    named = tmp_path / "names.conll"
    named.write_text("".join(f"ħail{'i' * n}\tB-PER\nta{'r' * n}\tO\n\n" for n in range(1, 20)), encoding="utf-8")
    assert cli(*pair("mt", "tiny", "ner"), "--data", named, "--quiet").out == "mt@3\n"
    joined = cli(*REDO, "--json")
    assert joined.code == 0, joined.err
    assert [one["state"] for one in joined.data["languages"]] == ["there", "there", "done"]
    with Registry.open(readonly=True) as registry:
        assert registry.language("mt", "anew").stored.tasks == ("ner", "pos")


def test_sentences_that_are_gone_or_changed_are_told_and_found_elsewhere(cli: Cli, data: Path, tmp_path: Path) -> None:
    file = data / "ud" / "mt" / "train.conllu"
    away = tmp_path / "away" / "labels.conllu"
    away.parent.mkdir()
    file.rename(away)
    file.write_text(away.read_text(encoding="utf-8").replace("\tVERB\t", "\tADJ\t"), encoding="utf-8")
    ended = cli(*REDO, "--json")
    first, second = ended.data["languages"]
    assert (ended.code, first["state"], second["state"]) == (3, "done", "not found")
    assert f"its 16 sentences are not found (last in {data}): name the folder they are in now" in second["why"]
    found = cli(*REDO, "--texts", away.parent, "--json")
    first, second = found.data["languages"]
    assert (found.code, first["state"], second["state"], second["file"]) == (0, "there", "done", str(away)), found.err


def test_without_its_language_a_pair_waits(cli: Cli, data: Path) -> None:
    (data / "mlm" / "mt.txt").unlink()
    ended = cli(*REDO, "--json")
    first, second = ended.data["languages"]
    assert (ended.code, first["state"], second["state"]) == (3, "not found", "waits")
    assert second["why"] == "for mt itself"


def test_pairs_of_base_languages_are_redone_too(cli: Cli, data: Path) -> None:
    assert cli(*pair("tr", "tiny"), "--data-dir", data, "--quiet").out == "tr@2\n"
    ended = cli(*REDO, "tr", "--json")
    assert ended.code == 0, ended.err
    first, second = ended.data["languages"]
    assert (first["method"], first["state"], first["why"]) == ("joint", "there", "anew was trained on it")
    assert (second["method"], second["state"], second["version"]) == ("fewshot", "done", 2)
    assert [one["state"] for one in cli(*REDO, "tr", "--json").data["languages"]] == ["there", "there"]


def test_another_pair_of_the_same_task_is_never_written_over(cli: Cli, data: Path) -> None:
    assert cli("add-language", "mt", "--mlm", data / "mlm" / "mt.txt", *TEXT, "--model", "anew").code == 0
    words = (*pair("mt", "anew"), "--data-dir", data, "--label-map", "SUBST=NOUN", "--seed", "3")
    assert cli(*words, "--quiet").out == "mt@2\n"
    ended = cli(*REDO, "--json")
    first, second = ended.data["languages"]
    assert (ended.code, first["state"], second["state"]) == (4, "there", "refused")
    assert "anew has learnt another few-shot pos for mt" in second["why"]
    assert cli("languages", "use", "mt", "1", "--model", "anew").code == 0
    ended = cli(*REDO, "--json")
    assert (ended.code, ended.data["languages"][1]["state"], ended.data["languages"][1]["version"]) == (0, "done", 3)


def test_a_version_in_use_that_was_made_in_another_way_is_not_learnt_on(cli: Cli, data: Path) -> None:
    words = ("add-language", "mt", "--mlm", data / "mlm" / "mt.txt", *TEXT, "--model", "anew")
    assert cli(*words).code == 0
    assert cli(*words, "--seed", "8", "--new-version").code == 0
    ended = cli(*REDO, "--json")
    first, second = ended.data["languages"]
    assert (ended.code, first["state"], second["state"]) == (4, "there", "refused")
    assert "`hyperx-cl languages use mt 1 --model anew`" in second["why"]


def test_what_k_fold_speaks_against_is_told_and_not_tried_again(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch, everything: Picture
) -> None:
    from hyperx_cl.train import fewshot

    def no_gain(self: object, sentences: object, reporter: object) -> dict[str, float]:
        return dict.fromkeys(fewshot.CANDIDATES, 0.5)

    monkeypatch.setattr(fewshot._Trial, "folds", no_gain)
    ended = cli(*REDO, "--json")
    assert ended.code == 0, ended.err
    assert [one["state"] for one in ended.data["languages"]] == ["done", "no gain"]
    before = everything()
    again = cli(*REDO, "--json")
    assert (again.code, [one["state"] for one in again.data["languages"]]) == (0, ["there", "no gain"])
    assert everything() == before


def test_a_pair_of_a_task_that_the_new_model_lacks(cli: Cli, data: Path, root: Path) -> None:
    quick = ("--steps", "4", "--warmup", "1", "--check-every", "2", "--screen-steps", "1", "--max-tokens", "160")
    place = ("--data-dir", root, "--lang", "en,tr", "--max-length", "40", *CPU, "--model", "tiny")
    assert cli("add-task", "letter", "--column", "xpos", *quick, *place).code == 0
    ended = cli(*pair("tr", "tiny", "letter"), "--epochs", "40", "--data-dir", root, "--quiet")
    assert ended.out == "tr@2\n", ended.err
    ended = cli(*REDO, "tr", "--dry-run", "--json")
    assert (ended.code, [one["state"] for one in ended.data["languages"]]) == (3, ["there", "not found"])
    assert "anew has no task letter: learn that first with `hyperx-cl add-task`" in ended.data["languages"][1]["why"]
    (left,) = ended.data["left"]
    assert left["what"] == "task letter"
    words = left["command"].split()
    assert words[:2] == ["hyperx-cl", "add-task"] and cli(*words[1:], "--device", "cpu").code == 0
    assert cli("tasks", "list", "--model", "anew", "--json").data["tasks"][0]["task"] == "letter"
    done = cli(*REDO, "tr", "--json")
    assert (done.code, done.data["left"]) == (0, []), done.err
    assert done.data["languages"][1]["state"] in ("done", "no gain")
