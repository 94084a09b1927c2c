"""Fetching over real HTTP: the command, `datasets` and the Hub's client against a Hub of the tests' own."""

import fcntl
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.cli.app import run
from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.hub.source import read_source
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS
from tests.conftest import HUB_TOKEN, Online
from tests.hub_server import SIGNATURE, Fault, HubServer
from tests.hub_sets import UD, WIKIANN, WIKIPEDIA, articles, entities, parquet, split_files, treebank

SMALL = split_files("mt_mudt", treebank(3), treebank(2), treebank(1))
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG")
MALTA = entities([["Malta", "hija", "gżira"]], [[5, 0, 0]])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def get(online: Online, root: Path) -> Callable[..., tuple[int, str, str]]:
    """`data get` into `root`."""
    return lambda *words: online("data", "get", "--data-dir", root, *words)


def files(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()} - {".fetching"}


def test_of_two_treebanks_the_larger_one_is_fetched_and_is_an_ordinary_data_root(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    commit = hub.add(
        UD, split_files("mt_mudt", treebank(9), treebank(2), treebank(1)) | {"mt_other/train.parquet": treebank(2)}
        | {"en_ewt/train.parquet": treebank(50), "README.md": b"x", "loader.py": b"raise SystemExit"},
        {"license": "cc-by-sa-4.0"},
    )  # fmt: skip
    code, _, err = get("--lang", "mlt", "--task", "pos")
    assert code == 0
    assert f"Fetching pos in mt from {UD}, mt_mudt, at commit {commit[:12]} (train, dev, test; " in err
    assert "licence: cc-by-sa-4.0" in err
    data = DataRoot(root)
    assert [len(data.load(POS, "mt", split)) for split in ("train", "dev", "test")] == [9, 2, 1]
    assert data.load(POS, "mt", "train")[8].words == ("Kelb8", "ma", "jiġrix", ".")
    source = read_source(root / "ud/mt/source.json")
    assert source is not None and not source.missing
    assert (source.dataset, source.config, source.revision) == (UD, "mt_mudt", commit)
    assert (source.licence, source.parts["train"].count) == ("cc-by-sa-4.0", 9)
    assert hub.sent("_store/") and not hub.asked("resolve/main")
    assert not any(hub.asked(f"_store/{commit}/{UD}/{name}") for name in ("mt_other", "en_ewt", "loader.py", "README"))


def test_a_treebank_is_written_with_its_columns_and_its_words_that_are_written_together(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    file = root / "ud/mt/train.conllu"
    assert file.read_text(encoding="utf-8").split("\n\n")[0].splitlines() == [
        "# sent_id = s0",
        "# text = Kelb0 majiġrix.",
        "1\tKelb0\tkelb\tNOUN\t_\tGender=Masc|Number=Sing\t3\tnsubj\t_\t_",
        "2-3\tmajiġrix\t_\t_\t_\t_\t_\t_\t_\t_",
        "2\tma\tma\tPART\t_\t_\t3\tadvmod:neg\t_\t_",
        "3\tjiġrix\tġera\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No",
        "4\t.\t.\tPUNCT\t_\t_\t3\tpunct\t_\t_",
    ]
    assert read_conllu(file, column="feats.Number")[0].labels == ("Sing", "_", "_", "_")
    assert len(read_conllu(file, ranges=True)[0]) == 5


def test_a_treebank_can_be_named_and_two_are_never_mixed(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL | {"mt_other/train.parquet": treebank(1, "Qattus")})
    assert get("--lang", "mt,en", "--task", "pos", "--treebank", "en_ewt")[0] == 3
    assert get("--lang", "mt", "--task", "pos", "--treebank", "tr_imst")[0] == 2
    code, _, err = get("--lang", "mt", "--task", "pos", "--treebank", "mt_othr")
    assert code == 3 and "(did you mean 'mt_other' or 'mt_mudt'?): it has mt_mudt, mt_other" in err
    assert not files(root)
    assert get("--lang", "mt", "--task", "pos", "--treebank", "mt_other")[0] == 0
    assert files(root) == {"ud/mt/train.conllu", "ud/mt/source.json"}
    code, _, err = get("--lang", "mt", "--task", "pos", "--treebank", "mt_mudt")
    assert code == 4 and "holds mt_other, not mt_mudt" in err


def test_a_treebank_without_its_words_is_never_chosen_and_refused_when_named(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hidden = parquet({"tokens": [["_", "_"]] * 99, "upos": [["NOUN", "VERB"]] * 99})
    hub.add(UD, {"ar_nyuad/train.parquet": hidden, "ar_padt/train.parquet": treebank(1), "fr_x/train.parquet": hidden})
    assert get("--lang", "ar", "--task", "pos")[0] == 0
    assert read_conllu(root / "ud/ar/train.conllu")[0].words[0] == "Kelb0"
    code, _, err = get("--lang", "fr", "--task", "pos")
    assert code == 6 and "comes without its words" in err
    assert not (root / "ud/fr/train.conllu").exists()


def test_names_of_entities_are_those_of_the_file_whatever_their_order(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    own = entities([["Ġużè", "Borg", "Malta"]], [[3, 4, 2]], NAMES)
    hub.add(WIKIANN, split_files("mt", own, own, MALTA), {"license": "unknown"})
    assert get("--lang", "mt", "--task", "ner")[0] == 0
    data = DataRoot(root)
    assert data.load(NER, "mt", "train")[0].labels == ("B-PER", "I-PER", "B-LOC")  # and I-LOC alone begins a name
    assert data.load(NER, "mt", "test")[0].labels == ("B-LOC", "O", "O")
    source = read_source(root / "ner/mt/source.json")
    assert source is not None and source.licence == "not stated; the text is from Wikipedia (CC BY-SA)"


def test_of_wikipedia_no_more_is_read_than_is_wanted(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    first, second = articles(600, 200, group=50), articles(5, 5, seed=1)
    hub.add(
        WIKIPEDIA,
        {
            "20231101.mt/train-00000-of-00002.parquet": first, "20231101.mt/train-00001-of-00002.parquet": second,
            "20220301.mt/train-00000-of-00001.parquet": second,
        },
    )  # fmt: skip
    assert get("--lang", "mt", "--task", "mlm", "--max-lines", "300")[0] == 0
    lines = (root / "mlm/mt.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == 300
    assert all(line.startswith("Sentenza 0 ") and line.endswith(" tispiċċa hawn.") for line in lines)
    assert len(first) > 13e6
    assert 1e5 < hub.sent("20231101.mt/train-00000") < 0.6 * len(first)
    assert not hub.sent("train-00001") and not hub.sent("20220301")


def test_more_lines_are_fetched_only_where_there_are_more(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(WIKIPEDIA, {"20231101.mt/train-00000-of-00001.parquet": articles(10, 4)})
    text = root / "mlm/mt.txt"

    def lines(*words: str) -> tuple[int, bool]:
        hub.log.clear()
        assert get("--lang", "mt", "--task", "mlm", *words)[0] == 0
        return text.read_text(encoding="utf-8").count("\n"), bool(hub.log)

    assert lines("--max-lines", "15") == (15, True)
    assert lines() == (15, False)
    assert lines("--max-lines", "10") == (15, False)
    assert lines("--max-lines", "30") == (30, True)
    assert lines("--max-lines", "99") == (40, True)
    assert lines("--max-lines", "999") == (40, False)


def test_languages_that_are_missing_are_named_with_what_exists_before_anything_is_fetched(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    hub.add(WIKIANN, split_files("tr", MALTA, MALTA, MALTA) | split_files("als", MALTA, MALTA, MALTA))
    code, out, err = get("--lang", "mt,mi", "--task", "pos,ner")
    assert (code, out) == (3, "")
    assert err == (
        f"Error: {UD} has no 'mi' (Maori) (did you mean 'mt'?): it has mt; "
        f"{WIKIANN} has no 'mt' (Maltese) (did you mean 'tr'?): it has gsw tr; "
        f"{WIKIANN} has no 'mi' (Maori): it has gsw tr\n"
    )
    assert not files(root) and not hub.asked("resolve")


def test_codes_of_the_data_sets_are_understood(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(WIKIANN, {f"{code}/train-0.parquet": MALTA for code in ("zh-yue", "als", "sq", "no", "simple", "ku")})
    assert get("--lang", "yue,als,gsw,nb,kmr", "--task", "ner")[0] == 0
    found = {
        code: json.loads((root / f"ner/{code}/source.json").read_text())["config"]
        for code in ("yue", "sq", "gsw", "nb", "kmr")
    }
    assert found == {"yue": "zh-yue", "sq": "sq", "gsw": "als", "nb": "no", "kmr": "ku"}
    assert get("--lang", "en", "--task", "ner")[0] == 3


def test_a_data_set_that_is_gone_is_one_sentence(get: Callable[..., tuple[int, str, str]], root: Path) -> None:
    code, _, err = get("--lang", "mt", "--task", "ner")
    assert code == 3 and f"the list of {WIKIANN} is not on the Hub" in err and err.count("\n") == 1


@pytest.mark.parametrize("match", ["/api/datasets/commul", "mt_mudt/train", "_store/"])
def test_a_hub_that_stumbles_is_asked_again(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path, match: str
) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault(match, status=500))
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    assert not hub.faults[0].times
    assert len(read_conllu(root / "ud/mt/train.conllu")) == 3


def test_a_hub_that_does_not_recover_is_a_network_error(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
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


def test_a_body_that_is_cut_off_is_read_again(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("_store/", truncated=True))
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    assert not hub.faults[0].times
    assert [len(read_conllu(root / f"ud/mt/{split}.conllu")) for split in ("train", "dev", "test")] == [3, 2, 1]


def test_after_an_interruption_it_goes_on_with_what_is_missing_at_the_same_commit(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path, hub_environment: dict[str, str]
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
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path, capsys: pytest.CaptureFixture[str]
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
    "no parquet": (b"PAR1" + b"x" * 500 + b"PAR1", "cannot be read as Parquet"),
    "cut off": (MALTA[: len(MALTA) // 2], "cannot be read as Parquet"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_data_is_refused_and_nothing_of_it_is_kept(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path, damage: str
) -> None:
    data, sentence = DAMAGED[damage]
    hub.add(WIKIANN, split_files("mt", MALTA, data, MALTA))
    code, _, err = get("--lang", "mt", "--task", "ner")
    assert code == 6 and f"{WIKIANN}, mt, dev" in err and sentence in err
    assert files(root) == {"ner/mt/train.conll", "ner/mt/source.json"}


def test_sentences_that_cannot_be_written_down_are_left_out_and_counted(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    odd = entities([["a\tb", "c"], ["\u3000"], ["good"]], [[0, 0], [0], [0]])
    hub.add(WIKIANN, {"mt/train-0.parquet": odd})
    assert get("--lang", "mt", "--task", "ner")[0] == 0
    assert (root / "ner/mt/train.conll").read_text() == "good\tO\n\n"
    source = read_source(root / "ner/mt/source.json")
    assert source is not None and (source.parts["train"].count, source.parts["train"].left_out) == (1, 2)


def test_a_second_process_waits_and_finds_what_the_first_has_fetched(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    root.mkdir()
    ended: list[int] = []
    with (root / ".fetching").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
def test_files_of_the_user_s_own_are_never_touched(
    get: Callable[..., tuple[int, str, str]], root: Path, own: str, task: str
) -> None:
    (root / own).parent.mkdir(parents=True)
    (root / own).write_text("mine")
    code, _, err = get("--lang", "mt", "--task", task)
    assert code == 4 and f"{root / own} is there and is not from the Hub" in err
    assert files(root) == {own} and (root / own).read_text() == "mine"


def test_a_file_that_was_changed_is_not_fetched_over(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], online: Online, root: Path
) -> None:
    hub.add(UD, SMALL)
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    (root / "ud/mt/dev.conllu").write_text("mended\n")
    code, _, err = get("--lang", "mt", "--task", "pos")
    assert code == 4 and "dev.conllu has been changed since it was fetched" in err
    code, out, err = online("data", "list", "--data-dir", root)
    assert code == 0 and "pos\tmt\ttrain, dev, test\tfiles of your own" in out
    assert err.startswith("Warning: ") and "dev.conllu has been changed" in err


def test_a_dry_run_looks_everything_up_and_fetches_nothing(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    code, out, err = get("--lang", "mt", "--task", "pos", "--dry-run", "--json")
    (found,) = json.loads(out)["data"]
    assert (code, err, found["config"], found["new"]) == (0, "", "mt_mudt", ["train", "dev", "test"])
    assert found["bytes_on_hub"] == sum(map(len, SMALL.values()))
    assert not root.exists() and not hub.asked("resolve")


def test_no_token_and_no_signature_is_kept_or_shown(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], root: Path
) -> None:
    hub.add(UD, SMALL)
    hub.faults.append(Fault("mt_mudt/validation", status=403))
    code, out, err = get("--lang", "mt", "--task", "pos")
    assert (code, out) == (3, "") and "dev is not on the Hub, or not for you (status 403)" in err
    assert HUB_TOKEN not in err and SIGNATURE not in err
    assert files(root) == {"ud/mt/train.conllu", "ud/mt/source.json"}
    assert not any(HUB_TOKEN in (root / file).read_text() for file in files(root))


def test_what_is_there_is_listed_with_where_it_came_from(
    hub: HubServer, get: Callable[..., tuple[int, str, str]], online: Online, root: Path
) -> None:
    commit = hub.add(UD, SMALL)
    assert get("--lang", "mt", "--task", "pos")[0] == 0
    (root / "mlm").mkdir()
    (root / "mlm/tr.txt").write_text("x\n")
    code, out, _ = online("data", "list", "--data-dir", root)
    assert code == 0
    assert out.splitlines()[1:3] == [
        f"pos\tmt\ttrain 3, dev 2, test 1\t{UD} mt_mudt @{commit[:12]}\t"
        "the treebank's own, see https://universaldependencies.org/treebanks/mt_mudt/",
        "mlm\ttr\ttext\tfiles of your own\t",
    ]
    found: dict[str, Any] = json.loads(online("data", "list", "--data-dir", root, "--json")[1])
    assert [item["source"] and item["source"]["revision"] for item in found["data"]] == [commit, None]
    assert online("data", "list")[1].startswith("No data yet")
