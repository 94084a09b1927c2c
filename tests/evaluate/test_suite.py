"""The suite on gold files: scores known by hand, compatibility counting, masked text, and what is refused."""

from functools import partial
from pathlib import Path

import pytest
import torch

from hyperx_cl.config import ModelOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS, Task
from hyperx_cl.data.text import split_text
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.evaluate.metrics import MLM_LOSS, NER_F1, POS_ACCURACY, POS_ACCURACY_COMPAT
from hyperx_cl.evaluate.report import to_markdown
from hyperx_cl.evaluate.suite import evaluate_pairs, seen
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_score
from tests.model.building import build
from tests.model.test_tokenpatch import patch
from tests.taggers import LABELS, WORDS, conllu, label, tagger

LESSON = " ".join(WORDS)


@pytest.fixture(scope="module")
def model(tiny_backbone: Path) -> HyperX:
    return tagger(tiny_backbone)


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    """Gold of which the tagger knows each word, but for what a test adds."""
    for language in ("en", "mt"):
        known = partial(label, pair=Pair("pos", language))
        put(tmp_path, f"ud/{language}/test.conllu", conllu(*[LESSON] * 5, tags=known))
        tags = LABELS[Pair("ner", language)]
        put(tmp_path, f"ner/{language}/test.conll", iob2(*[tags] * 4))
    return DataRoot(tmp_path)


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def iob2(*sentences: tuple[str, ...]) -> str:
    return "".join("".join(f"{w}\t{t}\n" for w, t in zip(WORDS, tags, strict=True)) + "\n" for tags in sentences)


def test_what_was_learnt_scores_one_and_stands_under_its_exact_name(model: HyperX, root: DataRoot) -> None:
    pairs = [Pair("pos", "mt"), Pair("ner", "en"), Pair("pos", "en"), Pair("pos", "mt")]
    scores = evaluate_pairs(model, root, pairs, versions={"mt": 3})
    assert [(s.task, s.language) for s in scores] == pairs[:3]
    assert [s.metric for s in scores] == [POS_ACCURACY, NER_F1, POS_ACCURACY]
    assert [(s.value, s.low, s.high) for s in scores] == [(1.0, 1.0, 1.0)] * 3
    assert [(s.sentences, s.words) for s in scores] == [(5, 20), (4, 16), (5, 20)]
    assert [s.version for s in scores] == [3, None, None]
    assert all(s.unknown_rate == 0.0 and s.seen is None for s in scores)
    assert "mt v3" in to_markdown(scores)


def test_accuracy_counts_wrong_words_and_leaves_unlabelled_ones_out(model: HyperX, root: DataRoot) -> None:
    wrong = conllu(LESSON, tags=lambda w: "INTJ" if w == WORDS[0] else label(w, Pair("pos", "en")))
    unlabelled = conllu(LESSON, tags=lambda w: "_" if w == WORDS[1] else label(w, Pair("pos", "en")))
    put(root.path, "ud/en/dev.conllu", wrong + unlabelled)
    (score,) = evaluate_pairs(model, root, [Pair("pos", "en")], split="dev")
    assert score.value == pytest.approx(6 / 7)
    assert (score.words, score.sentences) == (7, 2)
    assert score.low < score.value < score.high


def test_spans_are_scored_strictly_on_what_the_model_says(model: HyperX, root: DataRoot) -> None:
    known = LABELS[Pair("ner", "en")]  # B-PER I-PER O B-LOC
    put(root.path, "ner/en/dev.conll", iob2(known, ("B-PER", "O", "O", "B-LOC"), ("B-PER", "I-PER", "O", "B-ORG")))
    (score,) = evaluate_pairs(model, root, [Pair("ner", "en")], split="dev")
    assert score.value == pytest.approx(4 / 6)  # 2 of 2, 1 of 2, 1 of 2
    assert score.words == 12


def test_unknown_pieces_are_counted_by_word(model: HyperX, root: DataRoot) -> None:
    put(root.path, "ud/mt/dev.conllu", conllu(f"{WORDS[0]} ☃☃ {WORDS[1]}", "taan☃", tags=lambda w: "X"))
    (score,) = evaluate_pairs(model, root, [Pair("pos", "mt")], split="dev")
    assert score.unknown_rate == 0.5
    sentences = root.load(POS, "mt", "dev")
    assert score.pieces_per_word == pytest.approx(Encoder(model.tokenizer, max_length=99).pieces_per_word(sentences))


def test_decomposed_words_are_read_like_composed_ones(model: HyperX, root: DataRoot) -> None:
    put(root.path, "ud/mt/dev.conllu", conllu("żaan", tags=lambda w: "X"))
    put(root.path, "ud/mt/train.conllu", conllu("z\u0307aan", tags=lambda w: "X"))
    dev, train = (evaluate_pairs(model, root, [Pair("pos", "mt")], split=s)[0] for s in ("dev", "train"))
    assert dev == train


