"""Tagging from the command line: what goes in, what comes out, many languages at once."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.data.ner import read_iob2
from hyperx_cl.document import Document
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FAST = ("--precision", "fp32", "--device", "cpu")


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Let a command read these bytes."""

    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

    return give


def test_raw_text_from_stdin(cli: Cli, stocked: Path, stdin: Callable[[bytes], None]) -> None:
    stdin(b"The an, er.\n\nIng on?\n")
    ended = cli("tag", "--lang", "en", "--task", "pos", *FAST)
    assert ended.code == 0, ended.err
    document = Document.from_conllu(ended.out)
    assert [sentence.words for sentence in document.sentences] == [("The", "an", ",", "er", "."), ("Ing", "on", "?")]
    assert all(None not in sentence.labels("pos") for sentence in document.sentences)
    assert "# segmenter = unicode" in ended.out
    assert "Multiword tokens stay whole" in ended.err


def test_conllu_comes_back_with_labels_alone_changed(cli: Cli, root: Path, stocked: Path) -> None:
    file = root / "ud" / "en" / "test.conllu"
    ended = cli("tag", "--lang", "en", file, "--task", "pos", *FAST)
    assert ended.code == 0, ended.err

    def without(text: str) -> list[list[str]]:
        return [[c for i, c in enumerate(line.split("\t")) if i != 3] for line in text.splitlines()]

    assert without(ended.out) == without(file.read_text())


def test_json_has_stable_keys_and_all_tasks(cli: Cli, stocked: Path, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("the an\ner\n")
    ended = cli("tag", "--lang", "eng", file, "--input", "words", "--json", *FAST)
    assert ended.code == 0, ended.err
    assert list(ended.data) == ["schema_version", "model", "tasks", "documents"]
    (document,) = ended.data["documents"]
    assert list(document) == ["language", "file", "segmenter", "multiword_tokens", "offsets", "sentences"]
    assert (document["language"], document["file"], document["segmenter"]) == ("en", str(file), None)
    assert ended.data["tasks"] == ["ner", "pos"]
    assert set(document["sentences"][0]["tokens"][0]["tags"]) == {"ner", "pos"}
    assert cli("tag", "--lang", "en", file, "--input", "words", "--format", "json", *FAST).out == ended.out


def test_many_languages_in_one_call(cli: Cli, root: Path, stocked: Path, tmp_path: Path) -> None:
    files = [root / "ud" / code / "test.conllu" for code in ("en", "tr")]
    words = ["tag", *(f"--lang={file.parent.name}={file}" for file in files), "--task", "ner", *FAST]
    both = cli(*words)
    assert both.code == 0, both.err
    alone = [cli("tag", "--lang", file.parent.name, file, "--task", "ner", *FAST).out for file in files]
    heads = [f"# language = {file.parent.name}\n# source = {file}\n" for file in files]
    assert both.out == heads[0] + alone[0] + heads[1] + alone[1]
    assert [d["language"] for d in cli(*words, "--json").data["documents"]] == ["en", "tr"]
    written = cli(*words, "--output-dir", tmp_path / "out", "--format", "iob2")
    assert (written.code, written.out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["test.en.iob2", "test.tr.iob2"]
    assert len(read_iob2(tmp_path / "out" / "test.tr.iob2")) == 8
    again = cli(*words, "--output-dir", tmp_path / "out", "--format", "iob2")
    assert again.code == 4
    assert "test.en.iob2 is there already" in again.err


def test_a_tokenizer_of_the_user_s(cli: Cli, stocked: Path, tmp_path: Path) -> None:
    script = tmp_path / "split.py"
    script.write_text(
        "import sys\n"
        "for i, c in enumerate(sys.stdin.read().split(), 1):\n"
        "    print(i, c, *'________', sep='\\t')\n"
        "print()\n"
    )
    file = tmp_path / "text.txt"
    file.write_text("中国 人")
    ended = cli("tag", "--lang", "en", file, "--task", "pos", "--tokenizer", f"{sys.executable} {script}", *FAST)
    assert ended.code == 0, ended.err
    assert "\t中国\t" in ended.out


@pytest.mark.parametrize(
    ("words", "content", "code", "sentence"),
    [
        (["--lang", "mt"], b"il", 3, "language 'mt' (Maltese) is not stored for model 'tiny'"),
        (["--lang", "no-such"], b"il", 3, "is not a language code"),
        (["--lang", "en", "--task", "poss"], b"il", 3, "has no task 'poss' (did you mean 'pos'?)"),
        (["--lang", "en", "--task", "mlm"], b"il", 2, "task 'mlm' labels no words"),
        (["--lang", "en"], b"", 6, "the standard input holds no word"),
        (["--lang", "en"], b"\xff\xfe", 6, "the standard input is not UTF-8"),
        (["--lang", "en"], b"a\x00b", 6, "the standard input is binary"),
        (["--lang", "en"], "中国人大学".encode(), 6, "--tokenizer CMD"),
        (["--lang", "en", "--input", "conllu"], b"1\tword\n\n", 6, "line 1: a row has 2 columns where CoNLL-U has 10"),
        (["--lang", "en", "/nowhere.txt"], b"", 3, "there is no file /nowhere.txt"),
        (["--lang", "en", "--lang", "tr"], b"", 2, "several languages need a file each"),
        (["--lang", "en=a.txt", "b.txt"], b"", 2, "b.txt is one file too many"),
        (["--lang", "en", "--tokenizer", "x", "--segmenter", "unicode"], b"a", 2, "exclude each other"),
        (["--lang", "en", "--segmenter", "unicod"], b"a", 3, "did you mean 'unicode'"),
    ],
)
def test_refused(
    cli: Cli, stocked: Path, everything: Picture, stdin: Callable[[bytes], None], words: list[str], content: bytes,
    code: int, sentence: str,
) -> None:  # fmt: skip
    before = everything()
    stdin(content)
    ended = cli("tag", *words)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before
