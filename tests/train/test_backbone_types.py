"""The whole path on every type of backbone: trained, stopped and resumed, a language added, stored, and text tagged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hyperx_cl.document import Document
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.predict import tag
from hyperx_cl.train.add_language import add_language
from hyperx_cl.train.progress import Silent
from tests.backbone_types import EVERY, site_of
from tests.train.small_root import MODEL, run, write_root
from tests.train.small_text import add_options, as_text, lines


class Stop(Exception):
    """What stops a run."""


class Stopping(Silent):
    """Stops a run at its validation after step 10."""

    def say(self, text: str) -> None:
        if "step 10:" in text:
            raise Stop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("kind", EVERY)
def test_the_whole_path(kind: str, typed_backbone: Callable[[str], Path], root: Path, tmp_path: Path) -> None:
    backbone, shape = typed_backbone(kind), replace(MODEL, adapter_site=site_of(kind))
    whole = run(backbone, root, tmp_path / "whole", model=shape, steps=20)
    with pytest.raises(Stop):
        run(backbone, root, tmp_path / "resumed", model=shape, steps=20, reporter=Stopping())
    torch.manual_seed(99)
    # The rest of it saves memory, which changes no number.
    resumed = run(backbone, root, tmp_path / "resumed", model=shape, steps=20, resume=True, gradient_checkpointing=True)
    assert resumed.fingerprint == whole.fingerprint

    def loaded() -> HyperX:
        return HyperX.from_pretrained(
            tmp_path / "whole", backbone=load_backbone(str(backbone), adapter_site=shape.adapter_site)
        )

    model = loaded()
    options = add_options(capacity="part", shift_pieces=30, self_tasks="words", self_steps=2, self_lines=20)
    added = add_language(model, "qaa", as_text(lines(60), tmp_path), options)
    assert added.proof.holds and added.losses["learnt"] < added.losses["mean"]
    again = loaded()
    again.attach(added.record)
    told = []
    for each in (model, again):
        document = Document.from_words("the cat sings .\n")
        tag(each, document, "qaa", ["pos", "ner"])
        told.append(document.to_conllu())
    assert told[0] == told[1] and len(told[0].splitlines()) >= 4