def with_range(text: str) -> str:
    lines = text.splitlines()
    lines.insert(2, f"2-3\t{WORDS[1]}{WORDS[2]}" + "\t_" * 8)
    return "\n".join([*lines, "", ""])


def test_compatibility_counts_multiword_rows_which_upos_alone_cannot_get_right(model: HyperX, root: DataRoot) -> None:
    gold = conllu(LESSON, tags=lambda w: label(w, Pair("pos", "en")))
    put(root.path, "ud/en/dev.conllu", with_range(gold))
    pairs = [Pair("pos", "en"), Pair("ner", "en")]
    put(root.path, "ner/en/dev.conll", iob2(LABELS[Pair("ner", "en")]))
    pos, ner = evaluate_pairs(model, root, pairs, split="dev", compat=True)
    assert (pos.metric, pos.words) == (POS_ACCURACY_COMPAT, 5)
    assert pos.value <= 0.8  # the range itself is wrong, and it stands between the words the tagger knows
    assert (ner.metric, ner.value) == (NER_F1, 1.0)
    plain = evaluate_pairs(model, root, pairs, split="dev")[0]
    assert (plain.metric, plain.words, plain.value) == (POS_ACCURACY, 4, 1.0)


def test_compatibility_lets_a_model_with_the_label_get_ranges_right(tiny_backbone: Path, root: DataRoot) -> None:
    task = Task("pos", "words", ("_", *POS.labels))
    model = HyperX(load_backbone(str(tiny_backbone)), ModelOptions(projected=4, bottleneck=4), [task], ["en"])
    always(model, "pos", "_")
    put(root.path, "ud/en/dev.conllu", with_range(conllu(LESSON, tags=lambda w: "NOUN")))
    (score,) = evaluate_pairs(model, root, [Pair("pos", "en")], split="dev", compat=True)
    assert score.value == pytest.approx(1 / 5)


def always(model: HyperX, task: str, wanted: str) -> None:
    """Make a head say one label everywhere."""
    with torch.no_grad():
        model.heads[task].get_parameter("bias")[model.task(task).label_ids[wanted]] = 1e4


def test_compatibility_reads_and_scores_nothing_past_the_longest_input(tiny_backbone: Path, root: DataRoot) -> None:
    model = HyperX(load_backbone(str(tiny_backbone)), ModelOptions(projected=4, bottleneck=4), [POS], ["en"])
    always(model, "pos", "NOUN")
    # 3-piece words: 126 pieces of 128 are text, so 42 words fit; of 2-piece words 63 would.
    put(root.path, "ud/en/dev.conllu", conllu(" ".join(["kein"] * 60), tags=lambda w: "NOUN"))
    pieces = len(model.tokenizer("kein", add_special_tokens=False)["input_ids"])
    compat, plain = (evaluate_pairs(model, root, [Pair("pos", "en")], split="dev", compat=c)[0] for c in (True, False))
    assert (compat.words, plain.words) == (-(-126 // pieces), 60)
    assert compat.value == plain.value == 1.0


def test_text_is_scored_on_the_part_of_its_split(model: HyperX, root: DataRoot) -> None:
    lines = [f"{WORDS[i % 4]} {WORDS[i % 3]} {'a' * (i % 20 + 1)} {i}" for i in range(300)]
    put(root.path, "mlm/mt.txt", "\n".join(lines) + "\n")
    parts = split_text(lines)
    for split, part in (("test", parts.report), ("dev", parts.stop)):
        (score,) = evaluate_pairs(model, root, [Pair("mlm", "mt")], split=split, seed=5)
        batches = masked_batches(model, "mt", Encoder(model.tokenizer, max_length=128).text(part), seed=5)
        expected = masked_score(model, batches)
        assert (score.metric, score.sentences, score.words) == (MLM_LOSS, len(part), expected.pieces)
        assert score.value == pytest.approx(expected.loss, rel=1e-5)
        assert score.low < score.value < score.high
        assert (score.unknown_rate, score.pieces_per_word) == (None, None)


class Heard:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, str]] = []

    def step(self, done: int, text: str) -> None:
        self.steps.append((done, text))


def test_the_reporter_hears_of_every_pair(model: HyperX, root: DataRoot) -> None:
    heard = Heard()
    evaluate_pairs(model, root, [Pair("pos", "en"), Pair("ner", "mt")], reporter=heard, samples=10)
    assert heard.steps == [(1, "pos en"), (2, "ner mt")]


