"""The data of base training: what is learnt on, what validates, what is held out; a test split is never opened."""

from pathlib import Path

import pytest

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import POS
from hyperx_cl.errors import DataError
from hyperx_cl.train.corpora import Corpus, Validator, load_corpora
from tests.model.building import build
from tests.train.small_root import LANGUAGES, TASKS, write_root

PAIR = Pair("pos", "en")


@pytest.fixture
def encoder(tiny_backbone: Path) -> Encoder:
    return Encoder(build(tiny_backbone).tokenizer, max_length=24)


def _pos(folder: Path, encoder: Encoder, *, most: int = 0, seed: int = 0) -> Corpus:
    return load_corpora(DataRoot(folder), {"pos": POS}, {"pos": ["en"]}, encoder, max_sentences=most, seed=seed)[0][
        PAIR
    ]


def test_every_pair_is_read_and_cached(tmp_path: Path, encoder: Encoder) -> None:
    root = DataRoot(write_root(tmp_path / "root"))
    corpora, tasks = load_corpora(root, TASKS, LANGUAGES, encoder, cache=tmp_path / "cache")
    assert sorted(corpora) == sorted(Pair(task, code) for task, codes in LANGUAGES.items() for code in codes)
    assert tasks == TASKS
    assert len(list((tmp_path / "cache").iterdir())) == 5
    again, _ = load_corpora(root, TASKS, LANGUAGES, encoder, cache=tmp_path / "cache")
    for pair, corpus in corpora.items():
        assert [e.ids.tolist() for e in again[pair].train] == [e.ids.tolist() for e in corpus.train]
        assert again[pair].train_hash == corpus.train_hash


def test_a_part_is_drawn_by_seed(tmp_path: Path, encoder: Encoder) -> None:
    folder = write_root(tmp_path)
    hashes = [_pos(folder, encoder, most=6, seed=seed).train_hash for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(_pos(folder, encoder, most=6).train) == 6
    assert len(_pos(folder, encoder).train) == 24


def test_sentences_are_held_out_where_there_is_no_dev_file(tmp_path: Path, encoder: Encoder) -> None:
    folder = write_root(tmp_path, sentences=400)
    (folder / "ud" / "en" / "dev.conllu").unlink()
    corpus = _pos(folder, encoder)
    assert 10 < len(corpus.dev) <= 64 and len(corpus.train) + 64 >= 400 - 60
    assert len(corpus.train) < 400
    held, learnt = {s.words for s in corpus.dev}, len(corpus.train)  # type: ignore[union-attr]
    assert held and _pos(folder, encoder).train_hash == corpus.train_hash and learnt == len(_pos(folder, encoder).train)


def test_a_small_file_without_dev_is_all_learnt_on(tmp_path: Path, encoder: Encoder) -> None:
    folder = write_root(tmp_path)
    (folder / "ud" / "en" / "dev.conllu").unlink()
    corpus = _pos(folder, encoder)
    assert len(corpus.train) == 24 and not corpus.dev


def test_text_too_short_to_split(tmp_path: Path, encoder: Encoder) -> None:
    root = DataRoot(write_root(tmp_path, lines=3))
    with pytest.raises(DataError, match=r"mlm.en\.txt has 3 lines to learn from; give it at least 20"):
        load_corpora(root, TASKS, {"mlm": ["en"]}, encoder)


def test_validation_scores_every_pair_that_has_dev_data(tmp_path: Path, tiny_backbone: Path) -> None:
    model = build(tiny_backbone, languages=["en", "mt"])
    encoder = Encoder(model.tokenizer, max_length=24)
    folder = write_root(tmp_path)
    (folder / "ud" / "mt" / "dev.conllu").unlink()
    corpora, _ = load_corpora(DataRoot(folder), TASKS, LANGUAGES, encoder, validation_sentences=4)
    model.train()
    scores = Validator(model, corpora, encoder).scores()
    assert list(scores) == sorted(set(corpora) - {Pair("pos", "mt")})
    assert all(0 <= score <= 1 for score in scores.values())
    assert model.training
    assert Validator(model, corpora, encoder).scores() == scores
