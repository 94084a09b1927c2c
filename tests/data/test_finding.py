"""Texts and sentences are found by their hashes, whatever their files are called and wherever they lie."""

import gzip
from pathlib import Path

import pytest

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.finding import Finder
from hyperx_cl.data.tasks import Task
from hyperx_cl.data.text import read_text
from hyperx_cl.errors import NotFoundError

TEXT = "il-kelb jiġri\nil-qattus jorqod\n"
ROWS = "".join(f"1\tkelb{n}\t_\tNOUN\t_\t_\t_\t_\t_\t_\n2\tġera\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n" for n in range(4))
POS = Task("pos", "words", ("NOUN", "VERB"))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_text_is_found_under_any_name_and_compressed(tmp_path: Path) -> None:
    file = write(tmp_path / "texts" / "a" / "old.GZ", gzip.compress(TEXT.encode()))
    write(tmp_path / "texts" / "mt.txt", "something else\n")
    write(tmp_path / "texts" / "noise.txt", b"\x00\x01")
    write(tmp_path / "texts" / "rows.conllu", ROWS)
    said: list[str] = []
    finder = Finder([tmp_path / "texts"], said.append)
    wanted = read_text(file).sha256
    assert finder.text(wanted, "mt") == file
    assert said == [f"Looking for what mt was learnt from in {tmp_path / 'texts'}."]
    assert finder.text("0" * 64, "mt") is None


def test_what_is_said_goes_first_and_is_no_more_than_a_place_to_look(tmp_path: Path) -> None:
    said, copy = write(tmp_path / "one.txt", TEXT), write(tmp_path / "texts" / "copy.txt", TEXT)
    wanted = read_text(said).sha256
    told: list[str] = []
    assert Finder([tmp_path / "texts"], told.append).text(wanted, "mt", [said]) == said and told == []
    said.write_text("changed\n", encoding="utf-8")
    assert Finder([tmp_path / "texts"]).text(wanted, "mt", [said, tmp_path / "gone.txt"]) == copy
    assert Finder().text(wanted, "mt", [said]) is None


def test_files_of_the_language_s_name_go_first(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", TEXT)
    own = write(tmp_path / "z" / "mt" / "text.txt", TEXT)
    assert Finder([tmp_path]).text(read_text(own).sha256, "mt") == own
    assert Finder([tmp_path]).text(read_text(own).sha256, "fo") == tmp_path / "a.txt"


def test_each_text_is_read_once_and_what_is_none_has_no_hash(tmp_path: Path) -> None:
    file, finder = write(tmp_path / "mt.txt", TEXT), Finder()
    first = finder.hash_of(file)
    file.unlink()
    assert first is not None and finder.hash_of(file) == first
    assert [finder.hash_of(place) for place in (tmp_path, tmp_path / "gone", write(tmp_path / "e", ""))] == [None] * 3


def test_sentences_are_found_in_their_order_in_a_file_that_has_all_of_them(tmp_path: Path) -> None:
    file = write(tmp_path / "labels.conllu", ROWS)
    known = read_conllu(file)
    digests = [known[3].digest, known[1].digest]
    assert Finder([tmp_path]).sentences(digests, POS, "mt") == ([known[3], known[1]], file)
    assert Finder([tmp_path]).sentences([*digests, "0" * 64], POS, "mt") is None
    renamed = Task("pos", "words", ("N", "V"), label_map={"NOUN": "N", "VERB": "V"})
    assert Finder([tmp_path]).sentences(digests, renamed, "mt") is None  # other labels: other sentences
    file.write_text("no rows\n", encoding="utf-8")
    assert Finder([tmp_path]).sentences(digests, POS, "mt", [tmp_path / "gone.conllu"]) is None


def test_sentences_are_found_in_a_data_root(tmp_path: Path) -> None:
    file = write(tmp_path / "ud" / "mt" / "train.conllu", ROWS)
    digests = [sentence.digest for sentence in read_conllu(file)]
    found = Finder().sentences(digests, POS, "mt", [tmp_path])
    assert found is not None and found[1] == tmp_path
    assert Finder().sentences(digests, POS, "fo", [tmp_path, tmp_path / "ud"]) is None


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder .*gone: check the path"):
        Finder([tmp_path / "gone"])
