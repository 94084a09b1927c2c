"""Aligned scores: cases computed by hand, and properties on any splitting of one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.document import Document
from hyperx_cl.errors import DataError
from hyperx_cl.evaluate.aligned import AlignedScores, Score, SurfaceToken, aligned_scores, surface_tokens
from hyperx_cl.segment import segmenter


def tokens(line: str) -> list[SurfaceToken]:
    """Read ``form/TAG`` tokens; ``zum=zu/ADP+dem/DET`` is a multiword token."""
    found = []
    for part in line.split():
        form, sign, inner = part.partition("=")
        words = [word.split("/") for word in (inner if sign else part).split("+")]
        surface = form if sign else words[0][0]
        found.append(SurfaceToken(surface, tuple(w for w, _ in words), tuple(t for _, t in words), bool(sign)))
    return found


def test_same_words_score_by_their_tags() -> None:
    found = aligned_scores(tokens("a/X b/Y c/Z"), tokens("a/X b/Y c/X"))
    assert found == AlignedScores(Score(3, 3, 3), Score(2, 3, 3))
    assert found.words.f1 == 1
    assert found.aligned_accuracy == pytest.approx(2 / 3)


def test_a_word_that_is_split_costs_on_both_sides() -> None:
    found = aligned_scores(tokens("can/AUX not/PART go/VERB"), tokens("cannot/AUX go/VERB"))
    assert found.words == Score(1, 2, 3)
    assert found.words.precision == 0.5
    assert found.words.recall == pytest.approx(1 / 3)
    assert found.words.f1 == pytest.approx(0.4)


def test_white_space_inside_forms_is_ignored() -> None:
    gold = [SurfaceToken("10 000", ("10 000",), ("NUM",))]
    assert aligned_scores(gold, tokens("10000/NUM")).tags == Score(1, 1, 1)
    assert aligned_scores(gold, tokens("10/NUM 000/NUM")).tags == Score(0, 2, 1)


def test_multiword_token_that_was_left_whole() -> None:
    # No word of the range is written "zum", so the whole token finds nothing; the neighbours align.
    found = aligned_scores(tokens("geh/VERB zum=zu/ADP+dem/DET Haus/NOUN"), tokens("geh/VERB zum/ADP Haus/NOUN"))
    assert found.words == Score(2, 3, 4)
    assert found.tags == Score(2, 3, 4)


def test_multiword_token_split_the_same_way_ignores_case() -> None:
    found = aligned_scores(tokens("Zum=Zu/ADP+dem/DET Haus/NOUN"), tokens("Zum=zu/ADP+dem/PRON Haus/NOUN"))
    assert found.words == Score(3, 3, 3)
    assert found.tags == Score(2, 3, 3)


def test_multiword_token_against_words_that_lie_under_it() -> None:
    gold = tokens("dámelo=da/VERB+me/PRON+lo/PRON ./PUNCT")
    found = aligned_scores(gold, tokens("dá/VERB me/PRON lo/DET ./PUNCT"))
    assert found.words == Score(3, 4, 4)  # me, lo and the stop
    assert found.tags == Score(2, 4, 4)


def test_multiword_tokens_that_overlap_make_one_region() -> None:
    gold, system = tokens("ab=a/X+b/X cd/Y e/Z"), tokens("a/X bcd=b/X+cd/Y e/Z")
    assert aligned_scores(gold, system).words == Score(4, 4, 4)


def test_a_word_that_sticks_out_of_the_region_finds_nothing() -> None:
    gold, system = tokens("ab=a/X+b/X c/Y"), tokens("a/X bc/Y")
    assert aligned_scores(gold, system).words == Score(1, 2, 3)


def test_another_text_is_refused_with_the_place() -> None:
    with pytest.raises(DataError, match="differ at character 2 .*'cd' against 'xd'"):
        aligned_scores(tokens("a/X bcd/X"), tokens("ab/X xd/X"))
    with pytest.raises(DataError, match="differ at character 2"):
        aligned_scores(tokens("ab/X"), tokens("ab/X c/X"))


def test_empty_is_zero() -> None:
    found = aligned_scores([], [])
    assert (found.words.f1, found.words.precision, found.words.recall, found.aligned_accuracy) == (0, 0, 0, 0)


@given(st.text("ab", min_size=1, max_size=12), st.data())
def test_symmetric_and_within_bounds(text: str, data: st.DataObject) -> None:
    sides = [data.draw(splittings(text)) for _ in range(2)]
    one, other = aligned_scores(*sides), aligned_scores(*reversed(sides))
    assert one.words.precision == other.words.recall
    assert one.words.correct == other.words.correct
    assert one.tags.correct <= one.words.correct <= min(one.words.gold, one.words.system)
    assert aligned_scores(sides[0], sides[0]).tags.f1 == 1


@st.composite
def splittings(draw: st.DrawFn, text: str) -> list[SurfaceToken]:
    """Cut a text anywhere, some tokens being multiword with their letters as words."""
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=6))})
    found = []
    for start, end in zip(cuts, cuts[1:], strict=False):
        form = text[start:end]
        if draw(st.booleans()):
            found.append(SurfaceToken(form, tuple(form), tuple("X" for _ in form), True))
        else:
            found.append(SurfaceToken(form, (form,), (draw(st.sampled_from("XY")),)))
    return found


def test_documents_give_their_tokens() -> None:
    gold = Document.from_conllu(
        "1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "1\tdo\t_\tAUX\t_\t_\t_\t_\t_\t_\n"
        "2\tn't\t_\tPART\t_\t_\t_\t_\t_\t_\n"
        "3\tgo\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"
    )
    assert surface_tokens(gold) == [
        SurfaceToken("don't", ("do", "n't"), ("AUX", "PART"), True),
        SurfaceToken("go", ("go",), ("VERB",)),
    ]
    system = Document.from_text(gold.text, segmenter())
    system.sentences[0].set_labels("pos", ["AUX", "VERB"])
    assert aligned_scores(surface_tokens(gold), surface_tokens(system)).tags == Score(1, 2, 3)
