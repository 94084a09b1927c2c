"""Fetching where something goes wrong: the Hub stumbles or is away, work is interrupted, data is damaged."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.cli.app import run
from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.hub.fetch import LOCK
from hyperx_cl.data.hub.source import read_source
from tests.conftest import HUB_TOKEN, Online
from tests.data.hub.conftest import MALTA, SMALL, Get, files
from tests.hub_server import SIGNATURE, Fault, HubServer
from tests.hub_sets import UD, WIKIANN, entities, parquet, split_files, treebank


def test_a_data_set_that_is_gone_is_one_sentence(get: Get, root: Path) -> None:
    code, _, err = get("--lang", "mt", "--task", "ner")
    assert code == 3 and f"the list of {WIKIANN} is not on the Hub" in err and err.count("\n") == 1


@pytest.mark.parametrize("match", ["/api/datasets/commul", "mt_mudt/train", "_store/"])
def test_a_hub_that_stumbles_is_asked_again(hub: HubServer, get: Get, root: Path, match: str) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault(match, status=500))
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    assert not hub.faults[0].times
    assert len(read_conllu(root / "ud/mt/train.conllu")) == 3


def test_a_hub_that_does_not_recover_is_a_network_error(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("/api/datasets/commul", status=503, times=99))
    code, _, err = get("--lang", "mt", "--task", "pos")
    assert code == 5 and "the Hub answered with status 503" in err
    assert not files(root)


def test_a_hub_that_is_not_there_is_a_network_error(root: Path, hub_environment: dict[str, str]) -> None:
    words = ["data", "get", "--data-dir", str(root), "--lang", "mt", "--task", "pos"]
    ended = subprocess.run(
        [sys.executable, "-m", "hyperx_cl.cli", *words], env=hub_environment | {"HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (5, "")
    assert ended.stderr.startswith(f"Error: the list of {UD} could not be fetched: the Hub cannot be reached (")
    assert ended.stderr.count("\n") == 1 and not root.exists()


def test_an_answer_that_is_none_is_one_sentence(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("/api/datasets/commul", status=200))
    code, _, err = get("--lang", "mt", "--task", "pos")
    assert code == 6 and err.startswith(f"Error: the list of {UD} cannot be read (")
    assert err.count("\n") == 1 and not root.exists()


def test_a_body_that_is_cut_off_is_read_again(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("_store/", truncated=True))
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    assert not hub.faults[0].times
    assert [len(read_conllu(root / f"ud/mt/{split}.conllu")) for split in ("train", "dev", "test")] == [3, 2, 1]


def test_after_an_interruption_it_goes_on_with_what_is_missing_at_the_same_commit(
    hub: HubServer, get: Get, root: Path, hub_environment: dict[str, str]
) -> None:
    first = hub.add(UD, SMALL)
    reached, release = threading.Event(), threading.Event()

    def stand_still() -> None:
        reached.set()
        release.wait(60)

    hub.faults.append(Fault("mt_mudt/validation", wait=stand_still))
    words = ["data", "get", "--data-dir", str(root), "--lang", "mt", "--task", "pos"]
    process = subprocess.Popen(
        [sys.executable, "-m", "hyperx_cl.cli", *words], env=hub_environment, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE, preexec_fn=_listen_to_ctrl_c,
    )  # fmt: skip
    assert reached.wait(120)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    release.set()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Interrupted; what is whole stays, the same command goes on with the rest."
    assert files(root) == {"ud/mt/train.conllu", "ud/mt/source.json"}

    hub.add(UD, split_files("mt_mudt", treebank(7), treebank(7), treebank(7)))
    hub.log.clear()
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    assert not hub.asked("mt_mudt/train")
    assert [len(read_conllu(root / f"ud/mt/{split}.conllu")) for split in ("train", "dev", "test")] == [3, 2, 1]
    source = read_source(root / "ud/mt/source.json")
    assert source is not None and source.revision == first


def _listen_to_ctrl_c() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_what_was_fetched_is_used_offline_and_what_was_not_is_a_network_error(
    hub: HubServer, get: Get, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(UD, SMALL)
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    hub.log.clear()
    words = ["data", "get", "--data-dir", str(root), "--lang", "mt"]
    assert run([*words, "--task", "pos", "--quiet"]) == 0  # this process is offline
    assert capsys.readouterr().out == "pos:mt\n"
    assert run([*words, "--task", "pos,ner"]) == 5
    assert capsys.readouterr().err == (
        "Error: ner in mt would have to be fetched from the Hub, but HF_HUB_OFFLINE is set: unset it, or give files of "
        "your own\n"
    )
    (root / "ud/mt/dev.conllu").unlink()
    assert run([*words, "--task", "pos"]) == 5
    assert not hub.log


DAMAGED: dict[str, tuple[bytes, str]] = {
    "no lists": (parquet({"tokens": ["Malta hija"], "ner_tags": [[0, 0]]}), "row 1: the column tokens is not a list"),
    "numbers": (parquet({"tokens": [[1, 2]], "ner_tags": [[0, 0]]}), "row 1: the column tokens is not a list of words"),
    "no words": (entities([["a"], []], [[0], []]), "row 2: the column tokens is not a list of words"),
    "no tags": (parquet({"tokens": [["a"]]}), "row 1: the column ner_tags is not a list of 1 labels"),
    "less tags": (entities([["a", "b"]], [[0]]), "row 1: the column ner_tags is not a list of 2 labels"),
    "wrong number": (entities([["a"]], [[7]]), "row 1: label 7 of ner_tags has no name (there are 7)"),
    "below zero": (entities([["a"]], [[-1]]), "row 1: label -1 of ner_tags has no name"),
    "another name": (entities([["a"]], [[0]], ("B-MISC",)), "row 1: 'B-MISC' in ner_tags is none of O B-PER"),
    "long word": (
        entities([["a" * 501]], [[0]]),
        "row 1: 'aaaaaaaaaaaaaaaaaaaa'… has 501 characters, which is no word",
    ),
    "no parquet": (b"PAR1" + b"x" * 500 + b"PAR1", "cannot be read ("),
    "cut off": (MALTA[: len(MALTA) // 2], "cannot be read ("),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_data_is_refused_and_nothing_of_it_is_kept(hub: HubServer, get: Get, root: Path, damage: str) -> None:
    data, sentence = DAMAGED[damage]
    hub.add(WIKIANN, split_files("mt", MALTA, data, MALTA))
    code, _, err = get("--lang", "mt", "--task", "ner")
    assert code == 6 and f"{WIKIANN}, mt, dev" in err and sentence in err
    assert files(root) == {"ner/mt/train.conll", "ner/mt/source.json"}


def test_sentences_that_cannot_be_written_down_are_left_out_and_counted(hub: HubServer, get: Get, root: Path) -> None:
    odd = entities([["a\tb", "c"], ["\u3000"], ["good"]], [[0, 0], [0], [0]])
    hub.add(WIKIANN, {"mt/train-0.parquet": odd})
    assert get("--lang", "mt", "--task", "ner")[0] == 0
    assert (root / "ner/mt/train.conll").read_text() == "good\tO\n\n"
    source = read_source(root / "ner/mt/source.json")
    assert source is not None and (source.parts["train"].count, source.parts["train"].left_out) == (1, 2)


def test_a_second_process_waits_and_finds_what_the_first_has_fetched(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    root.mkdir()
    ended: list[int] = []
    with closing(sqlite3.connect(root / LOCK, isolation_level=None)) as lock:
        lock.execute("PRAGMA journal_mode = MEMORY")
        lock.execute("BEGIN EXCLUSIVE")
        other = threading.Thread(target=lambda: ended.append(get("--lang", "mt", "--task", "pos")[0]))
        other.start()
        other.join(1)
        assert other.is_alive() and not files(root)
    other.join(60)
    assert ended == [0] and (root / "ud/mt/test.conllu").is_file()


@pytest.mark.parametrize(
    ("own", "task"),
    [("ud/mt/test.conllu", "pos"), ("ner/mt/train.conll", "ner"), ("mlm/mt.txt", "mlm"), ("mlm/mt.txt.gz", "mlm")],
)
def test_files_of_the_user_s_own_are_never_touched(get: Get, root: Path, own: str, task: str) -> None:
    (root / own).parent.mkdir(parents=True)
    (root / own).write_text("mine")
    code, _, err = get("--lang", "mt", "--task", task)
    assert code == 4 and f"{root / own} is there and is not from the Hub" in err
    assert files(root) == {own} and (root / own).read_text() == "mine"


def test_a_file_that_was_changed_is_not_fetched_over(hub: HubServer, get: Get, online: Online, root: Path) -> None:
    hub.add(UD, SMALL)
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    (root / "ud/mt/dev.conllu").write_text("mended\n")
    code, _, err = get("--lang", "mt", "--task", "pos")
    assert code == 4 and "dev.conllu has been changed since it was fetched" in err
    code, out, err = online("data", "list", "--data-dir", root)
    assert code == 0 and "pos\tmt\ttrain, dev, test\tfiles of your own" in out
    assert err.startswith("Warning: ") and "dev.conllu has been changed" in err


def test_no_token_and_no_signature_is_kept_or_shown(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("mt_mudt/validation", status=403))
    code, out, err = get("--lang", "mt", "--task", "pos")
    assert (code, out) == (3, "") and "dev is not on the Hub, or not for you (status 403)" in err
    assert HUB_TOKEN not in err and SIGNATURE not in err
    assert files(root) == {"ud/mt/train.conllu", "ud/mt/source.json"}
    assert not any(HUB_TOKEN in (root / file).read_text() for file in files(root))
