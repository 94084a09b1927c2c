"""Commands without a data folder: what they need is fetched from a Hub on loopback, or used as it is there."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import STEPS, TINY, Cli
from tests.conftest import Online
from tests.hub_server import HubServer
from tests.hub_sets import UD, WIKIANN, WIKIPEDIA, articles, entities, split_files, treebank

LETTERS = entities([["the", "an", "is"]] * 30, [[1, 2, 0]] * 30)


@pytest.fixture
def stocked_hub(hub: HubServer) -> HubServer:
    """A Hub with treebanks and names of en and tr, and text of mt and en."""
    hub.add(UD, _splits("en_a", treebank(30)) | _splits("tr_b", treebank(30)))
    hub.add(WIKIANN, _splits("en", LETTERS))
    hub.add(WIKIPEDIA, {f"20231101.{code}/train-00000-of-00001.parquet": articles(9, 20) for code in ("mt", "en")})
    return hub


def _splits(config: str, data: bytes) -> dict[str, bytes]:
    return split_files(config, data, data, data)


def test_train_fetches_what_it_names_and_trains_on_that_alone(
    stocked_hub: HubServer, online: Online, cli: Cli, home: Path, tiny_backbone: Path
) -> None:
    words: list[str | Path] = ["train", "--backbone", tiny_backbone, "--name", "tiny", *TINY, *STEPS, "--device", "cpu"]
    words += ["--pos", "en,tr", "--mlm", "en", "--max-lines", "40", "--leave-out", "tr"]
    code, _, err = online(*words, "--dry-run")
    assert code == 3
    assert err == (
        "Error: mlm in en, pos in en would have to be fetched from the Hub first: hyperx-cl data get --lang en "
        "--task mlm,pos\n"
    )
    assert not (home / "data").exists()
    assert online("data", "get", "--lang", "mt", "--task", "mlm", "--max-lines", "20")[0] == 0

    code, out, err = online(*words, "--json")
    assert code == 0, err
    told = [line for line in err.splitlines() if not line.startswith(" ")]
    assert told[0].startswith(f"Fetching mlm in en from {WIKIPEDIA}, 20231101.en, at commit ")
    assert told[1].startswith(f"Fetching pos in en from {UD}, en_a, at commit ")
    assert json.loads(out)["languages"] == ["en"]  # and not mt, which is there for something else
    assert (home / "data/mlm/en.txt").read_text(encoding="utf-8").count("\n") == 40

    run = cli("runs", "list", "--json").data["runs"][0]
    assert run["config"]["data_dir"] == str(home / "data")
    planned = cli(*words, "--name", "other", "--dry-run", "--json")  # this process is offline
    assert planned.code == 0
    assert {(pair["task"], pair["language"]): pair["count"] for pair in planned.data["pairs"]} == {
        ("mlm", "en"): 40, ("pos", "en"): 30,
    }  # fmt: skip


def test_train_wants_names_or_a_folder(cli: Cli) -> None:
    ended = cli("train", "--backbone", "x", "--ner", "none")
    assert ended.code == 2 and "name languages with --mlm, --pos and --ner" in ended.err
    ended = cli("train", "--backbone", "x", "--data-dir", ".", "--max-lines", "9")
    assert ended.code == 2 and "--max-lines is of text from the Hub" in ended.err


def test_add_language_takes_wikipedia_and_says_so_in_the_record(
    stocked_hub: HubServer, online: Online, cli: Cli, stocked: Path
) -> None:
    words = ["add-language", "mt", "--mlm", "wikipedia", "--steps", "2", "--warmup", "1", "--max-lines", "100"]
    words += ["--max-length", "24", "--max-tokens", "128", "--precision", "fp32", "--device", "cpu"]
    code, _, err = online(*words, "--self-tasks", "none")
    assert code == 0, err
    assert err.splitlines()[0].startswith(f"Fetching mlm in mt from {WIKIPEDIA}, 20231101.mt, at commit ")
    told = cli("languages", "show", "mt", "--json").data["language"]["provenance"]
    commit = json.loads((stocked / "data/mlm/mt.source.json").read_text())["revision"]
    assert told["source"] == f"Wikipedia: {WIKIPEDIA}, 20231101.mt, commit {commit}"
    assert told["licence"] == "CC-BY-SA-3.0, GFDL"
    assert (stocked / "data/mlm/mt.txt").read_text(encoding="utf-8").count("\n") == 100


def test_add_language_offline_is_a_network_error(cli: Cli, stocked: Path) -> None:
    ended = cli("add-language", "mt", "--mlm", "wikipedia")
    assert ended.code == 5 and "mlm in mt would have to be fetched from the Hub" in ended.err
    assert not (stocked / "data").exists()


def test_a_file_called_wikipedia_is_a_file(
    cli: Cli, stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wikipedia").write_text("too short\n")
    assert cli("add-language", "mt", "--mlm", "wikipedia").code == 6


def test_evaluate_fetches_what_is_named_and_scores_the_same_offline(
    stocked_hub: HubServer, online: Online, cli: Cli, stocked: Path
) -> None:
    words = ["evaluate", "--lang", "en,tr", "--device", "cpu", "--precision", "fp32", "--samples", "9"]
    code, out, err = online(*words, "--json")
    assert code == 0, err
    assert f"Left out: {WIKIANN} has no 'tr' (Turkish): it has en." in err.splitlines()
    scores = {(score["task"], score["language"]): score["value"] for score in json.loads(out)["scores"]}
    assert set(scores) == {("pos", "en"), ("pos", "tr"), ("ner", "en")}
    code, _, err = online(*words, "--task", "ner")
    assert code == 3 and f"{WIKIANN} has no 'tr' (Turkish)" in err
    again = cli(*words[:1], *words[3:], "--json")  # offline, and everything that is there
    assert {(score["task"], score["language"]): score["value"] for score in again.data["scores"]} == scores


def test_fewshot_fetches_the_sentences_that_it_draws_from(
    stocked_hub: HubServer, online: Online, stocked: Path
) -> None:
    words = ["--lang", "tr", "--task", "pos", "--n", "6", "--folds", "2", "--epochs", "1", "--device", "cpu", "--json"]
    code, out, err = online("fewshot", *words, "--precision", "fp32")
    assert code == 0, err
    assert err.splitlines()[0].startswith(f"Fetching pos in tr from {UD}, tr_b, at commit ")
    assert len(json.loads(out)["digests"]) == 6
    assert (stocked / "data/ud/tr/train.conllu").is_file()
