"""Files are whole or as they were, and what hinders writing is one sentence."""

import errno
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hyperx_cl.errors import StorageError
from hyperx_cl.writing import shared, told, unwritable, whole


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    with whole(file) as fresh:
        fresh.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new" and list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole(file) as fresh:
        fresh.write_text("half")
        raise KeyboardInterrupt
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_one_sentence() -> None:
    said = "There is no room for {} (No space left on device); make some, or choose a place on another disk."
    with pytest.raises(StorageError) as full, told(Path("/dev/full")), open("/dev/full", "w") as disk:
        disk.write("x")
        disk.flush()
    assert str(full.value) == said.format("/dev/full") and full.value.exit_code == 7
    assert str(unwritable(Path("a"), OSError(errno.EDQUOT, "?"))).startswith("There is no room for a (Disk quota")


def test_a_place_that_is_no_folder_is_one_sentence_whoever_says_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    said = r"cannot be written \(Not a directory\); allow it, or choose another place\.$"
    with pytest.raises(StorageError, match=said), whole(file / "a") as fresh:
        fresh.write_text("x")
    with pytest.raises(StorageError, match=said), told(file):
        save_file({"a": np.zeros(3)}, file / "a")  # it speaks of the error in words of its own


def test_what_killed_writers_left_of_shared_content_goes_with_the_next_one(tmp_path: Path) -> None:
    file = tmp_path / "content.txt"
    (tmp_path / "content.txt.1.new").write_text("half")
    (tmp_path / "other.txt.1.new").write_text("another one's")
    with shared(file) as fresh:
        fresh.write_text("whole")
        fresh.replace(tmp_path / "elsewhere")  # as one who was first and swept it away
    assert not file.exists()
    with shared(file) as fresh:
        fresh.write_text("whole")
    assert {p.name for p in tmp_path.iterdir()} == {"content.txt", "other.txt.1.new", "elsewhere"}
