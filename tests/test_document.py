"""Documents: three kinds of input, three kinds of output, and CoNLL-U that comes out as it went in."""

import json
from pathlib import Path

import pytest

from hyperx_cl.document import FORMATS, Document, looks_like_conllu, misc_key
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.segment import Token, UnicodeSegmenter, segmenter

CONLLU = """# sent_id = s1
# text = Vámonos al mar.
1-2	Vámonos	_	_	_	_	_	_	_	_
1	Vamos	ir	_	_	_	0	root	_	_
2	nos	yo	_	_	_	1	obj	_	_
2.1	x	_	_	_	_	_	_	1:dep	_
3-4	al	_	_	_	_	_	_	_	_
3	a	a	ADP	_	_	5	case	_	_
4	el	el	DET	_	_	5	det	_	_
5	mar	mar	NOUN	_	_	1	obl	_	SpaceAfter=No|Gloss=sea
6	.	.	PUNCT	_	_	1	punct	_	_

# newpar
1	Sí	_	_	_	_	_	_	_	_

"""


class Splitter:
    """A segmenter that knows multiword tokens."""

    name = "splitter"
    whole = False

    def __call__(self, text: str) -> list[list[Token]]:
        return [[Token("al", 0, 2, True, ("a", "el")), Token("mar", 3, 6)]]


def test_conllu_words_are_the_syntactic_ones() -> None:
    document = Document.from_conllu(CONLLU)
    assert [s.words for s in document.sentences] == [("Vamos", "nos", "a", "el", "mar", "."), ("Sí",)]
    assert document.sentences[0].labels("pos") == (None, None, "ADP", "DET", "NOUN", "PUNCT")
    assert document.sentences[0].labels("ner") == (None,) * 6
    assert document.text == "Vámonos al mar.\n\nSí"
    assert document.sentences[0].offsets == ((0, 7), (8, 10), (11, 14), (14, 15))
    assert document.multiword == "given"


def test_nothing_set_is_written_as_it_came() -> None:
    assert Document.from_conllu(CONLLU).to_conllu() == CONLLU


def test_labels_change_their_columns_alone() -> None:
    document = Document.from_conllu(CONLLU)
    first = document.sentences[0]
    first.set_labels("pos", ["VERB", "PRON", "ADP", "DET", "PROPN", "PUNCT"])
    first.set_labels("ner", ["O", "O", "O", "O", "B-LOC", "O"])
    first.set_labels("mood", ["+", "_", "a|b", "x y", "z", "q"])
    first.set_labels("mood", ["-", "_", "a|b", "x y", "z", "q"])
    before, after = CONLLU.splitlines(), document.to_conllu().splitlines()
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert changed == [3, 4, 7, 8, 9, 10]
    assert after[3] == "1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\tNER=O|Mood=-"
    assert after[9] == "5\tmar\tmar\tPROPN\t_\t_\t1\tobl\t_\tSpaceAfter=No|Gloss=sea|NER=B-LOC|Mood=z"
    assert Document.from_conllu(document.to_conllu()).sentences[0].labels("mood") == ("-", "_", "a|b", "x y", "z", "q")
    assert first.tasks == ("pos", "ner", "mood")
    assert (misc_key("ner"), misc_key("mood")) == ("NER", "Mood")


def test_labels_must_fit_the_words() -> None:
    with pytest.raises(DataError, match="6 words was given 1 pos labels"):
        Document.from_conllu(CONLLU).sentences[0].set_labels("pos", ["X"])


def test_iob2_has_a_column_a_task() -> None:
    document = Document.from_words("Ana sings\nYes\n")
    for sentence, tags in zip(document.sentences, (["B-PER", "O"], ["O"]), strict=True):
        sentence.set_labels("ner", tags)
    assert document.to_iob2() == document.to_iob2("ner") == "Ana\tB-PER\nsings\tO\n\nYes\tO\n\n"
    assert document.to_iob2("ner", "pos") == "Ana\tB-PER\t_\nsings\tO\t_\n\nYes\tO\t_\n\n"


def test_split_words_keep_their_splitting() -> None:
    text = "don't  stop\u00a0it ,\r\n\n \tYes .\n"
    document = Document.from_words(text)
    assert [s.words for s in document.sentences] == [("don't", "stop\u00a0it", ","), ("Yes", ".")]
    assert document.multiword == "given" and document.segmenter is None
    for sentence in document.sentences:
        assert tuple(text[a:b] for a, b in sentence.offsets) == sentence.words
    assert document.to_conllu().startswith("# sent_id = 1\n# text = don't stop it ,\n1\tdon't\t_")


def test_raw_text_stays_whole_and_says_so() -> None:
    text = "Ta' Marija.\n\nIva"
    document = Document.from_text(text, segmenter())
    document.sentences[0].set_labels("pos", ["ADP", "PUNCT", "PROPN", "PUNCT"])
    assert document.to_conllu() == (
        "# segmenter = unicode\n"
        "# multiword_tokens = whole: every surface token carries one label\n"
        "# sent_id = 1\n"
        "# text = Ta' Marija.\n"
        "1\tTa\t_\tADP\t_\t_\t_\t_\t_\tSpaceAfter=No|TokenRange=0:2\n"
        "2\t'\t_\tPUNCT\t_\t_\t_\t_\t_\tTokenRange=2:3\n"
        "3\tMarija\t_\tPROPN\t_\t_\t_\t_\t_\tSpaceAfter=No|TokenRange=4:10\n"
        "4\t.\t_\tPUNCT\t_\t_\t_\t_\t_\tTokenRange=10:11\n"
        "\n"
        "# sent_id = 2\n"
        "# text = Iva\n"
        "1\tIva\t_\t_\t_\t_\t_\t_\t_\tTokenRange=13:16\n"
        "\n"
    )
    again = Document.from_conllu(document.to_conllu())
    assert [s.words for s in again.sentences] == [s.words for s in document.sentences]


