"""A data root, and the real one."""

import gzip
from pathlib import Path

import pytest

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.hub.source import data_file, source_file
from hyperx_cl.data.ner import read_iob2
from hyperx_cl.data.root import DataRoot, read_sentences
from hyperx_cl.data.tasks import NER, POS, Task, label_set
from hyperx_cl.data.text import read_text
from hyperx_cl.errors import DataError, NotFoundError, UsageError

ROW = "1\ta\t_\tX\tXX\t_\t0\troot\t_\t_\n"


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    files = {
        "ud/mt/train.conllu": ROW,
        "ud/tr/test.conllu": ROW,
        "ner/mt/dev.conll": "a\tB-PER\n",
        "ner/fo/dev.conll": "a\tB-MISC\n",
        "chunks/mt/train.conll": "a\tB-NP\n",
        "mlm/mt.txt": "a\n",
        "mlm/zh-yue.txt.gz": "",
        "mlm/README.md": "",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return DataRoot(tmp_path)


def test_finds_files_and_languages(root: DataRoot) -> None:
    assert root.labelled("pos", "mt", "train") == root.path / "ud/mt/train.conllu"
    assert root.labelled("pos", "mt", "dev") is None
    assert root.labelled("ner", "mt", "dev") == root.path / "ner/mt/dev.conll"
    assert root.labelled("number", "mt", "train") == root.path / "ud/mt/train.conllu"
    assert root.text("zh-yue") == root.path / "mlm/zh-yue.txt.gz"
    assert root.text("tr") is None
    assert root.languages("pos") == ["mt", "tr"]
    assert root.languages("ner") == ["fo", "mt"]
    assert root.languages("mlm") == ["mt", "zh-yue"]


def test_a_code_that_names_a_device_has_an_underscore_behind_it(tmp_path: Path) -> None:
    """Windows has no file con.txt; where there is one all the same, it is found."""
    for name in ("con_", "aux", "mt"):
        (tmp_path / "mlm").mkdir(exist_ok=True)
        (tmp_path / "mlm" / f"{name}.txt").write_text("a\n")
        (tmp_path / "ud" / name).mkdir(parents=True)
        (tmp_path / "ud" / name / "test.conllu").write_text("")
    root = DataRoot(tmp_path)
    assert root.languages("mlm") == root.languages("pos") == ["aux", "con", "mt"]
    assert root.text("con") == tmp_path / "mlm" / "con_.txt" == data_file(tmp_path, "mlm", "con", "text")
    assert root.labelled("pos", "con", "test") == data_file(tmp_path, "ud", "con", "test")
    assert root.labelled("pos", "aux", "test") == tmp_path / "ud" / "aux" / "test.conllu"
    assert source_file(tmp_path, "ud", "nul").parent.name == "nul_"


def test_loads_any_task(root: DataRoot) -> None:
    assert root.load(POS, "mt", "train")[0].labels == ("X",)
    assert root.load(Task("xpos", "words", column="xpos"), "mt", "train")[0].labels == ("XX",)
    assert root.load(Task("ner", "spans", NER.labels, label_map={"MISC": "O"}), "fo", "dev")[0].labels == ("O",)
    assert label_set(root.load(Task("chunks", "spans"), "mt", "train")) == ("B-NP",)


def test_a_tag_outside_the_set_is_refused(root: DataRoot) -> None:
    with pytest.raises(DataError, match=r"fo.dev\.conll, sentence 1: 'a' is labelled 'B-MISC'.*--label-map MISC="):
        root.load(NER, "fo", "dev")


def test_a_missing_file_names_the_languages_that_have_it(root: DataRoot) -> None:
    with pytest.raises(NotFoundError, match="no train sentences for pos in 'tr'.*it has them for mt"):
        root.load(POS, "tr", "train")


def test_wrong_calls_are_refused(root: DataRoot, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'train'"):
        root.labelled("pos", "mt", "trian")
    with pytest.raises(UsageError, match="no labelled sentences"):
        root.load(Task("mlm", "mlm"), "mt", "train")
    with pytest.raises(NotFoundError, match="is no data root"):
        DataRoot(tmp_path / "ud" / "mt")


# Sentences of train, dev and test, and lines of text, as the data's own README counts them.
UD = {
    "en": (12292, 2002, 2077),
    "ar": (634, 150, 704),
    "br": (0, 0, 888),
    "zh": (3997, 500, 500),
    "kk": (31, 0, 1047),
    "tr": (3650, 988, 983),
    "gn": (0, 0, 98),
    "hsb": (23, 0, 623),
    "mt": (1123, 433, 518),
    "sa": (0, 0, 230),
    "ta": (400, 80, 120),
    "yue": (0, 0, 1004),
}
ENTITIES = {
    "en": (5000, 1000, 1000),
    "ar": (2160, 266, 254),
    "is": (4731, 929, 1000),
    "yo": (82, 89, 100),
    "fo": (2208, 383, 1000),
    "sa": (5000, 1000, 1000),
    "ug": (1403, 191, 200),
}
LINES = {"en": 19961, "mt": 14005, "ug": 6552, "fo": 16227, "zh": 19705, "am": 2358, "yo": 13748}


@pytest.mark.real
@pytest.mark.parametrize("task", [POS, NER], ids=["pos", "ner"])
def test_real_sentences_are_all_there_with_known_labels(data_root: Path, task: Task) -> None:
    root = DataRoot(data_root)
    for language, counts in (UD if task is POS else ENTITIES).items():
        found = [
            len(root.load(task, language, split)) if root.labelled(task.name, language, split) else 0
            for split in ("train", "dev", "test")
        ]
        assert (language, *found) == (language, *counts)


@pytest.mark.real
def test_real_text_is_all_there(data_root: Path) -> None:
    root = DataRoot(data_root)
    for language, count in LINES.items():
        path = root.text(language)
        assert path is not None
        text = read_text(path)
        assert (language, len(text.lines) + sum(text.dropped.values())) == (language, count)


@pytest.mark.real
def test_share_of_real_range_rows(data_root: Path) -> None:
    """About 12.3 % of the rows of the Sanskrit test set are ranges."""
    path = data_root / "ud/sa/test.conllu"
    plain, ranges = (sum(map(len, read_conllu(path, ranges=keep))) for keep in (False, True))
    assert round((ranges - plain) / ranges, 3) == 0.123


def test_a_file_is_read_by_its_name_or_by_what_its_task_labels(tmp_path: Path) -> None:
    rows, names = tmp_path / "rows.txt", tmp_path / "names.txt"
    rows.write_text(ROW, encoding="utf-8")
    names.write_text("a\tB-PER\n", encoding="utf-8")
    assert read_sentences(Task("pos", "words"), rows) == read_conllu(rows)
    assert read_sentences(Task("ner", "spans"), names) == read_iob2(names)
    renamed = Task("pos", "words", label_map={"X": "NOUN"})
    assert read_sentences(renamed, rows)[0].labels == ("NOUN",)
    marked = tmp_path / "names.conllu.gz"
    marked.write_bytes(gzip.compress(ROW.encode()))
    assert read_sentences(Task("ner", "spans", column="upos"), marked)[0].labels == ("X",)
