"""`registry`: what it prints, how it ends, and that the way out and in again changes nothing."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hyperx_cl.registry import schema
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli
from tests.registry.test_schema import EARLIER
from tests.test_docs import commands

Picture = Callable[[], dict[str, bytes]]


def test_upgrade(cli: Cli, home: Path) -> None:
    file = home / "registry.sqlite3"
    assert cli("registry", "upgrade").out == f"{file} is brought from empty to {schema.HEAD}\n"
    assert "already, which is this version's" in cli("registry", "upgrade").out
    with closing(sqlite3.connect(home / "old.sqlite3")) as connection:
        connection.executescript((EARLIER / "0001.sql").read_text(encoding="utf-8"))
    done = cli("registry", "upgrade", "--registry", home / "old.sqlite3", "--json").data
    assert done == {
        "schema_version": 1, "registry": str(home / "old.sqlite3"), "before": "0001", "after": schema.HEAD,
    }  # fmt: skip
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    ended = cli("registry", "upgrade")
    assert ended.code == 4 and "run `pip install --upgrade hyperx-cl`" in ended.err


def test_check(cli: Cli, stocked: Path, everything: Picture) -> None:
    before = everything()
    assert "is sound" in cli("registry", "check").out
    assert cli("registry", "check", "--json").data["problems"] == []
    assert everything() == before
    with closing(sqlite3.connect(stocked / "registry.sqlite3")) as connection, connection:
        connection.execute("UPDATE versions SET embedding = zeroblob(256) WHERE id = 1")
        connection.execute("UPDATE versions SET provenance = '{' WHERE id = 2")
    ended = cli("registry", "check")
    assert ended.code == 6
    assert ended.out.splitlines()[0] == "where\twhat is wrong"
    assert "version 1 of en (model tiny)\tthe embedding kept for searching differs" in ended.out
    assert "row 2 of versions\ta column of it is no JSON" in ended.out
    assert ended.err.startswith("Error: 2 things are wrong in ") and ended.err.count("\n") == 1
    listed = cli("registry", "check", "--json")
    assert (listed.code, len(listed.data["problems"])) == (6, 2)
    broken = cli("languages", "list")
    assert broken.code == 6 and "is not JSON" in broken.err and "`hyperx-cl registry check`" in broken.err


def test_out_and_in_again(cli: Cli, stocked: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "records", tmp_path / "other.sqlite3"
    assert cli("registry", "export", out).out == f"1 model, 2 languages in 2 versions, 0 learnt tasks are in {out}\n"
    refused = cli("registry", "export", out)
    assert refused.code == 4 and "name a new folder" in refused.err
    dry = cli("registry", "import", out, "--registry", other, "--dry-run", "--json").data
    assert dry["new"] == {"models": 1, "languages": 2, "versions": 2, "tasks": 0} and dry["dry_run"]
    assert cli("models", "list", "--registry", other, "--quiet").out == ""
    stored = cli("registry", "import", out, "--registry", other)
    assert stored.out.splitlines() == [
        "stored: 1 model, 2 languages in 2 versions, 0 learnt tasks",
        "there already, and left as they are: 0 models, 0 languages in 0 versions, 0 learnt tasks",
    ]
    here, there = (
        cli("languages", "list", "--json", "--registry", r).data for r in (stocked / "registry.sqlite3", other)
    )
    assert here == there
    assert cli("registry", "check", "--registry", other).code == 0
    one = cli("registry", "export", tmp_path / "one", "--lang", "tur", "--model", "tiny", "--json").data
    assert (one["languages"], one["versions"]) == (1, 1)
    missing = cli("registry", "import", tmp_path / "nowhere")
    assert missing.code == 3 and "holds no exported model" in missing.err


def test_backup(cli: Cli, stocked: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    done = cli("registry", "backup", copy, "--json").data
    assert (done["file"], done["bytes"]) == (str(copy), copy.stat().st_size)
    with Registry.open(str(copy), readonly=True) as registry:
        assert [stored.language for stored in registry.languages()] == ["en", "tr"]
    again = cli("registry", "backup", copy)
    assert again.code == 4 and "choose another name" in again.err
    elsewhere = cli("registry", "backup", tmp_path / "x", "--registry", "postgresql://me:secret@db/team")
    assert elsewhere.code == 2 and "run `pg_dump " in elsewhere.err and "secret" not in elsewhere.err


@pytest.mark.parametrize("word", ["check", "export", "backup"])
def test_where_there_is_no_registry_none_is_made(cli: Cli, home: Path, tmp_path: Path, word: str) -> None:
    ended = cli("registry", word, *([] if word == "check" else [tmp_path / "x"]))
    assert ended.code == (0 if word == "check" else 3)
    assert list(home.iterdir()) == []


DOC = (Path(__file__).parents[2] / "docs" / "registry.md").read_text(encoding="utf-8")


def test_the_page_shows_commands_and_options_that_exist() -> None:
    known = commands()
    lines = re.findall(r"^hyperx-cl [^\n#]*", DOC, re.MULTILINE)
    assert len(lines) >= 18
    for line in lines:
        words = next(words for words in known if f"{line.strip()} ".startswith(f"{words} "))
        options = {name for parameter in getattr(known[words], "params", []) for name in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= options, line


def test_the_page_documents_every_key(cli: Cli, stocked: Path) -> None:
    told = re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE)
    for words in (["list"], ["history", "en"], ["show", "en"]):
        document = cli("languages", *words, "--json").data
        (found,) = [value for key, value in document.items() if key != "schema_version"]
        language = found[0] if isinstance(found, list) else found
        extra = ["pieces", "transliteration", "tensors", "provenance"] if words[0] == "show" else []
        assert list(language) == [*told, *extra]
        assert document["schema_version"] == 1
    assert all(f"`{key}`" in DOC for key in extra)
