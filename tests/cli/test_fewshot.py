"""Few-shot from the command line: before and after, what is stored, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.cli.fewshot import expect_apart
from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.ner import read_iob2
from hyperx_cl.errors import DataError
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FEW = ("--n", "6", "--folds", "2", "--rank", "2", "--precision", "fp32", "--device", "cpu")
KEYS = [
    "schema_version", "model", "language", "task", "stored", "version", "hash", "chosen", "folds", "before", "after",
    "metric", "measured_on", "digests", "seconds", "proof",
]  # fmt: skip


def test_learns_a_pair_and_stores_a_version_with_its_parent(cli: Cli, root: Path, stocked: Path) -> None:
    words = ("fewshot", "--lang", "tr", "--task", "pos", *FEW, "--epochs", "30", "--rate-embedding", "0.5")
    ended = cli(*words, "--data-dir", root, "--source", "a treebank", "--licence", "CC-BY-4.0", "--json")
    assert ended.code == 0, ended.err
    told = ended.data
    assert list(told) == KEYS
    assert len(told["digests"]) == 6 and told["proof"]["holds"]
    assert list(told["folds"]) == ["zero-shot", "embedding", "embedding and part"]
    versions = cli("languages", "history", "tr", "--json").data["versions"]
    assert told["stored"] == (told["chosen"] != "zero-shot")
    assert told["stored"], told["folds"]
    assert [v["method"] for v in versions] == ["joint", "fewshot"]
    assert (versions[1]["parent"], versions[1]["tasks"]) == (versions[0]["hash"], ["pos"])
    assert versions[1]["hash"] == told["hash"]
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["command"], run["status"], run["metrics"]["chosen"]) == ("fewshot", "done", told["chosen"])
    kept = cli("languages", "show", "tr", "--json").data["language"]["provenance"]
    assert (kept["source"], kept["licence"], kept["sentences"]) == ("a treebank", "CC-BY-4.0", told["digests"])
    given = {word for sentence in read_conllu(root / "ud" / "tr" / "train.conllu") for word in sentence.words}
    assert len(given) > 20 and not given & set(re.findall(r"\w+", json.dumps(kept, ensure_ascii=False)))

    again = cli(*words, "--data-dir", root, "--source", "a treebank", "--licence", "CC-BY-SA-4.0", "--resume")
    assert again.code == 0, again.err
    assert "Corrected in version 2: licence; what was said before is kept." in again.err
    assert "Version 2 was learnt from these sentences: nothing is left to do." in again.err
    kept = cli("languages", "show", "tr", "--json").data["language"]["provenance"]
    (correction,) = kept["corrections"]
    assert (kept["licence"], correction["was"]) == ("CC-BY-SA-4.0", {"licence": "CC-BY-4.0"})
    assert len(cli("languages", "history", "tr", "--json").data["versions"]) == 2


def test_zero_shot_that_is_not_beaten_stays_and_nothing_is_stored(cli: Cli, root: Path, stocked: Path) -> None:
    words = (
        "fewshot",
        "--lang",
        "tr",
        "--task",
        "ner",
        *FEW,
        "--epochs",
        "1",
        "--rate-embedding",
        "1e-9",
        "--rate",
        "1e-9",
    )
    ended = cli(*words, "--data", root / "ner" / "tr" / "train.conll", "--test", root / "ner" / "tr" / "test.conll")
    assert ended.code == 0, ended.err
    assert "the zero-shot vector of tr is not beaten and stays; nothing was stored" in ended.out
    assert "(test file)" in ended.out and "afterwards unchanged" in ended.out
    run = cli("runs", "list", "--json").data["runs"][0]
    assert run["data_hashes"]["test"] == content_hash(read_iob2(root / "ner" / "tr" / "test.conll"))
    assert set(run["data_hashes"]) == {"sentences", "test"}
    assert run["config"]["test"] == str(root / "ner" / "tr" / "test.conll")
    assert cli("languages", "history", "tr", "--quiet").out == "tr@1\n"


def test_what_is_measured_on_is_told_and_labels_are_renamed(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path
) -> None:
    text = (root / "ud" / "tr" / "train.conllu").read_text()
    file = tmp_path / "own.conllu"
    file.write_text(text.replace("\tNOUN\t", "\tSUBST\t"))
    words = ("fewshot", "--lang", "tr", "--task", "pos", *FEW, "--epochs", "1", "--data", file)
    refused = cli(*words)
    assert refused.code == 6 and "rename it with --label-map SUBST=" in refused.err
    told = cli(*words, "--label-map", "SUBST=NOUN", "--json")
    assert told.code == 0, told.err
    same = cli(*words[:-1], root / "ud" / "tr" / "train.conllu", "--model", "tiny")
    assert same.code == 0, same.err
    on = told.data["measured_on"]
    assert on.startswith("k-fold inside the n sentences") and "chose" in on  # the figure picked among candidates
    assert same.out.splitlines()[0].endswith(f"{100 * told.data['after']:.1f} after ({on})")
    runs = cli("runs", "list", "--json").data["runs"]
    assert runs[0]["data_hashes"] == runs[1]["data_hashes"] and set(runs[0]["data_hashes"]) == {"sentences"}
    assert runs[1]["config"]["label_map"] == ["SUBST=NOUN"]
    (version,) = cli("languages", "history", "tr", "--json").data["versions"]
    assert runs[0]["config"]["parent"] == runs[1]["config"]["parent"] == version["hash"]


def test_sentences_that_are_tested_on_too_are_refused(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path, everything: Picture
) -> None:
    train = (root / "ud" / "tr" / "train.conllu").read_text()
    blocks = train.rstrip("\n").split("\n\n")
    test = tmp_path / "test.conllu"
    words = ("fewshot", "--lang", "tr", "--task", "pos", *FEW, "--n", "30", "--data-dir", root, "--test", test)
    test.write_text("\n\n".join([*blocks[3:5], "1\tlani\t_\tNOUN\t_\t_\t_\t_\t_\t_"]) + "\n\n")
    before = everything()
    ended = cli(*words)
    assert (ended.code, ended.out) == (6, "")
    first = " ".join(line.split("\t")[1] for line in blocks[3].splitlines())
    assert ended.err == (
        f"Error: {test} holds 2 of the 30 sentences to learn from, first {first!r}: take them out of one of the two "
        "files, or draw others with --seed\n"
    )
    assert everything() == before


def test_sentences_are_the_same_by_their_words() -> None:
    drawn = [Sentence(("é", "a"), ("X", "X")), Sentence(("b",), ("X",))]
    expect_apart(drawn, [Sentence(("é",), ("X",)), Sentence(("a", "é"), ("X", "X"))], Path("test"))
    with pytest.raises(DataError, match="test holds 1 of the 2 sentences to learn from, first 'é a': take"):
        expect_apart(drawn, [Sentence(("e\u0301", "a"), ("NOUN", "NOUN"))], Path("test"))


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--lang", "tr", "--task", "pos"], 5, "pos in tr would have to be fetched from the Hub"),
        (["--lang", "tr", "--task", "pos", "--data", "{bad}", "--data-dir", "{root}"], 2, "give either --data FILE or"),
        (["--lang", "tr", "--task", "poss", "--data-dir", "{root}"], 3, "has no task 'poss' (did you mean 'pos'?)"),
        (["--lang", "tr", "--task", "mlm", "--data-dir", "{root}"], 2, "task 'mlm' labels no words"),
        (
            ["--lang", "mt", "--task", "pos", "--data-dir", "{root}"],
            3,
            "language 'mt' (Maltese) is not stored",
        ),
        (["--lang", "tr", "--task", "pos", "--data-dir", "{root}", "--n", "31"], 6, "31 sentences were asked for, but"),
        (["--lang", "tr", "--task", "pos", "--data-dir", "{root}", "--n", "1"], 2, "n is 1; it must be at least 2"),
        (["--lang", "tr", "--task", "pos", "--data", "/nowhere"], 3, "there is no file /nowhere"),
        (["--lang", "tr", "--task", "pos", "--data", "{bad}"], 6, "bad.conllu, line 2: a CoNLL-U row has 10 columns"),
        (
            ["--lang", "tr", "--task", "pos", "--data", "{tag}"],
            6,
            "is labelled 'NOUNS', which task 'pos' does",
        ),
        (["--lang", "tr", "--task", "pos", "--data-dir", "{root}", "--test", "{tag}"], 6, "is labelled 'NOUNS'"),
    ],
)
def test_refused(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    row = "1\tlani\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    files = {"root": root, "bad": tmp_path / "bad.conllu", "tag": tmp_path / "tag.conllu"}
    files["bad"].write_text(row.format("NOUN") + "2\tlani\n\n")
    files["tag"].write_text((row.format("NOUNS") + "\n") * 6)
    before = everything()
    ended = cli("fewshot", *FEW, *(word.format(**files) for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before
