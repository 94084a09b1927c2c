"""What of a redo is missing, refused or there: texts that have moved or changed, and what was learnt in another way."""

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FEW = ("--steps", "2", "--check-every", "1", "--rank", "2", "--shift-pieces", "0", "--precision", "fp32")
CPU = ("--device", "cpu")
REDO = ("languages", "redo", "--model", "anew", "--yes", *CPU)


@pytest.fixture
def text(cli: Cli, root: Path, twofold: Path, tmp_path: Path) -> Path:
    """The text that mt was learnt from for `tiny`."""
    file = tmp_path / "was" / "wiki.txt"
    file.parent.mkdir()
    file.write_bytes((root / "mlm" / "mt.txt").read_bytes())
    ended = cli("add-language", "mt", "--mlm", file, *FEW, *CPU, "--model", "tiny", "--source", "a wiki")
    assert ended.code == 0, ended.err
    return file


def test_a_text_that_is_gone_is_told_and_the_rest_is_done(cli: Cli, text: Path, root: Path) -> None:
    other = ("add-language", "fo", "--mlm", root / "mlm" / "mt.txt", *FEW, *CPU, "--model", "tiny")
    assert cli(*other).code == 0
    text.unlink()
    ended = cli(*REDO, "--json")
    assert ended.code == 3
    lost, done = ended.data["languages"]
    assert (lost["language"], lost["state"], lost["last"], len(lost["text"])) == ("mt", "not found", str(text), 64)
    assert f"its text (hash {lost['text'][:12]}…) is not found (last in {text}): give it with --text" in lost["why"]
    assert (done["language"], done["state"]) == ("fo", "done")
    assert ended.err.splitlines()[-1].startswith("Error: mt could not be redone for anew (learn from text of mt: its")
    assert ended.err.splitlines()[0].startswith("Not redone: learn from text of mt: its text (hash ")
    assert cli(*REDO, "--dry-run").code == 3


def test_a_text_that_has_moved_is_found_by_its_hash_alone(cli: Cli, text: Path, tmp_path: Path) -> None:
    new = tmp_path / "now" / "deep" / "another name.txt.gz"
    new.parent.mkdir(parents=True)
    new.write_bytes(gzip.compress(text.read_bytes()))
    (new.parent / "mt.txt").write_text("il ħa\n" * 3)
    (new.parent / "binary.txt").write_bytes(b"\x00\x01")
    text.unlink()
    ended = cli(*REDO, "--texts", tmp_path / "now", "--json")
    assert ended.code == 0, ended.err
    (one,) = ended.data["languages"]
    assert (one["state"], one["file"], one["other_text"]) == ("done", str(new), False)
    assert cli("runs", "list", "--json", "--limit", "1").data["runs"][0]["config"]["text"] == str(new)


def test_a_changed_text_is_never_taken_silently(cli: Cli, text: Path, everything: Picture) -> None:
    with text.open("a", encoding="utf-8") as file:
        file.write("en ta il ħa ra\n")
    before = everything()
    ended = cli(*REDO, "--json")
    (one,) = ended.data["languages"]
    assert (ended.code, one["state"]) == (3, "not found")
    assert f"{text} holds another one now, hash " in one["why"]
    named = cli(*REDO, "--text", f"mt={text}")
    assert (named.code, named.out) == (6, "")
    assert f"Error: --text mt={text}: mt was learnt from another text" in named.err and "--other-text" in named.err
    assert everything() == before
    ended = cli(*REDO, "--text", f"mt={text}", "--other-text", "--json")
    assert ended.code == 0, ended.err
    (now,) = ended.data["languages"]
    assert (now["state"], now["other_text"]) == ("done", True) and now["text"] != one["text"]
    told = cli("languages", "show", "mt", "--model", "anew", "--json").data["language"]["provenance"]
    was = cli("languages", "show", "mt", "--model", "tiny", "--json").data["language"]
    assert told["redone"] == {
        "model": was["fingerprint"], "hash": was["hash"], "other_text": True, "text_before": one["text"],
    }  # fmt: skip
    assert told["text"]["sha256"] == now["text"] and "source" not in told  # of the other text nothing is known
    again = cli(*REDO, "--text", f"mt={text}", "--other-text", "--json")
    assert (again.code, again.data["languages"][0]["state"]) == (0, "there")
    without = cli(*REDO, "--json")
    (one,) = without.data["languages"]
    assert (without.code, one["state"], one["other_text"], one["text"]) == (0, "there", True, now["text"])


def test_a_text_for_what_is_not_learnt_from_one_is_refused(cli: Cli, text: Path) -> None:
    assert cli("add-language", "az", "--like", "mt", "--model", "tiny", *CPU).code == 0
    ended = cli(*REDO, "--text", f"az={text}")
    assert (
        ended.code == 2 and "--text names az: choose from the languages that were learnt from a text (mt)" in ended.err
    )


