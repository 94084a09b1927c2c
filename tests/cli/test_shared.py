"""Several languages by one command: what is refused before anything, and what becomes of the rest where one fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli
from tests.cli.test_add_language import FEW

Picture = Callable[[], dict[str, bytes]]


@pytest.fixture
def texts(root: Path, tmp_path: Path) -> Path:
    """A data folder with text of mt and az, and with too little of it."""
    folder = tmp_path / "texts" / "mlm"
    folder.mkdir(parents=True)
    for code, like in (("mt", "mt"), ("az", "tr")):
        (folder / f"{code}.txt").write_bytes((root / "mlm" / f"{like}.txt").read_bytes())
    (folder / "it.txt").write_text("una riga\n", encoding="utf-8")
    return folder.parent


def test_one_that_fails_keeps_no_other_from_being_stored(cli: Cli, texts: Path, stocked: Path) -> None:
    ended = cli("add-language", "mt,it,az", "--mlm", texts, *FEW, "--json")
    assert ended.code == 6
    assert [told["language"] for told in ended.data["languages"]] == ["mt", "az"]
    assert ended.err.splitlines()[-1].startswith("Error: it: ")
    with Registry.open(readonly=True) as registry:
        assert {stored.language for stored in registry.languages()} == {"az", "en", "mt", "tr"}
        assert [run.status for run in registry.list_runs()] == ["done"] * 3
    one = cli("add-language", "mt", "--mlm", texts, *FEW, "--new-version", "--quiet")
    assert (one.code, one.out) == (0, "mt@1\n")  # a data folder will do for one too, and gives the same numbers


def test_several_without_a_text_are_not_made_of_each_other(cli: Cli, stocked: Path) -> None:
    ended = cli("add-language", "az, mt", "--json")
    assert ended.code == 0, ended.err
    assert [told["language"] for told in ended.data["languages"]] == ["az", "mt"]
    assert all({*told["relatives"]} <= {"en", "tr"} for told in ended.data["languages"])
    assert ended.err.count("Warning: nothing was learnt of") == 2
    again = cli("add-language", "kk,uz", "--like", "tr,az", "--quiet")
    assert (again.code, again.out) == (0, "kk@1\nuz@1\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["mt,az", "--mlm", "{texts}/mlm/mt.txt"], 2, "is the text of one language: give for several the data folder"),
        (["mt,az", "--mlm", "{texts}", "--transliteration", "x.tsv"], 2, "of transliteration is of one language"),
        (["mt,fo", "--mlm", "{texts}"], 3, "has no text of 'fo': put it into mlm/fo.txt there"),
        (["mt,en", "--mlm", "{texts}"], 4, "language 'en' is already stored"),
        (["mt,xx-no", "--mlm", "{texts}"], 3, "is not a language code"),
        ([",", "--mlm", "{texts}"], 2, "no language is named: give a code, or several such as mt,ug"),
    ],
)  # fmt: skip
def test_refused_before_anything(
    cli: Cli, texts: Path, stocked: Path, everything: Picture, words: list[str], code: int, sentence: str
) -> None:
    before = everything()
    ended = cli("add-language", *(word.format(texts=texts) for word in words))
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before


def test_what_several_processes_would_only_do_several_times_is_refused(
    cli: Cli, stocked: Path, everything: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        ended = cli("languages", "remove", "en", "--yes")
        assert (ended.code, ended.out) == (2, "")
        assert "remove is the work of one process: start it without torchrun" in ended.err
        assert ended.err.startswith("Error: " if rank == "0" else "Process 1: Error: ")
    assert everything() == before
