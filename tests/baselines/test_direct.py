"""Generated adapters learnt on: their change alone moves, for every task alike, and the text is read better."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.baselines.course import Course
from hyperx_cl.baselines.direct import Direct, learn_direct
from hyperx_cl.data.encode import Encoder
from hyperx_cl.errors import ConflictError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches
from hyperx_cl.train.progress import Silent
from tests.model.building import build
from tests.train.small_text import lines

COURSE: dict[str, Any] = {"steps": 24, "rate": 2e-2, "warmup": 2, "check_every": 8, "patience": 0}


def course(checkpoint: Path | None = None, **changes: Any) -> Course:
    return Course(**(COURSE | changes), checkpoint=checkpoint, resume=True, reporter=Silent())


def learn(model: HyperX, direct: Direct, how: Course) -> Any:
    encoder = Encoder(model.tokenizer, max_length=24)
    train = encoder.text(lines(80)[:60])
    stop = masked_batches(model, "yo", encoder.text(lines(80)[60:]), seed=1)
    return learn_direct(model, direct, "yo", train, stop, how, max_tokens=256)


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    model = build(tiny_backbone)
    model.new_language("yo", torch.zeros(model.options.embedding))
    return model


def written(model: HyperX, task: str) -> torch.Tensor:
    task_vector, own = model.task_embedding(task)[None], model.language("yo").embedding(task)[None]
    return torch.stack(
        [torch.cat([w.flatten() for w in layer[:4]]) for layer in model.hypernetwork(task_vector, own)[0]]
    )


def test_the_change_alone_moves_and_the_text_is_read_better(model: HyperX) -> None:
    mark, direct = model.fingerprint(), Direct(model)
    learnt = learn(model, direct, course())
    (_, start), *_, (_, end) = learnt.looks
    assert end < start and learnt.steps == 24 and model.fingerprint() == mark
    assert direct.numbers == direct.change.numel() == model.shape.layers * model.shape.generated
    for task in ("mlm", "pos"):
        plain = written(model, task)
        with direct.acting(model):
            changed = written(model, task)
        assert torch.allclose(changed - plain, direct.change, atol=1e-5) and bool(direct.change.any())
        assert torch.equal(written(model, task), plain)  # it acts no longer


def test_a_stopped_course_ends_as_if_it_had_not_stopped(model: HyperX, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    class Stopping(Silent):
        def say(self, text: str) -> None:
            raise Stop

    whole, halves = Direct(model), Direct(model)
    learn(model, whole, course())
    with pytest.raises(Stop):
        learn(model, halves, Course(**COURSE, checkpoint=tmp_path / "kept", resume=True, reporter=Stopping()))
    with pytest.raises(ConflictError, match="made with other data, adapters or options"):
        learn(model, Direct(model), course(tmp_path / "kept", rate=1e-3))
    again = Direct(model)
    learn(model, again, course(tmp_path / "kept"))
    assert torch.equal(again.change, whole.change)
