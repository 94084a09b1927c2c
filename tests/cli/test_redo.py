"""`languages redo`: what is redone is what `add-language` would make, and what is printed, refused and left."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FEW = (
    "--steps", "3", "--mixture-steps", "1", "--check-every", "1", "--rank", "2", "--start", "best",
    "--capacity", "both", "--shift-pieces", "20", "--shift-rank", "2", "--keep-part", "0.7",
    "--seed", "5", "--precision", "fp32",
)  # fmt: skip
CPU = ("--device", "cpu")
REDO = ("languages", "redo", "--model", "anew", "--yes", *CPU)
KEYS = [
    "language", "method", "task", "state", "why", "file", "text", "other_text", "last", "steps_before",
    "seconds_before", "version", "hash",
]  # fmt: skip


def stored_hash(code: str, model: str = "anew") -> str:
    with Registry.open(readonly=True) as registry:
        return registry.language(code, model).stored.hash


def test_what_is_redone_is_bit_for_bit_what_add_language_makes(
    cli: Cli, root: Path, twofold: Path, tmp_path: Path
) -> None:
    text = shutil.copy(root / "mlm" / "mt.txt", tmp_path / "mt.txt")
    table = tmp_path / "table.tsv"
    table.write_text("ħ\th\n", encoding="utf-8")
    facts = ("--source", "a test", "--licence", "CC0-1.0")
    add = ("add-language", "mt", "--mlm", text, *FEW, *CPU, *facts, "--transliteration", table)
    assert cli(*add, "--model", "tiny").code == 0
    assert cli("add-language", "az", "--like", "mt,tr", "--model", "tiny", *CPU).code == 0
    assert cli("add-language", "tk", "--model", "tiny", *CPU).code == 0  # of its relatives
    shutil.copy(twofold / "registry.sqlite3", tmp_path)
    table.unlink()  # its rules are in the record
    ended = cli(*REDO, "--json")
    assert ended.code == 0, ended.err
    assert list(ended.data) == ["schema_version", "model", "from", "dry_run", "languages", "left", "seconds"]
    assert [list(one) for one in ended.data["languages"]] == [KEYS] * 3
    assert [(one["language"], one["method"], one["state"], one["version"]) for one in ended.data["languages"]] == [
        ("mt", "mlm", "done", 1), ("az", "like", "done", 1), ("tk", "code", "done", 1),
    ]  # fmt: skip
    redone = {code: stored_hash(code) for code in ("mt", "az", "tk")}
    with Registry.open(readonly=True) as registry:
        told = registry.language("mt", "anew").stored.provenance
        before = registry.language("mt", "tiny").stored
        run = next(run for run in registry.list_runs() if run.metrics.get("hash") == redone["mt"])
    assert (told["source"], told["licence"], told["seed"]) == ("a test", "CC0-1.0", 5)
    assert told["redone"] == {"model": before.fingerprint, "hash": before.hash}
    assert str(tmp_path) not in str(told)  # a record travels
    assert (run.config["text"], run.config["redone"]) == (str(text), told["redone"])
    shutil.copy(tmp_path / "registry.sqlite3", twofold)
    table.write_text("ħ\th\n", encoding="utf-8")
    assert cli(*add, "--model", "anew").code == 0
    assert cli("add-language", "az", "--like", "mt,tr", "--model", "anew", *CPU).code == 0
    assert cli("add-language", "tk", "--model", "anew", *CPU).code == 0
    assert {code: stored_hash(code) for code in redone} == redone


def test_what_is_there_is_left_alone(cli: Cli, root: Path, twofold: Path, everything: Picture) -> None:
    assert cli("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, *CPU, "--model", "tiny").code == 0
    assert cli("add-language", "az", "--like", "mt", "--model", "tiny", *CPU).code == 0
    assert cli("add-language", "tk", "--model", "tiny", *CPU).code == 0
    assert cli(*REDO, "--quiet").out == "mt@1\naz@1\ntk@1\n"
    before = everything()
    ended = cli(*REDO, "--json")
    assert ended.code == 0, ended.err
    assert [(one["state"], one["version"]) for one in ended.data["languages"]] == [("there", 1)] * 3
    assert everything() == before


def test_a_dry_run_tells_all_and_writes_nothing(cli: Cli, root: Path, twofold: Path, everything: Picture) -> None:
    text = root / "mlm" / "mt.txt"
    assert cli("add-language", "mt", "--mlm", text, *FEW, *CPU, "--model", "tiny").code == 0
    before = everything()
    ended = cli(*REDO, "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "new languages of tiny for anew:"
    assert lines[1].split("\t")[:5] == ["code", "what", "state", "steps before", "time before"]
    assert lines[2].split("\t")[:4] == ["mt", "learn from text", "to do", "3"] and lines[2].endswith(f"\t{text}")
    assert lines[3].startswith("1 to do, which took ")
    (one,) = cli(*REDO, "--dry-run", "--json").data["languages"]
    assert (one["state"], one["steps_before"], one["file"], one["version"]) == ("to do", 3, str(text), None)
    assert one["seconds_before"] > 0
    assert everything() == before


def test_only_what_is_named_is_redone(cli: Cli, root: Path, twofold: Path) -> None:
    for code in ("mt", "fo"):
        words = ("add-language", code, "--mlm", root / "mlm" / "mt.txt", *FEW, *CPU, "--model", "tiny")
        assert cli(*words).code == 0
    assert cli(*REDO, "fao", "--quiet").out == "fo@1\n"
    assert cli("languages", "list", "--model", "anew", "--quiet").out == "en\nfo\ntr\n"


def test_it_asks_before_it_learns(cli: Cli, root: Path, twofold: Path, everything: Picture) -> None:
    assert cli("add-language", "mt", "--mlm", root / "mlm" / "mt.txt", *FEW, *CPU, "--model", "tiny").code == 0
    before = everything()
    ended = cli("languages", "redo", "--model", "anew")
    assert ended.code == 2 and "Redo mt for anew, which took " in ended.err and "with --yes" in ended.err
    assert everything() == before


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--model", "anew", "fo"], 3, "language 'fo' (Faroese) is not stored for model 'tiny'"),
        (["--model", "anew", "--from", "anew"], 2, "--model and --from both name anew"),
        (["--model", "annew"], 3, "no model 'annew'"),
        (["--model", "anew", "--from", "tinny"], 3, "did you mean 'tiny'"),
        (["--model", "anew", "--text", "mt"], 2, "--text mt: this is not of the form CODE=FILE"),
        (["--model", "anew", "--text", "mt=/nowhere.txt"], 3, "there is no file /nowhere.txt"),
        (["--model", "anew", "--text", "mt={text}", "--text", "mlt={text}"], 2, "this language has a file already"),
        (["--model", "anew", "--texts", "/nowhere"], 3, "there is no folder /nowhere"),
        (["--model", "anew", "--other-text"], 2, "--other-text is about what --text CODE=FILE names"),
        (
            ["--model", "anew", "--text", "mt={text}"],
            2,
            "--text names mt: choose from the languages that were learnt from a text (none)",
        ),
    ],
)
def test_refused(
    cli: Cli, root: Path, twofold: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    before = everything()
    ended = cli("languages", "redo", *(word.format(text=root / "mlm" / "mt.txt") for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before


def test_which_model_is_meant_has_to_be_clear(cli: Cli, stocked: Path) -> None:
    alone = cli("languages", "redo", "--model", "tiny")
    assert alone.code == 3 and "tiny is the only model" in alone.err
    with Registry.open() as registry:
        known = registry.model()
        for name, mark in (("b", "ab" * 32), ("c", "cd" * 32)):
            registry.add_model(name, mark, "/models", known.backbone, known.config)
    several = cli("languages", "redo", "--model", "tiny")
    assert several.code == 2 and "say with --from which model has the languages: b, c" in several.err
    none = cli("languages", "redo", "--model", "tiny", "--from", "b")  # its folder need not be there
    assert none.code == 0 and "b has none" in none.out
