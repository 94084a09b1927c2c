"""The JSON file beside fetched files: it tells what is whole, and no file is there by halves."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hyperx_cl.data.hub.source import Source, keep, read_source, write_source
from hyperx_cl.errors import ConflictError, DataError

SOURCE = Source("pos", "mt", "some/set", "mt_mudt", "0" * 40, "CC-BY-4.0", ("train", "dev"))


def test_files_are_told_with_their_counts_and_what_is_missing(tmp_path: Path) -> None:
    beside = tmp_path / "ud" / "source.json"
    told = keep(beside.parent / "train.conllu", ["one\n\n", "", "two\n\n"], beside, SOURCE, "train")
    assert read_source(beside) == told
    assert (told.parts["train"].count, told.parts["train"].left_out, told.missing) == (2, 1, ["dev"])
    assert json.loads(beside.read_text())["format"] == "hyperx-cl/source@1"
    assert sorted(path.name for path in beside.parent.iterdir()) == ["source.json", "train.conllu"]


def test_a_file_whose_making_fails_is_not_there_and_an_earlier_one_stays(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "half"
        raise DataError("damaged")

    file, beside = tmp_path / "train.conllu", tmp_path / "source.json"
    for old in (None, "old\n\n"):
        if old:
            keep(file, [old], beside, SOURCE, "train")
        with pytest.raises(DataError, match="damaged"):
            keep(file, broken(), beside, SOURCE, "train")
        assert (file.read_text() if file.exists() else None) == old
        assert {path.name for path in tmp_path.iterdir()} == ({"source.json", "train.conllu"} if old else set())


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".train.conllu.abc.part").write_text("half")
    keep(tmp_path / "train.conllu", ["x"], tmp_path / "source.json", SOURCE, "train")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.json", "train.conllu"]


def test_a_file_that_is_gone_is_missing_and_one_that_was_changed_is_refused(tmp_path: Path) -> None:
    file, beside = tmp_path / "train.conllu", tmp_path / "source.json"
    keep(file, ["one\n\n"], beside, SOURCE, "train")
    file.unlink()
    assert read_source(beside) == SOURCE
    file.write_text("other")
    with pytest.raises(ConflictError, match="train.conllu has been changed since it was fetched"):
        read_source(beside)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other@1"}', '{"format": "hyperx-cl/source@1"}'])
def test_another_json_file_is_refused(tmp_path: Path, text: str) -> None:
    beside = tmp_path / "source.json"
    beside.write_text(text)
    with pytest.raises(DataError, match="source.json does not say where its files came from"):
        read_source(beside)


def test_nothing_is_no_file(tmp_path: Path) -> None:
    assert read_source(tmp_path / "source.json") is None
    with pytest.raises(DataError, match="some/set, mt_mudt, has nothing for train.conllu"):
        keep(tmp_path / "train.conllu", [""], tmp_path / "source.json", SOURCE, "train")
    write_source(tmp_path / "source.json", replace(SOURCE, language="fo"))
    assert {path.name for path in tmp_path.iterdir()} == {"source.json"}
