"""The data root: read by the readers of every other data root, the same every time, and nearer where related."""

import hashlib
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.data.text import read_text
from hyperx_cl.synthetic.corpus import Sizes, raw_text, write_corpus
from hyperx_cl.synthetic.family import default_family

FAMILY = default_family()
SIZES = Sizes(train=20, dev=10, test=15, text=400)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus of the family."""
    return write_corpus(FAMILY, tmp_path_factory.mktemp("corpus"), SIZES)


def test_the_readers_read_every_file(root: Path) -> None:
    data = DataRoot(root)
    assert data.languages("pos") == data.languages("ner") == sorted(FAMILY.codes)
    for code in FAMILY.codes:
        for split, count in (("train", 20), ("dev", 10), ("test", 15)):
            for task in (POS, NER):
                sentences = data.load(task, code, split)
                assert len(sentences) == count
                assert {label for s in sentences for label in s.labels or ()} <= set(task.labels)
        path = data.text(code)
        assert path is not None
        assert len(read_text(path).lines) == SIZES.text


def test_no_sentence_occurs_twice_in_a_language(root: Path) -> None:
    data = DataRoot(root)
    for code in FAMILY.codes:
        labelled = [
            "".join(sentence.words)
            for task in (POS, NER)
            for split in ("train", "dev", "test")
            for sentence in data.load(task, code, split)
        ]
        written = labelled + [line.replace(" ", "") for line in raw_text(FAMILY, [code], root)]
        assert len(written) == 2 * 45 + SIZES.text == len(set(written))


def test_same_family_same_bytes(root: Path, tmp_path: Path) -> None:
    again = write_corpus(FAMILY, tmp_path / "again", SIZES)
    other = write_corpus(default_family(seed=1), tmp_path / "other", SIZES)
    assert digest(root) == digest(again) != digest(other)


def test_nearer_languages_share_more_of_their_letter_sequences(root: Path) -> None:
    counts = {code: trigrams(raw_text(FAMILY, [code], root)) for code in FAMILY.codes}
    shared = {
        (a, b): sum((counts[a] & counts[b]).values()) / sum(counts[a].values())
        for a, b in combinations(FAMILY.codes, 2)
    }
    for branch in ("north", "south", "east", "west"):
        one, sister, cousin = (code for code in FAMILY.codes if FAMILY.main_branch(code) == branch)
        strangers = [s for pair, s in shared.items() if one in pair and FAMILY.relatedness(*pair) == 0]
        average = sum(strangers) / len(strangers)
        assert shared[one, sister] > shared[one, cousin] > average


def trigrams(lines: list[str]) -> Counter[str]:
    """How often each sequence of three letters occurs inside words."""
    words = " ".join(lines).lower().split()
    return Counter(f"^{word}$"[i : i + 3] for word in words for i in range(len(word)))


def digest(folder: Path) -> str:
    """One hash over all files of a folder with their names; 12 languages of 7 files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) == 12 * 7
    total = hashlib.sha256()
    for path in files:
        total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()
