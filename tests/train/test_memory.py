"""Where memory runs out, less goes through at once, and all else stays: batches, order, masks, numbers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from hyperx_cl.config import ModelOptions, TrainOptions
from hyperx_cl.data.batches import Batch, join
from hyperx_cl.data.text import Text
from hyperx_cl.errors import HyperXError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.joint import groups
from hyperx_cl.train.loop import Loop, Schedule, make_accelerator
from hyperx_cl.train.memory import Memory, ran_out
from tests.model.building import batch, build
from tests.train.small_root import MODEL, run, write_root
from tests.train.small_text import add_options


@contextmanager
def little_memory(most: int) -> Iterator[list[int]]:
    """Let every forward pass in training over more than so many pieces ask the real allocator for 1 PiB, which fails.

    A limit on the process's address space would be hit by whatever asks next, which differs from one machine to the
    other; the error is the one that such a limit gives.
    """
    seen: list[int] = []

    def hook(module: nn.Module, given: tuple[Any, ...]) -> None:
        if isinstance(module, HyperX) and module.training and isinstance(given[0], Batch):
            seen.append(given[0].input_ids.numel())
            if seen[-1] > most:
                torch.empty(1 << 50, dtype=torch.uint8)

    handle = register_module_forward_pre_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("root"))


def _loop(folder: Path, memory: Memory, *, dropout: bool = False) -> tuple[HyperX, Loop]:
    model = build(folder, dropout=dropout)
    torch.manual_seed(3)
    given = [batch(model, task, "mt", rows=rows) for task, rows in (("mlm", 3), ("pos", 2), ("ner", 2))]
    stream = iter(given * 10)
    return model, Loop(
        model, groups(model, TrainOptions()), lambda: next(stream), Schedule(6), accelerator=make_accelerator(cpu=True),
        memory=memory,
    )  # fmt: skip


def test_the_allocator_s_own_words_are_understood() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 50, dtype=torch.uint8)
    assert ran_out(error.value) and ran_out(torch.OutOfMemoryError("CUDA out of memory.")) and ran_out(MemoryError())
    assert not ran_out(RuntimeError("shapes do not fit"))


def test_pieces_of_a_batch_add_up_to_it(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    for task, rows in (("mlm", 3), ("pos", 2)):
        given = batch(model, task, "mt", rows=rows)
        pieces = given.cut(1)
        assert [piece.rows for piece, _ in pieces] == [1] * rows
        targets = [piece.targets for piece, _ in pieces if piece.targets is not None]
        assert given.targets is not None and torch.equal(torch.cat(targets), given.targets)
        assert sum((piece.sentences for piece, _ in pieces), ()) == given.sentences != ()
        whole = model(given).loss
        torch.testing.assert_close(sum(model(piece).loss * share for piece, share in pieces), whole, rtol=0, atol=1e-6)
    assert Memory().pieces(given) == [(given, 1.0)]


def test_sentences_are_kept_where_batches_are_joined(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    both = join([batch(model, "pos", "mt"), batch(model, "ner", "mt")], model.tokenizer.pad_token_id)
    assert both.sentences == (0, 1, 0, 1) == both.to("cpu").sentences


def test_halving_at_the_first_step_is_as_having_begun_with_half(tiny_backbone: Path) -> None:
    said: list[str] = []
    halved, loop = _loop(tiny_backbone, Memory(halves=True, say=said.append), dropout=True)
    most = batch(halved, "mlm", "mt", rows=3).input_ids.numel() - 1
    with little_memory(most) as seen:
        steps = list(loop)
    limit = loop.memory.limit
    assert limit and len(said) == 1 and said[0].endswith(f"from now on at most {limit} go through at once.")
    assert max(seen) > most >= limit
    begun = Memory()
    begun.limit = limit
    other, straight = _loop(tiny_backbone, begun, dropout=True)
    with little_memory(most) as seen:
        same = list(straight)
    assert max(seen) <= most
    assert steps[0].loss == same[0].loss and [step.tokens for step in steps] == [step.tokens for step in same]
    assert other.fingerprint() == halved.fingerprint()


def test_what_does_not_fit_row_by_row_or_may_not_be_halved_is_one_sentence(tiny_backbone: Path) -> None:
    _, loop = _loop(tiny_backbone, Memory(halves=True))
    with little_memory(3), pytest.raises(HyperXError, match=r"a single row of \d+ pieces; lower --max-length, or"):
        list(loop)
    model, loop = _loop(tiny_backbone, Memory())
    before = model.fingerprint()
    with little_memory(3), pytest.raises(HyperXError, match=r"over a batch of \d+ pieces; lower --max-tokens, or let"):
        list(loop)
    assert model.fingerprint() == before


def test_base_training_halves_goes_on_and_remembers(tiny_backbone: Path, root: Path, tmp_path: Path) -> None:
    shape = ModelOptions(**(MODEL.__dict__ | {"dropout": True}))
    changes: dict[str, Any] = {"max_tokens": "auto", "steps": 11, "model": shape}
    with little_memory(150) as seen:
        trained = run(tiny_backbone, root, tmp_path / "a", **changes)
    assert max(seen) > 150
    kept = json.loads((tmp_path / "a" / "checkpoint" / "state.json").read_text())
    assert 0 < kept["piece_limit"] <= max(seen) // 2
    plenty = run(tiny_backbone, root, tmp_path / "b", **(changes | {"model": MODEL}))
    with little_memory(150):
        little = run(tiny_backbone, root, tmp_path / "c", **(changes | {"model": MODEL}))
    assert little.tokens == plenty.tokens == trained.tokens  # the same batches
    for name, value in plenty.model.saved_tensors().items():
        torch.testing.assert_close(little.model.saved_tensors()[name], value, rtol=0, atol=2e-3)

    class Stop:
        said: list[str] = []

        def step(self, done: int, text: str) -> None:
            """Go on."""

        def say(self, text: str) -> None:
            """Stop behind the first checkpoint."""
            self.said.append(text)
            if "step 10:" in text:
                raise KeyboardInterrupt

    with little_memory(150), pytest.raises(KeyboardInterrupt):
        run(tiny_backbone, root, tmp_path / "d", **changes, reporter=Stop())
    assert any("Memory ran out" in said for said in Stop.said)
    with little_memory(150) as seen:
        resumed = run(tiny_backbone, root, tmp_path / "d", **changes, resume=True)
    assert resumed.fingerprint == trained.fingerprint
    assert max(seen) <= 150  # it knew


def test_a_language_is_learnt_in_little_memory(tiny_backbone: Path, text: Text) -> None:
    options = add_options(max_tokens="auto", self_tasks="ner", self_steps=3, self_lines=20)
    with little_memory(300) as seen:
        added = add_language(build(tiny_backbone), "qaa", text, options)
    assert max(seen) > 300 and added.losses["learnt"] < added.losses["mean"] and added.proof.holds


def test_options_take_auto_or_a_number() -> None:
    assert (TrainOptions(max_tokens="auto").tokens, TrainOptions(max_tokens=900).tokens) == (1600, 900)
    with pytest.raises(UsageError, match="max_tokens is 'many'; it must be a whole number or auto"):
        TrainOptions(max_tokens="many")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"must not exceed max_tokens \(1600\)"):
        TrainOptions(max_tokens="auto", max_length=2000)


def test_a_batch_without_targets_goes_through_as_it_is(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    memory = Memory()
    given = batch(model, "pos", "mt")
    assert given.targets is not None
    given.targets.fill_(-100)
    memory.limit = 1
    assert memory.pieces(given) == [(given, 1.0)]
