"""Adding a language from the command line: what is printed and stored, and every bad input of the list."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.cli.telling import _little
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.store import Registry
from hyperx_cl.train.proof import Proof
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FEW = (
    "--steps",
    "2",
    "--mixture-steps",
    "1",
    "--check-every",
    "1",
    "--rank",
    "2",
    "--precision",
    "fp32",
    "--device",
    "cpu",
)


def test_learns_from_text_and_stores_where_it_came_from(cli: Cli, root: Path, stocked: Path) -> None:
    words = (
        "add-language",
        "mlt",
        "--mlm",
        root / "mlm" / "mt.txt",
        *FEW,
        "--source",
        "a test",
        "--author",
        "Ġ. Borg",
        "--licence",
        "CC0-1.0",
    )
    ended = cli(*words, "--json")
    assert ended.code == 0, ended.err
    assert list(ended.data) == [
        "schema_version", "model", "language", "version", "hash", "losses", "start", "nearest", "steps", "tokens",
        "seconds", "proof",
    ]  # fmt: skip
    assert list(ended.data["losses"]) == ["random", "zero", "mean", "nearest", "learnt"]
    assert ended.data["proof"]["holds"] and ended.data["proof"]["before"] == ended.data["proof"]["after"]
    assert "Warning: " in ended.err and "only 120 lines" in ended.err
    with Registry.open(readonly=True) as registry:
        loaded = registry.language("mt")
        run = registry.list_runs()[0]
    facts = loaded.stored.provenance
    assert (facts["source"], facts["licence"], facts["method"]) == ("a test", "CC0-1.0", "mlm")
    assert facts["author"] == "Ġ. Borg"
    assert loaded.record.hash == ended.data["hash"]
    assert "part.down" in loaded.record.tensors
    assert (run.command, run.status, run.metrics["hash"]) == ("add-language", "done", ended.data["hash"])
    assert run.data_hashes["text"] == facts["text"]["sha256"]
    assert not list((stocked / "checkpoints").rglob("*.safetensors"))


def test_the_run_keeps_where_the_text_lies_and_the_record_does_not(
    cli: Cli, root: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert cli("add-language", "mt", "--mlm", "mlm/mt.txt", *FEW, "--capacity", "vector", "--quiet").code == 0
    with Registry.open(readonly=True) as registry:
        run, provenance = registry.list_runs()[0], registry.language("mt").stored.provenance
    assert run.config["text"] == str(root / "mlm" / "mt.txt")
    assert "mt.txt" not in str(provenance)


def test_prints_losses_start_and_proof_in_plain_lines(cli: Cli, root: Path, stocked: Path) -> None:
    words = ("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, "--capacity", "vector")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("mt (Maltese), version 1 of model tiny: started from ")
    assert lines[1] == "vector\tMLM loss on the report part"
    assert [line.partition("\t")[0] for line in lines[2:7]] == ["random", "zero", "mean", "nearest", "learnt"]
    assert lines[-2].endswith("afterwards unchanged")
    assert lines[-1].endswith("other languages on a fixed probe: bit-identical")
    assert "starts by loss on the stop part" in ended.err
    again = cli(*words, "--new-version", "--seed", "2", "--quiet")
    assert (again.code, again.out) == (0, "mt@2\n")
    assert again.err.startswith("Warning: ") and again.err.count("only 120 lines") == 1  # even where all is quiet
    assert ended.err.count("only 120 lines") == 1
    assert "has taught little" in ended.err and "has taught little" in again.err  # after two steps
    first, second = cli("languages", "history", "mt", "--json").data["versions"]
    assert (second["parent"], second["current"], first["current"]) == (first["hash"], True, False)


def test_like_needs_no_text(cli: Cli, stocked: Path) -> None:
    ended = cli("add-language", "mt", "--like", "en,tur", "--json", "--precision", "fp32")
    assert ended.code == 0, ended.err
    assert list(ended.data) == ["schema_version", "model", "language", "version", "hash", "relatives"]
    shown = cli("languages", "show", "mt", "--json").data["language"]["provenance"]
    assert (shown["method"], shown["relatives"]) == ("like", ["en", "tr"])
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["command"], run["status"], run["config"]["like"]) == ("add-language", "done", ["en", "tr"])
    assert run["config"]["threads"] >= 1
    assert run["metrics"] == {key: value for key, value in ended.data.items() if key != "schema_version"}
    with Registry.open(readonly=True) as registry:
        assert run["data_hashes"] == {code: registry.language(code).stored.hash for code in ("en", "tr")}


def test_the_code_alone_takes_relatives_and_says_which(cli: Cli, stocked: Path) -> None:
    ended = cli("add-language", "aze", "--precision", "fp32")
    assert ended.code == 0, ended.err
    assert ended.out == (
        "az (Azerbaijani), version 1 of model tiny: the mean of tr (Oghuz, 1,156 km), no text was read\n"
    )
    assert ended.err == (
        "Warning: nothing was learnt of az, so expect at most what its relatives give; with a text, even a small one, "
        "learn it: hyperx-cl add-language az --mlm FILE --new-version\n"
    )
    shown = cli("languages", "show", "az", "--json").data["language"]["provenance"]
    assert (shown["method"], shown["relatives"], shown["steps"]) == ("code", ["tr"], 0)
    (near,) = shown["near"]
    assert (near["language"], near["group"], near["kilometres"]) == ("tr", "Oghuz", 1156)
    assert 0 < near["distance"] < 0.3
    run = cli("runs", "list", "--json").data["runs"][0]
    assert (run["status"], run["config"]["like"], run["metrics"]["near"]) == ("done", ["tr"], [near])


def test_the_code_alone_never_takes_what_has_learnt_nothing(cli: Cli, stocked: Path) -> None:
    assert cli("add-language", "az", "--precision", "fp32", "--quiet").out == "az@1\n"
    ended = cli("add-language", "tk", "--precision", "fp32", "--json")  # nearer to az than to tr
    assert (ended.data["relatives"], [other["language"] for other in ended.data["near"]]) == (["tr"], ["tr"])
    with Registry.open(readonly=True) as registry:
        made, taken = (registry.language(code).record.tensors["embedding"] for code in ("tk", "tr"))
    assert (made == taken).all()


def test_neighbours_that_are_not_related_are_said_to_be_none(cli: Cli, stocked: Path) -> None:
    ended = cli("add-language", "mt", "--precision", "fp32")
    assert "the mean of tr (unrelated, 1,671 km), no text was read" in ended.out
    assert "expect at most what its neighbours on the map give, none of them related" in ended.err


def test_equal_numbers_with_another_source_are_corrected(cli: Cli, stocked: Path) -> None:
    words = ("add-language", "mt", "--like", "en,tr", "--precision", "fp32", "--source", "a guess")
    assert cli(*words).code == 0
    ended = cli(*words[:-1], "a grammar", "--licence", "CC0-1.0", "--new-version")
    assert ended.code == 0, ended.err
    assert "Version 1 has these very numbers. Corrected with it: source, licence; what was" in ended.err
    (version,) = cli("languages", "history", "mt", "--json").data["versions"]
    shown = cli("languages", "show", "mt", "--json").data["language"]["provenance"]
    assert (version["version"], shown["source"], shown["licence"]) == (1, "a grammar", "CC0-1.0")
    (correction,) = shown["corrections"]
    assert correction["was"] == {"source": "a guess", "licence": None}
    assert correction["run"] == cli("runs", "list", "--json").data["runs"][0]["id"]


def test_a_proof_that_fails_stores_nothing() -> None:
    from hyperx_cl.cli.proving import expect_proof

    expect_proof(Proof("a", "a", True, 2))
    with pytest.raises(HyperXError, match="afterwards CHANGED to b.*nothing was stored"):
        expect_proof(Proof("a", "b", True, 2))
    with pytest.raises(HyperXError, match="NOT identical"):
        expect_proof(Proof("a", "a", False, 2))


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


CYRILLIC = "\n".join(f"жаңа сөз {i} қала мектеп" for i in range(120)).encode()
UNKNOWN = "\n".join(f"{chr(0x2500 + 2 * i)} {i} {chr(0x2501 + 2 * i)} ab" for i in range(120)).encode()  # each once


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: give a file with text"),
        (b"il an\nta ra\nen il\n", "has 3 different lines of text, too few"),
        (b"il an\n\x00\x01\x02\n", "line 2: this is binary"),
        ("il ħa\n".encode("utf-16-le"), "this is binary"),
        (b"il an\n\xff\xfe\n", "line 2, byte 1 of it: this is not UTF-8"),
        (CYRILLIC, "of the letters in"),
        (UNKNOWN, "does not know"),
    ],
    ids=["empty", "3 lines", "binary", "utf-16", "not utf-8", "wrong script", "unknown pieces"],
)
def test_unusable_text(
    cli: Cli, tmp_path: Path, stocked: Path, everything: Picture, content: bytes, sentence: str
) -> None:
    before = everything()
    ended = cli("add-language", "mt", "--mlm", _written(tmp_path / "text.txt", content), *FEW)
    assert (ended.code, ended.out) == (6, "")
    assert ended.err.startswith("Error: ") and ended.err.count("\n") == 1
    assert sentence in ended.err
    assert everything() == before


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["maltees", "--mlm", "{text}"], 3, "'maltees' is not a language code"),
        (["mt", "--mlm", "/nowhere.txt"], 3, "there is no file /nowhere.txt"),
        (
            ["haw"],
            3,
            "no language that is there is near 'haw' (Hawaiian) by family or map; the nearest is en (unrelated",
        ),
        (["x-mine"], 3, "'x-mine' (private language x-mine) is not in the table of families and places: give --mlm"),
        (["mt", "--steps", "5"], 2, "nothing is learnt without --mlm FILE, for which --steps would count"),
        (["mt", "--mlm", "{text}", "--like", "en"], 2, "give either --mlm FILE"),
        (["mt", "--like", "fo"], 3, "language 'fo' (Faroese) is not stored for model 'tiny'"),
        (["mt", "--like", "mt,en"], 3, "language 'mt' (Maltese) is not stored"),
        (["en", "--like", "en", "--new-version"], 2, "--like needs stored languages other than 'en'"),
        (
            ["mt", "--like", "en", "--steps", "5", "--max-length", "32"],
            2,
            "nothing is learnt without --mlm FILE, for which --steps, --max-length would count: leave that out",
        ),
        (["mt", "--like", "en", "--resume", "--output-dir", "x"], 2, "for which --output-dir, --resume would count"),
        (["en", "--mlm", "{text}"], 4, "pass --new-version to store another version"),
        (["mt", "--mlm", "{text}", "--model", "tinny"], 3, "no model 'tinny' in the registry (did you mean 'tiny'?)"),
        (["mt", "--mlm", "{text}", "--rank", "0"], 2, "rank is 0; it must be at least 1"),
        (["mt", "--mlm", "{text}", "--backbone", "/nowhere"], 3, "is not in /nowhere: name the folder"),
        (["mt", "--mlm", "{text}", "--device", "cuda"], 2, "there is no GPU that torch can use"),
    ],
)
def test_refused(
    cli: Cli, root: Path, stocked: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    before = everything()
    ended = cli("add-language", *(word.format(text=root / "mlm" / "mt.txt") for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before


def test_model_without_its_backbone_or_folder(
    cli: Cli, root: Path, stocked: Path, everything: Picture, tmp_path: Path
) -> None:
    words = ("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", "--model", "lost")
    with Registry.open() as registry:
        known = registry.model("tiny")
        config = {**known.config, "backbone": str(tmp_path / "gone")}
        registry.add_model("lost", "ab" * 32, known.path, known.backbone, config)
    before = everything()
    ended = cli(*words)
    assert ended.code == 3
    assert f"the backbone of model 'lost' is not in {tmp_path / 'gone'}: name the folder" in ended.err
    assert everything() == before
    with Registry.open() as registry:
        registry.add_model("lost", "ab" * 32, tmp_path / "nothing", known.backbone, config)
    ended = cli(*words)
    assert ended.code == 3
    assert "model 'lost' is not in" in ended.err


def test_wrong_backbone_is_refused_with_both_hashes(
    cli: Cli, root: Path, stocked: Path, everything: Picture, tiny_xlmr: Path
) -> None:
    from hyperx_cl.model.backbone import load_backbone

    before = everything()
    ended = cli("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", "--backbone", tiny_xlmr)
    assert (ended.code, ended.out) == (4, "")
    assert everything() == before
    kept = cli("models", "show", "--json").data["model"]["backbone"]["fingerprint"]
    given = load_backbone(str(tiny_xlmr)).info.fingerprint
    assert kept != given
    assert kept in ended.err and given in ended.err


def test_interrupted_run_goes_on_with_resume(
    cli: Cli, root: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperx_cl.train.progress import Silent

    def interrupt(self: object, done: int, text: str) -> None:
        raise KeyboardInterrupt

    words = ("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, "--steps", "3", "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(Silent, "step", interrupt)
        ended = cli(*words)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.splitlines()[-1] == f"Interrupted; go on with: hyperx-cl {' '.join(map(str, words))} --resume."
    assert cli("runs", "list", "--json", "--limit", "1").data["runs"][0]["status"] == "interrupted"
    assert cli("languages", "list", "--quiet").out == "en\ntr\n"
    ended = cli(*words, "--resume")
    assert (ended.code, ended.out) == (0, "mt@1\n"), ended.err


def test_what_the_vocabulary_lacks_is_told_in_one_line(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    text = tmp_path / "mt.txt"
    given = (root / "mlm" / "mt.txt").read_text(encoding="utf-8")
    text.write_text(given.replace("ra", "ŵa"), encoding="utf-8")
    words = ("add-language", "mt", "--mlm", text, *FEW, "--patch-pieces", "200")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    (line,) = [line for line in ended.out.splitlines() if line.startswith("token patch")]
    assert re.fullmatch(r"token patch: 2 pieces; words with unknown pieces \d\d\.\d % -> 0\.0 %", line), line
    assert "pieces of its token patch\t2\n" in cli("languages", "show", "mt").out
    shown = cli("languages", "show", "mt", "--json").data["language"]
    assert sorted(shown["pieces"]) == ["##ŵ", "ŵ"] and shown["provenance"]["patch"]["pieces"] == 2
    assert cli("tag", "--lang", "mt", text, "--input", "words", "--task", "pos").code == 0
    without = cli(*words, "--patch-pieces", "0", "--new-version", "--json")
    assert without.code == 0 and "patch" not in without.data
    assert cli("languages", "show", "mt", "--json").data["language"]["pieces"] == []
    again = cli(*words, "--seed", "2", "--new-version", "--json").data
    assert again["patch"]["pieces"] == 2 and again["proof"]["holds"]


def test_letters_are_read_by_a_table_and_written_as_they_were(
    cli: Cli, root: Path, stocked: Path, tmp_path: Path
) -> None:
    letters = str.maketrans("relindao", "ሀለሐመሠረሰሸ")
    table, text = tmp_path / "table.tsv", tmp_path / "text.txt"
    table.write_text("# invented\n" + "".join(f"{chr(k)}\t{chr(v)}\n" for v, k in letters.items()), encoding="utf-8")
    text.write_text((root / "mlm" / "tr.txt").read_text(encoding="utf-8").translate(letters), encoding="utf-8")
    ended = cli("add-language", "am", "--mlm", text, *FEW, "--transliteration", table)
    assert ended.code == 0, ended.err
    assert "transliteration: 8 rules; words with unknown pieces 100.0 % -> 0.0 %\n" in ended.out
    assert "rules of its transliteration\t8\n" in cli("languages", "show", "am").out
    assert cli("languages", "show", "am", "--json").data["language"]["transliteration"]["ሀ"] == "r"
    run = cli("runs", "list", "--json").data["runs"][0]
    assert run["config"]["transliteration"] == str(table)
    tagged = cli("tag", "--lang", "am", text, "--input", "words", "--task", "pos", *FEW[-4:])
    assert tagged.code == 0, tagged.err
    words = [row.split("\t")[1] for row in tagged.out.splitlines() if row[:1].isdigit()]
    assert words == text.read_text(encoding="utf-8").split()
    out_of_others = cli(
        "add-language", "ti", "--like", "tr", "--transliteration", table, "--json", "--precision", "fp32"
    )
    assert (
        out_of_others.code == 0
        and len(cli("languages", "show", "ti", "--json").data["language"]["transliteration"]) == 8
    )


def test_a_known_table_is_used_where_it_is_needed_and_said(cli: Cli, stocked: Path) -> None:
    words = ("add-language", "ug", "--like", "tr", "--precision", "fp32", "--json")
    ended = cli(*words)
    assert ended.code == 0
    assert (
        "The backbone does not know all letters of 'ug': they are read as the table of this package says" in ended.err
    )
    assert cli("languages", "show", "ug", "--json").data["language"]["transliteration"]["غ"] == "ğ"
    as_written = cli(*words, "--transliteration", "none", "--new-version")
    assert as_written.code == 0 and "letters" not in as_written.err
    assert cli("languages", "show", "ug", "--json").data["language"]["transliteration"] == {}


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (None, 3, "there is no file"),
        (b"", 6, "has no rule"),
        ("ж zh\n".encode(), 6, "line 1: letters, a tab and their replacement are expected"),
        (b"\xff\n", 6, "this is not UTF-8"),
    ],
    ids=["missing", "empty", "no table", "not utf-8"],
)
def test_an_unusable_table(
    cli: Cli, root: Path, tmp_path: Path, stocked: Path, everything: Picture, content: bytes | None, code: int,
    sentence: str,
) -> None:  # fmt: skip
    table, before = tmp_path / "table.tsv", everything()
    if content is not None:
        table.write_bytes(content)
    ended = cli("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, "--transliteration", table)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before


def test_a_task_that_learns_on_from_its_own_labels_is_told(
    cli: Cli, root: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperx_cl.train.self_training.LEAST_CONFIDENCE", 0.0)  # the tiny model is sure of nothing
    words = ("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, "--self-tasks", "ner", "--self-steps", "2")
    ended = cli(*words)
    assert ended.code == 0, ended.err
    assert re.search(
        r"^ner: learnt on from its own labels of \d+ sentences, \d+ % of the words, in 2 steps$", ended.out, re.M
    )
    again = cli(*words, "--seed", "2", "--new-version", "--json")
    assert again.code == 0 and again.data["self_training"]["ner"]["steps"] == 2
    refused = cli("add-language", "gn", "--mlm", root / "mlm" / "mt.txt", *FEW, "--self-tasks", "mlm")
    assert refused.code == 2 and "mlm labels no words" in refused.err


def test_a_text_that_taught_something_gets_no_warning() -> None:
    assert _little("mt", {"mean": 5.45, "learnt": 2.23}) == []
    (warning,) = _little("ta", {"mean": 1.82, "learnt": 1.54})
    assert warning.startswith("the text of ta has taught little (MLM loss 1.82 with the mean vector, 1.54 now)")