def test_a_tool_may_split_multiword_tokens() -> None:
    document = Document.from_text("al mar", Splitter())
    assert document.sentences[0].words == ("a", "el", "mar")
    document.sentences[0].set_labels("pos", ["ADP", "DET", "NOUN"])
    assert document.to_conllu() == (
        "# segmenter = splitter\n"
        "# sent_id = 1\n"
        "# text = al mar\n"
        "1-2\tal\t_\t_\t_\t_\t_\t_\t_\tTokenRange=0:2\n"
        "1\ta\t_\tADP\t_\t_\t_\t_\t_\t_\n"
        "2\tel\t_\tDET\t_\t_\t_\t_\t_\t_\n"
        "3\tmar\t_\tNOUN\t_\t_\t_\t_\t_\tTokenRange=3:6\n"
        "\n"
    )


def test_json_of_raw_text_points_into_the_text() -> None:
    text = "  Ħa, iva.\n"
    document = Document.from_text(text, segmenter())
    document.sentences[0].set_labels("pos", ["VERB", "PUNCT", "INTJ", "PUNCT"])
    content = json.loads(document.to_json())
    assert {k: v for k, v in content.items() if k != "sentences"} == {
        "schema_version": 1,
        "segmenter": "unicode",
        "multiword_tokens": "whole",
        "offsets": "document",
    }
    [sentence] = content["sentences"]
    assert (sentence["id"], sentence["text"]) == ("1", "Ħa, iva.")
    assert all(text[t["start"] : t["end"]] == t["form"] for t in sentence["tokens"])
    assert sentence["tokens"][0] == {
        "id": "1",
        "form": "Ħa",
        "start": 2,
        "end": 4,
        "space_after": False,
        "multiword": False,
        "tags": {"pos": "VERB"},
    }


def test_json_of_conllu_flags_multiword_tokens() -> None:
    document = Document.from_conllu(CONLLU)
    document.sentences[0].set_labels("ner", ["O", "O", "O", "O", "B-LOC", "O"])
    sentence, second = json.loads(document.to_json())["sentences"]
    assert (sentence["id"], second["id"]) == ("s1", "2")
    tokens = {token["id"]: token for token in sentence["tokens"]}
    assert list(tokens) == ["1-2", "1", "2", "3-4", "3", "4", "5", "6"]
    whole = {"id": "3-4", "form": "al", "start": 8, "end": 10, "space_after": True, "multiword": True, "tags": {}}
    assert tokens["3-4"] == whole
    part = {"start": None, "end": None, "space_after": None, "multiword": False, "tags": {"ner": "O"}}
    assert tokens["3"] == {"id": "3", "form": "a", **part}
    assert tokens["5"]["tags"] == {"ner": "B-LOC"} and tokens["5"]["space_after"] is False


def test_a_text_comment_that_lies_is_not_believed() -> None:
    document = Document.from_conllu(CONLLU.replace("# text = Vámonos", "# text = Vamonos"))
    assert document.sentences[0].text == "Vámonos al mar."
    assert document.sentences[0].offsets[-1] == (14, 15)


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_empty_input_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="f holds no sentence"):
        Document.from_conllu(text, name="f")
    with pytest.raises(DataError, match="f holds no word"):
        Document.from_words(text, name="f")
    with pytest.raises(DataError, match="f holds no word"):
        Document.from_text(text, segmenter(), name="f")


def test_files_in_each_form(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(CONLLU.replace("\n", "\r\n").encode())
    assert Document.read(file, form="conllu").to_conllu().encode() == file.read_bytes()
    file.write_text("\ufeffone two", encoding="utf-8")
    for form in FORMATS[1:]:
        assert Document.read(file, form=form, segmenter=UnicodeSegmenter()).sentences[0].words == ("one", "two")
    with pytest.raises(DataError, match=r"f, line 1: a row has 1 columns"):
        Document.read(file, form="conllu")
    with pytest.raises(UsageError, match="raw text with a segmenter"):
        Document.read(file, form="text")
    with pytest.raises(NotFoundError, match="no file"):
        Document.read(tmp_path / "none", form="words")


def test_the_look_of_conllu() -> None:
    assert looks_like_conllu(CONLLU)
    assert looks_like_conllu("\n" + CONLLU)
    assert not looks_like_conllu("# not\nplain text")
    assert not looks_like_conllu("")


@pytest.mark.real
def test_every_real_treebank_comes_out_as_it_went_in(data_root: Path) -> None:
    files = sorted(data_root.glob("ud*/*/test.conllu"))
    assert len(files) >= 16
    for file in files:
        document = Document.read(file, form="conllu")
        assert document.to_conllu().encode() == file.read_bytes(), file
        for sentence in document.sentences:
            surface = [row.form for row in sentence.block.surface()]
            spans = [sentence.text[a:b] for a, b in sentence.offsets]
            assert ["".join(s.split()) for s in spans] == ["".join(f.split()) for f in surface], file


@pytest.mark.real
def test_real_text_is_split_with_exact_offsets(data_root: Path) -> None:
    for language in ("mt", "ug", "fo", "ta", "en"):
        text = Document.read(data_root / "ud" / language / "test.conllu", form="conllu").text
        document = Document.from_text(text, segmenter())
        for sentence in document.sentences:
            assert tuple(text[a:b] for a, b in sentence.offsets) == sentence.words
        assert Document.from_conllu(document.to_conllu()).to_conllu() == document.to_conllu()