def test_a_named_file_without_text_is_refused(cli: Cli, text: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    ended = cli(*REDO, "--text", f"mt={tmp_path / 'empty'}", "--other-text")
    assert ended.code == 6 and "this is no text that can be read" in ended.err


def test_what_was_made_in_another_way_stays_unless_a_version_is_wanted(cli: Cli, text: Path) -> None:
    assert cli("add-language", "mt", "--mlm", text, *FEW, *CPU, "--seed", "9", "--model", "anew").code == 0
    ended = cli(*REDO, "--json")
    (one,) = ended.data["languages"]
    assert (ended.code, one["state"]) == (4, "refused")
    assert "anew has mt, made in another way (version 1): pass --new-version" in one["why"]
    assert cli(*REDO, "--new-version", "--quiet").out == "mt@2\n"
    assert cli("languages", "use", "mt", "1", "--model", "anew").code == 0
    again = cli(*REDO, "--json")
    assert (again.code, again.data["languages"][0]["state"], again.data["languages"][0]["version"]) == (0, "there", 2)


def test_a_base_language_of_the_new_model_is_left_alone(cli: Cli, text: Path) -> None:
    with Registry.open() as registry:
        known = registry.model("tiny")
        config = {**known.config, "languages": ["tr"]}
        registry.add_model("less", "ef" * 32, known.path, known.backbone, config)
        mine = registry.language("en", "tiny").record
        told = {**registry.language("mt", "tiny").record.provenance, "parent": None}
        registry.add_language(LanguageRecord("en", "ef" * 32, mine.tensors, told))
    ended = cli(*REDO, "--from", "less", "--json")
    assert ended.code == 0, ended.err
    (one,) = ended.data["languages"]
    assert (one["language"], one["state"], one["why"]) == ("en", "there", "anew was trained on it")


def test_records_of_which_too_little_is_kept_are_told_and_passed_over(cli: Cli, text: Path) -> None:
    with Registry.open() as registry:
        model, mine = registry.model("tiny").fingerprint, registry.language("mt", "tiny").record
        kept = {key: value for key, value in mine.provenance.items() if key not in ("created", "parent")}
        without = {key: value for key, value in kept.items() if key != "options"}
        ways = {
            "fo": without, "ga": {"method": "by hand"}, "is": {**kept, "text": {}},
            "cy": {**kept, "options": {**kept["options"], "wings": 2}},
            "sq": {**kept, "options": {"steps": 2, "warmup": 1}},
            "az": {"method": "like", "relatives": ["kk"]},
        }  # fmt: skip
        for number, (code, told) in enumerate(ways.items()):
            tensors = {**mine.tensors, "embedding": mine.tensors["embedding"] + number + 1}
            registry.add_language(LanguageRecord(code, model, tensors, told))
    ended = cli(*REDO, "--dry-run", "--json", "--texts", text.parent)
    told = {one["language"]: (one["state"], one["why"] or "") for one in ended.data["languages"]}
    assert ended.code == 3  # what is missing goes before what is refused
    assert told["mt"] == ("to do", "")
    assert told["fo"][0] == "refused" and "tells by which options it was learnt" in told["fo"][1]
    assert told["ga"][0] == "refused" and "it came about by 'by hand', which cannot be redone" in told["ga"][1]
    assert told["is"][0] == "refused" and "no hash of its text is kept" in told["is"][1]
    assert told["cy"][0] == "refused" and "was learnt with wings, which this version does not have" in told["cy"][1]
    assert told["sq"][0] == "to do" and told["sq"][1].startswith("not kept, so as by default now: capacity, rank")
    assert told["az"] == ("not found", told["az"][1]) and "anew has no kk, which it is made of" in told["az"][1]


def test_without_a_run_the_text_is_looked_for_in_the_folders(cli: Cli, text: Path, twofold: Path) -> None:
    with closing(sqlite3.connect(twofold / "registry.sqlite3")) as connection:
        connection.execute("delete from runs")
        connection.commit()
    lost = cli(*REDO, "--json")
    assert lost.code == 3 and "(where it was is not kept)" in lost.data["languages"][0]["why"]
    found = cli(*REDO, "--texts", text.parent, "--json")
    assert found.code == 0 and found.data["languages"][0]["file"] == str(text)


def test_a_version_whose_beginning_was_removed(cli: Cli, text: Path) -> None:
    with Registry.open() as registry:
        mine = registry.language("mt", "tiny")
        told = {"method": "fewshot", "task": "pos", "parent": mine.stored.hash}
        tensors = {**mine.record.tensors, "pair.pos.embedding": mine.record.tensors["embedding"]}
        registry.add_language(LanguageRecord("mt", mine.record.model, tensors, told), new_version=True)
        registry.remove_language("mt", 1, "tiny")
    ended = cli(*REDO, "--json")
    (one,) = ended.data["languages"]
    assert (ended.code, one["state"]) == (3, "not found")
    assert "the version it was learnt from was removed" in one["why"]
