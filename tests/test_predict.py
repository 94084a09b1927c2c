"""Tagging documents: known labels, long sentences, many languages in one call, and what is refused."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.batches import Pair, collate, join
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.tasks import Task
from hyperx_cl.document import Document
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.evaluate.metrics import spans
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import MAX_TOKENS, label_pairs, window_length
from hyperx_cl.predict import tag, tag_many, valid_iob2
from tests.model.building import build
from tests.model.test_tokenpatch import patch
from tests.taggers import LABELS, WORDS, conllu, label, tagger

LESSON = " ".join(WORDS)


@pytest.fixture(scope="module")
def model(tiny_backbone: Path) -> HyperX:
    return tagger(tiny_backbone)


def words(text: str) -> Document:
    return Document.from_words(text)


@pytest.mark.parametrize("language", ["en", "mt", "tr"])
def test_words_get_the_labels_that_their_language_was_taught(model: HyperX, language: str) -> None:
    document = words(f"{LESSON}\n")
    tag(model, document, language, ["pos"])
    assert document.sentences[0].labels("pos") == LABELS[Pair("pos", language)]


def test_several_tasks_are_written_in_the_order_they_were_asked_for(model: HyperX) -> None:
    document = words(f"{LESSON}\n")
    tag(model, document, "en", ["ner", "pos", "ner"])
    assert document.sentences[0].tasks == ("ner", "pos")
    assert document.to_iob2().splitlines()[0] == f"{WORDS[0]}\tB-PER\tDET"


def test_the_class_of_words_without_a_label_is_written_as_nothing(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    task = Task("number", "words", ("Sing", "none"), "feats.Number", {"_": "none"})
    learnt = model.new_task(task, torch.zeros(8))
    document = Document.from_conllu("1\tcat\t_\t_\t_\tNumber=Dual\t_\t_\t_\tNumber=Plur|SpaceAfter=No\n\n")
    for wanted, misc in (("Sing", "SpaceAfter=No|Number=Sing"), ("none", "SpaceAfter=No")):
        with torch.no_grad():
            learnt.head.bias.copy_(torch.tensor([1e3 * (name == wanted) for name in task.labels]))
        document.sentences[0].block.rows[0].columns[9] = "SpaceAfter=No"
        tag(model, document, "en", ["number"])
        assert document.sentences[0].block.rows[0].columns[9] == misc
        assert document.sentences[0].block.rows[0].columns[5] == "Number=Dual"  # a file's own columns stay
    assert document.to_iob2() == "cat\t_\n\n" and '"number": null' in document.to_json()


def test_every_sentence_keeps_its_own_labels_whatever_its_length(model: HyperX) -> None:
    lines = [LESSON, WORDS[2], " ".join(WORDS[::-1] * 3), f"{WORDS[0]} {WORDS[1]}", LESSON]
    together, alone = words("\n".join(lines)), [words(line) for line in lines]
    tag(model, together, "mt", ["pos"])
    for document in alone:
        tag(model, document, "mt", ["pos"])
    assert [s.labels("pos") for s in together.sentences] == [d.sentences[0].labels("pos") for d in alone]


def test_a_sentence_longer_than_the_backbone_is_read_in_windows(model: HyperX) -> None:
    rng = np.random.default_rng(3)
    long = [WORDS[i] for i in rng.integers(4, size=200)]
    document = words(f"{LESSON}\n{' '.join(long)}\n{WORDS[3]}\n")
    tag(model, document, "en", ["pos"])
    found = document.sentences[1].labels("pos")

    windows = Encoder(model.tokenizer, max_length=window_length(model)).words([Sentence(tuple(long))], None)
    assert len(windows) > 3
    pair, alone = Pair("pos", "en"), []
    with torch.no_grad():
        for window in windows:
            alone += model(collate([window], pair, pad_id=0)).logits[0].argmax(-1).tolist()
    assert found == tuple(model.tasks["pos"].labels[i] for i in alone)
    right = sum(got == label(word, pair) for got, word in zip(found, long, strict=True))
    assert right > 0.6 * len(long)  # a quarter where words and labels slip
    assert document.sentences[0].labels("pos") == LABELS[pair]


def test_words_are_read_in_nfc_and_written_as_they_came(model: HyperX) -> None:
    composed = "żaan ëren"
    document, same = words(unicodedata.normalize("NFD", composed)), words(composed)
    given_words = document.sentences[0].words
    tag(model, document, "mt", ["pos"])
    tag(model, same, "mt", ["pos"])
    assert document.sentences[0].labels("pos") == same.sentences[0].labels("pos")
    assert document.sentences[0].words == given_words != same.sentences[0].words


def test_only_syntactic_words_of_conllu_are_labelled(model: HyperX) -> None:
    lines = conllu(LESSON).splitlines()
    lines.insert(2, f"2-3\t{WORDS[1]}{WORDS[2]}" + "\t_" * 8)
    document = Document.from_conllu("\n".join([*lines, ""]))
    tag(model, document, "tr", ["pos"])
    rows = [line.split("\t") for line in document.to_conllu().splitlines() if line[:1].isdigit()]
    assert [row[3] for row in rows] == ["VERB", "_", "ADV", "DET", "NOUN"]


def test_many_languages_in_one_call_are_labelled_as_each_would_be_alone(model: HyperX) -> None:
    texts = {"en": LESSON, "mt": " ".join(WORDS * 30), "tr": f"{WORDS[3]}\n{WORDS[1]} {WORDS[0]}"}
    once = [(words(text), code) for code, text in texts.items()] + [(words(LESSON), "en")]
    tag_many(model, once, ["pos", "ner"])
    for document, code in once:
        alone = words(document.text)
        tag(model, alone, code, ["pos", "ner"])
        assert document.to_conllu() == alone.to_conllu()
    assert once[0][0].sentences[0].labels("ner") == LABELS[Pair("ner", "en")]
    assert once[3][0].sentences[0].labels("pos") == LABELS[Pair("pos", "en")]


def test_a_mixed_batch_gives_the_logits_of_single_ones(model: HyperX) -> None:
    encoder, pad = Encoder(model.tokenizer, max_length=64), model.tokenizer.pad_token_id
    pairs = [Pair("pos", "en"), Pair("ner", "mt"), Pair("pos", "tr")]
    batches = [
        collate(encoder.words([Sentence(WORDS * k), Sentence(WORDS[:k])], None), pair, pad_id=pad)
        for k, pair in enumerate(pairs, 1)
    ]
    with torch.no_grad():
        mixed = model(join(batches, pad)).logits
        single = [model(batch).logits[0] for batch in batches]
    for ours, theirs in zip(mixed, single, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_full_batches_and_the_rest_of_several_pairs_label_every_word_once(model: HyperX) -> None:
    encoder = Encoder(model.tokenizer, max_length=64)
    pairs = [Pair("pos", "en"), Pair("pos", "mt"), Pair("ner", "en")]
    sentences = {pair: [Sentence(WORDS * (1 + i % 5)) for i in range(90 + n)] for n, pair in enumerate(pairs)}
    encoded = {pair: encoder.words(sentences[pair], None) for pair in pairs}
    assert all(sum(len(window) for window in own) > 2 * MAX_TOKENS["cpu"] for own in encoded.values())
    counts = {pair: len(own) for pair, own in sentences.items()}
    found = label_pairs(model, encoded | {Pair("pos", "tr"): []}, sentences=counts | {Pair("pos", "tr"): 2})
    for pair in pairs:
        assert [len(ids) for ids in found[pair]] == [len(s) for s in sentences[pair]]
        assert [model.tasks[pair.task].labels[i] for i in found[pair][0]] == list(LABELS[pair])
    assert [len(ids) for ids in found[Pair("pos", "tr")]] == [0, 0]


def test_tagging_leaves_the_model_as_it_was(model: HyperX) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    tag(model, words(LESSON), "en", ["pos"])
    assert model.training
    model.eval()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_unknown_language_or_task_is_named_with_the_nearest_and_labels_nothing(model: HyperX) -> None:
    first, second = words(LESSON), words(LESSON)
    with pytest.raises(NotFoundError, match="no language 'mlt'.*did you mean 'mt'"):
        tag_many(model, [(first, "en"), (second, "mlt")], ["pos"])
    with pytest.raises(NotFoundError, match="no task 'poss'.*did you mean 'pos'"):
        tag(model, first, "en", ["pos", "poss"])
    assert first.sentences[0].tasks == ()
    assert first.sentences[0].labels("pos") == (None,) * 4


def test_a_task_that_labels_no_words_is_refused(model: HyperX) -> None:
    with pytest.raises(UsageError, match="'mlm' labels no words"):
        tag(model, words(LESSON), "en", ["mlm"])
    with pytest.raises(UsageError, match="no task is named: choose from ner, pos"):
        tag(model, words(LESSON), "en", [])


@pytest.mark.parametrize(
    ("tags", "clean"),
    [
        ("I-PER I-PER O B-LOC I-LOC", "O O O B-LOC I-LOC"),
        ("B-PER I-ORG I-PER", "B-PER O O"),
        ("B-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("O I-LOC B-LOC", "O O B-LOC"),
        ("B I I O I", "B I I O O"),
    ],
)
def test_what_continues_nothing_becomes_outside(tags: str, clean: str) -> None:
    assert valid_iob2(tags.split()) == tuple(clean.split())


@given(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC-x", "I-LOC-x"]), max_size=12))
def test_repair_keeps_exactly_the_spans_that_are_scored(tags: list[str]) -> None:
    clean = valid_iob2(tags)
    assert spans(clean) == spans(tags)
    assert valid_iob2(clean) == clean
    assert all(not t.startswith("I") or b[1:] == t[1:] for b, t in zip(("O", *clean), clean, strict=False))


def test_languages_with_token_patches_are_tagged_beside_others(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx", "yy")
    lines = "ŵan əl tin\naŵ əŵ ta ka\n"
    alone = {}
    for code in ("xx", "en", "yy"):
        alone[code] = words(lines)
        tag(model, alone[code], code, ["pos", "ner"])
    together = [(words(lines), code) for code in alone]
    tag_many(model, together, ["pos", "ner"])
    for document, code in together:
        assert document.to_conllu() == alone[code].to_conllu()
    assert len({document.to_conllu() for document in alone.values()}) > 1
