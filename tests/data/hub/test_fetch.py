"""Fetching over real HTTP: the command, `datasets` and the Hub's client against a Hub of the tests' own."""

import json
from pathlib import Path
from typing import Any

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.hub.source import read_source
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS
from tests.conftest import Online
from tests.data.hub.conftest import MALTA, SMALL, Get, files
from tests.hub_server import HubServer
from tests.hub_sets import UD, WIKIANN, WIKIPEDIA, articles, entities, parquet, split_files, treebank

NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG")


def test_of_two_treebanks_the_larger_one_is_fetched_and_is_an_ordinary_data_root(
    hub: HubServer, get: Get, root: Path
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
    hub: HubServer, get: Get, root: Path
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


def test_a_treebank_can_be_named_and_two_are_never_mixed(hub: HubServer, get: Get, root: Path) -> None:
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
    hub: HubServer, get: Get, root: Path
) -> None:
    ids = [f"{number:099}" for number in range(99)]
    hidden = parquet({"sent_id": ids, "tokens": [["_", "_"]] * 99, "upos": [["NOUN", "VERB"]] * 99})
    assert len(hidden) > len(treebank(1))
    hub.add(UD, {"ar_nyuad/train.parquet": hidden, "ar_padt/train.parquet": treebank(1), "fr_x/train.parquet": hidden})
    assert get("--lang", "ar", "--task", "pos")[0] == 0
    assert read_conllu(root / "ud/ar/train.conllu")[0].words[0] == "Kelb0"
    code, _, err = get("--lang", "fr", "--task", "pos")
    assert code == 6 and "comes without its words" in err
    assert not (root / "ud/fr/train.conllu").exists()


def test_names_of_entities_are_those_of_the_file_whatever_their_order(hub: HubServer, get: Get, root: Path) -> None:
    own = entities([["Ġużè", "Borg", "Malta"]], [[3, 4, 2]], NAMES)
    hub.add(WIKIANN, split_files("mt", own, own, MALTA), {"license": "unknown"})
    assert get("--lang", "mt", "--task", "ner")[0] == 0
    data = DataRoot(root)
    assert data.load(NER, "mt", "train")[0].labels == ("B-PER", "I-PER", "B-LOC")  # and I-LOC alone begins a name
    assert data.load(NER, "mt", "test")[0].labels == ("B-LOC", "O", "O")
    source = read_source(root / "ner/mt/source.json")
    assert source is not None and source.licence == "not stated; the text is from Wikipedia (CC BY-SA)"


def test_of_wikipedia_no_more_is_read_than_is_wanted(hub: HubServer, get: Get, root: Path) -> None:
    first, second = articles(600, 100, group=20, width=400), articles(5, 5, seed=1)
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
    assert len(first) > 45e6
    assert 1e5 < hub.sent("20231101.mt/train-00000") < 0.6 * len(first)
    assert not hub.sent("train-00001") and not hub.sent("20220301")


def test_more_lines_are_fetched_only_where_there_are_more(hub: HubServer, get: Get, root: Path) -> None:
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
    hub: HubServer, get: Get, root: Path
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


def test_codes_of_the_data_sets_are_understood(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(WIKIANN, {f"{code}/train-0.parquet": MALTA for code in ("zh-yue", "als", "sq", "no", "simple", "ku")})
    assert get("--lang", "yue,als,gsw,nb,kmr", "--task", "ner")[0] == 0
    found = {
        code: json.loads((root / f"ner/{code}/source.json").read_text())["config"]
        for code in ("yue", "sq", "gsw", "nb", "kmr")
    }
    assert found == {"yue": "zh-yue", "sq": "sq", "gsw": "als", "nb": "no", "kmr": "ku"}
    assert get("--lang", "en", "--task", "ner")[0] == 3
    hub.add(UD, {f"no_{name}/train.parquet": treebank(1) for name in ("bokmaal", "nynorsk")})
    assert get("--lang", "no", "--task", "pos", "--treebank", "no_bokmaal")[0] == 0
    assert get("--lang", "nn,nb", "--task", "pos")[0] == 0
    assert json.loads((root / "ud/nn/source.json").read_text())["config"] == "no_nynorsk"


def test_a_dry_run_looks_everything_up_and_fetches_nothing(hub: HubServer, get: Get, root: Path) -> None:
    hub.add(UD, SMALL)
    code, out, err = get("--lang", "mt", "--task", "pos", "--dry-run", "--json")
    (found,) = json.loads(out)["data"]
    assert (code, err, found["config"], found["new"]) == (0, "", "mt_mudt", ["train", "dev", "test"])
    assert found["bytes_on_hub"] == sum(map(len, SMALL.values()))
    assert not root.exists() and not hub.asked("resolve")


def test_what_is_there_is_listed_with_where_it_came_from(hub: HubServer, get: Get, online: Online, root: Path) -> None:
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
