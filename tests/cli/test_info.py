"""`info`: the paper's counts without any weights, and a real model's counts equal to what it trains."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli


@pytest.mark.parametrize(("projected", "total"), [(192, 76_202_816), (32, 13_093_536)])
def test_counts_of_the_paper(cli: Cli, projected: int, total: int) -> None:
    ended = cli("info", "--projected", str(projected), "--languages", "16", "--tasks", "3", "--json")
    assert list(ended.data) == ["schema_version", "layers", "hidden", "languages", "tasks", "parameters", "versions"]
    assert ended.data["parameters"]["total"] == total
    plain = cli("info", "--projected", str(projected), "--languages", "16", "--tasks", "3")
    assert f"total\t{total:,}\n" in plain.out


def test_counts_of_a_model_are_what_it_trains(cli: Cli, stocked: Path) -> None:
    from hyperx_cl.cli.loading import load_model

    with Registry.open(readonly=True) as registry:
        model = load_model(registry, registry.model(), backbone=None, device="cpu", precision="fp32")
    trained = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("heads."))
    told = cli("info", "--json").data
    assert told["parameters"]["total"] == trained
    assert told["fingerprint"] == model.fingerprint()
    assert cli("info", "--quiet").out == f"{trained}\n"


def test_a_model_whose_file_is_gone_is_counted_as_bert_and_that_is_said(cli: Cli, stocked: Path) -> None:
    known = cli("info", "--json").data
    with closing(sqlite3.connect(stocked / "registry.sqlite3")) as connection, connection:
        connection.execute("UPDATE models SET path = '/nowhere'")
    ended = cli("info", "--json")
    assert ended.data["parameters"] == known["parameters"]
    assert ended.err == "There is no model in /nowhere: its LayerNorms are counted as BERT has them.\n"


def test_language_parts_are_counted(cli: Cli) -> None:
    told = cli("info", "--languages", "2", "--language-part", "16", "--json").data["parameters"]
    assert told["language parts"] == 2 * 295_104


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--projected", "3"], 2, "--projected is of a shape: give --languages and --tasks too"),
        (["--languages", "3", "--model", "x"], 2, "exclude each other"),
        (["--languages", "3", "--bottleneck", "0"], 2, "bottleneck is 0"),
        ([], 3, "no model yet"),
    ],
)
def test_refused(cli: Cli, words: list[str], code: int, sentence: str) -> None:
    ended = cli("info", *words)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err