@pytest.mark.parametrize(
    ("pair", "split", "error", "words"),
    [
        (Pair("pos", "mlt"), "test", NotFoundError, "no language 'mlt'.*did you mean 'mt'"),
        (Pair("nre", "mt"), "test", NotFoundError, "no task 'nre'.*did you mean 'ner'"),
        (Pair("pos", "tr"), "test", NotFoundError, "no test sentences for pos in 'tr'.*en mt"),
        (Pair("mlm", "tr"), "test", NotFoundError, "no text of 'tr'.*it has text of en"),
        (Pair("mlm", "en"), "test", DataError, "en.txt has 2 different lines of text: give at least 5"),
        (Pair("pos", "mt"), "tset", UsageError, "unknown split 'tset'.*did you mean 'test'"),
        (Pair("mlm", "en"), "tset", UsageError, "unknown split 'tset'"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is(
    model: HyperX, root: DataRoot, pair: Pair, split: str, error: type[Exception], words: str
) -> None:
    put(root.path, "mlm/en.txt", "one line\nanother one\n")
    heard = Heard()
    with pytest.raises(error, match=words):
        evaluate_pairs(model, root, [Pair("pos", "en"), pair], split=split, reporter=heard)
    assert heard.steps == []


def test_compatibility_needs_conllu(model: HyperX, root: DataRoot) -> None:
    put(root.path, "pos/en/test.conll", "taan\tB-X\n\n")
    with pytest.raises(DataError):
        evaluate_pairs(model, root, [Pair("pos", "en")], compat=True)


@pytest.mark.real
def test_on_real_sentences_every_row_is_counted(small_backbone: Path, data_root: Path, tmp_path: Path) -> None:
    blocks = (data_root / "ud" / "mt" / "test.conllu").read_text(encoding="utf-8").split("\n\n")[:12]
    put(tmp_path, "ud/mt/test.conllu", "\n\n".join(blocks) + "\n\n")
    ner = (data_root / "ner" / "mt" / "test.conll").read_text(encoding="utf-8").split("\n\n")[:12]
    put(tmp_path, "ner/mt/test.conll", "\n\n".join(ner) + "\n\n")
    text = (data_root / "mlm" / "mt.txt").read_text(encoding="utf-8").splitlines()[:60]
    put(tmp_path, "mlm/mt.txt", "\n".join(text) + "\n")
    torch.manual_seed(0)
    backbone = load_backbone(str(small_backbone))
    model = HyperX(backbone, ModelOptions(projected=8, bottleneck=16), [MLM, POS, NER], ["en", "mt"])
    always(model, "pos", "NOUN")
    pairs = [Pair("pos", "mt"), Pair("ner", "mt"), Pair("mlm", "mt")]
    pos, ner_score, mlm = evaluate_pairs(model, DataRoot(tmp_path), pairs, samples=50)
    rows = [line.split("\t") for block in blocks for line in block.splitlines() if not line.startswith("#")]
    tags = [row[3] for row in rows if row[0].isdigit()]
    assert (pos.words, pos.sentences) == (len(tags), 12)
    assert pos.value == pytest.approx(tags.count("NOUN") / len(tags))
    assert 1 < (pos.pieces_per_word or 0) < 5
    assert ner_score.words == sum(len(block.splitlines()) for block in ner)
    assert 0 < mlm.value < 20
    assert seen(model, "mt") is pos.seen


@pytest.mark.real
@pytest.mark.parametrize(("language", "share"), [("ug", 0.372), ("mt", 0.021), ("yue", 0.102)])
def test_the_share_of_unknown_words_is_as_known_for_mbert(
    mbert: Path, data_root: Path, language: str, share: float
) -> None:
    from transformers import AutoTokenizer

    from hyperx_cl.evaluate.pieces import PieceCounter

    pieces = PieceCounter(AutoTokenizer.from_pretrained(mbert)).count(DataRoot(data_root).load(POS, language, "test"))
    assert pieces.unknown_rate == pytest.approx(share, abs=0.002)


def test_a_language_is_scored_as_it_is_read(tiny_backbone: Path, tmp_path: Path) -> None:
    model = patch(build(tiny_backbone), "tr")
    gold = conllu("ŵan əl tin", "tin aŵ", tags=lambda word: "NOUN")
    for code in ("en", "tr"):
        put(tmp_path, f"ud/{code}/test.conllu", gold)
        put(tmp_path, f"mlm/{code}.txt", "".join(f"ŵan əl tin {i}\n" for i in range(40)))
    root = DataRoot(tmp_path)
    pairs = [Pair("pos", "en"), Pair("pos", "tr"), Pair("mlm", "en"), Pair("mlm", "tr")]
    for compat in (False, True):
        en, tr, plain, own = evaluate_pairs(model, root, pairs, compat=compat)
        assert (en.unknown_rate, tr.unknown_rate) == (0.6, 0.0)
        assert en.pieces_per_word is not None and tr.pieces_per_word is not None
        assert tr.pieces_per_word > en.pieces_per_word
        assert own.words > plain.words  # masked pieces: unknown ones are none
