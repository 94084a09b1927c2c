"""Drawing: shares of the tasks, masks that never come twice, and turns of several processes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.config import parse_shares
from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.corpora import Corpus, load_corpora
from hyperx_cl.train.draw import Drawer
from tests.model.building import build
from tests.train.small_root import LANGUAGES, TASKS, options, write_root


@dataclass
class Process:
    """What a drawer asks of an accelerator."""

    process_index: int = 0
    num_processes: int = 1


@pytest.fixture(scope="module")
def drawn_from(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[HyperX, dict[Pair, Corpus]]:
    model = build(tiny_backbone, languages=["en", "mt"])
    root = DataRoot(write_root(tmp_path_factory.mktemp("root")))
    return model, load_corpora(root, TASKS, LANGUAGES, Encoder(model.tokenizer, max_length=24))[0]


def _drawer(drawn_from: tuple[HyperX, dict[Pair, Corpus]], process: Process, **changes: Any) -> Drawer:
    model, corpora = drawn_from
    chosen = options(**changes)
    sampler = PairSampler(
        {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}, max_tokens=chosen.tokens,
        seed=chosen.seed, temperature=chosen.temperature, shares=parse_shares(chosen.task_shares),
    )  # fmt: skip
    return Drawer(model, corpora, sampler, chosen, process)


def test_tasks_get_their_shares(drawn_from: tuple[HyperX, dict[Pair, Corpus]]) -> None:
    draw = _drawer(drawn_from, Process(), task_shares="mlm=0.7,ner=0.1")
    tasks = Counter(draw().segments[0].pair.task for _ in range(1500))
    assert {task: count / 1500 for task, count in tasks.items()} == pytest.approx(
        {"mlm": 0.7, "ner": 0.1, "pos": 0.2}, abs=0.04
    )


def test_masks_never_come_twice(drawn_from: tuple[HyperX, dict[Pair, Corpus]]) -> None:
    draw = _drawer(drawn_from, Process(), task_shares="mlm=1.0", max_tokens=24)
    masks: dict[Any, set[Any]] = {}
    for _ in range(900):
        batch = draw()
        known = batch.input_ids.clone()
        assert batch.targets is not None
        known[batch.wanted] = batch.targets
        masks.setdefault(tuple(known.flatten().tolist()), set()).add(tuple(batch.wanted.flatten().tolist()))
    assert max(len(seen) for seen in masks.values()) > 1


def test_processes_share_one_sequence(drawn_from: tuple[HyperX, dict[Pair, Corpus]]) -> None:
    alone = _drawer(drawn_from, Process())
    both = [_drawer(drawn_from, Process(rank, 2)) for rank in range(2)]
    for _ in range(20):
        for drawer in both:
            assert _same(drawer(), alone())


def test_means_of_what_was_drawn(drawn_from: tuple[HyperX, dict[Pair, Corpus]]) -> None:
    draw = _drawer(drawn_from, Process())
    assert draw.length == draw.masked_share == 0
    batches = [draw() for _ in range(50)]
    tokens = sum(batch.tokens for batch in batches)
    masked = sum(int(b.wanted.sum()) for b in batches if b.segments[0].pair.task == "mlm")
    assert draw.length == tokens / sum(batch.rows for batch in batches)
    assert draw.masked_share == masked / tokens


def _same(one: Batch, other: Batch) -> bool:
    return one.segments == other.segments and torch.equal(one.input_ids, other.input_ids)
