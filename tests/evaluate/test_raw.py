"""Scores on raw text: segmentation and tags together, and stretches that add up to the whole."""

from pathlib import Path

import pytest

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.document import Document
from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.evaluate.aligned import aligned_scores, surface_tokens
from hyperx_cl.evaluate.metrics import ALIGNED_UPOS_F1, ALIGNED_WORDS_F1, POS_ACCURACY
from hyperx_cl.evaluate.raw import aligned_by_stretch, evaluate_raw
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.segment import UnicodeSegmenter, segmenter_for
from tests.taggers import WORDS, conllu, label, tagger

LESSON = " ".join(WORDS)


@pytest.fixture(scope="module")
def model(tiny_backbone: Path) -> HyperX:
    return tagger(tiny_backbone)


def gold(folder: Path, text: str) -> DataRoot:
    file = folder / "ud" / "mt" / "test.conllu"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return DataRoot(folder)


def known(word: str) -> str:
    return label(word, Pair("pos", "mt"))


def test_words_that_the_segmenter_finds_score_as_on_gold_words(model: HyperX, tmp_path: Path) -> None:
    text = conllu(LESSON, tags=known)
    root = gold(tmp_path, text)
    words, upos, accuracy = evaluate_raw(model, root, "mt", UnicodeSegmenter(), versions={"mt": 2})
    assert [s.metric for s in (words, upos, accuracy)] == [ALIGNED_WORDS_F1, ALIGNED_UPOS_F1, POS_ACCURACY]
    assert [s.value for s in (words, upos, accuracy)] == [1.0, 1.0, 1.0]
    assert {(s.language, s.version, s.words, s.sentences) for s in (words, upos, accuracy)} == {("mt", 2, 4, 1)}


def test_a_multiword_token_left_whole_costs_its_words(model: HyperX, tmp_path: Path) -> None:
    first, second = WORDS[0], WORDS[1]
    lines = conllu(LESSON, tags=known).splitlines()
    lines[0] = f"# text = {first}{second} {WORDS[2]} {WORDS[3]}"
    lines.insert(1, f"1-2\t{first}{second}" + "\t_" * 8)
    root = gold(tmp_path, "\n".join([*lines, "", ""]))
    words, upos, accuracy = evaluate_raw(model, root, "mt", UnicodeSegmenter())
    assert words.value == pytest.approx(2 * 2 / (4 + 3))  # two of four gold words, in three of the system's
    assert upos.value <= words.value
    assert accuracy.value == 1.0


def test_stretches_add_up_to_the_alignment_of_the_whole_text() -> None:
    wanted = Document.from_conllu(conllu("a b.", "c d", "e f g", tags=lambda w: "X"))
    found = Document.from_words("a b .\nc d e\nf g")  # splits b. and ends sentences elsewhere
    for sentence in found.sentences:
        sentence.set_labels("pos", ["X"] * len(sentence.words))
    ours, theirs = surface_tokens(wanted), surface_tokens(found)
    stretches = aligned_by_stretch(ours, [2, 2, 3], theirs)
    whole = aligned_scores(ours, theirs)
    assert [s.words.gold for s in stretches] == [2, 2, 3]
    for part in ("words", "tags"):
        for count in ("correct", "system", "gold"):
            assert sum(getattr(getattr(s, part), count) for s in stretches) == getattr(getattr(whole, part), count)


def test_sentences_that_a_token_runs_over_are_one_stretch() -> None:
    wanted = Document.from_conllu(conllu("a b", "c d", "e f"))
    found = Document.from_words("a bc d e f")
    stretches = aligned_by_stretch(surface_tokens(wanted), [2, 2, 2], surface_tokens(found))
    assert [(s.words.correct, s.words.system, s.words.gold) for s in stretches] == [(2, 3, 4), (2, 2, 2)]


def test_what_cannot_be_scored_is_refused(model: HyperX, tmp_path: Path) -> None:
    root = gold(tmp_path, conllu("今天天气很好", tags=lambda w: "X"))
    with pytest.raises(DataError, match="without spaces between words"):
        evaluate_raw(model, root, "mt", UnicodeSegmenter())
    with pytest.raises(NotFoundError, match="no test sentences for pos in 'en'"):
        evaluate_raw(model, root, "en", UnicodeSegmenter())
    with pytest.raises(NotFoundError, match="no language 'mlt'"):
        evaluate_raw(model, root, "mlt", UnicodeSegmenter())


@pytest.mark.real
def test_real_maltese_is_aligned_nearly_whole(model: HyperX, data_root: Path, tmp_path: Path) -> None:
    blocks = (data_root / "ud" / "mt" / "dev.conllu").read_text(encoding="utf-8").split("\n\n")[:40]
    root = gold(tmp_path, "\n\n".join(blocks) + "\n\n")
    words, upos, accuracy = evaluate_raw(model, root, "mt", segmenter_for("mt"), samples=50)
    assert words.value > 0.95
    assert words.low <= words.value <= words.high
    assert upos.value == pytest.approx(accuracy.value, abs=0.1)
