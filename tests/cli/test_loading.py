"""From a row in the registry to a model that runs, with every language stored for it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.loading import find_model, load_model, task_of
from hyperx_cl.errors import ConflictError, NotFoundError, UsageError
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli


def test_stored_languages_are_attached_and_base_ones_are_the_model_s_own(stocked: Path) -> None:
    with Registry.open() as registry:
        known = find_model(registry, None, None)
        vector = np.arange(64, dtype=np.float32)
        registry.add_language(LanguageRecord("mt", known.fingerprint, {"embedding": vector}, {"method": "mlm"}))
        model = load_model(registry, known, backbone=None, device="cpu", precision="fp32")
        assert sorted(model.added) == ["mt"]
        assert model.languages() == ["en", "mt", "tr"]
        for code in ("en", "tr"):  # what base training stored is what it saved
            assert registry.language(code).record.hash == model.record(code, {}).hash


def test_another_backbone_folder_with_the_same_weights_will_do(
    stocked: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    copy.symlink_to(tiny_backbone)
    with Registry.open(readonly=True) as registry:
        known = find_model(registry, "tiny", str(copy))
        assert load_model(registry, known, backbone=str(copy), device="cpu", precision="fp32").languages()


def test_a_folder_that_holds_another_model_now_is_refused(stocked: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    import torch

    from hyperx_cl.model.hyperx import HyperX

    with Registry.open(readonly=True) as registry:
        known = find_model(registry, None, None)
        other = HyperX.from_pretrained(known.path, backbone=known.config["backbone"])
        with torch.no_grad():
            other.task_embeddings["pos"].add_(1)
        other.save_pretrained(tmp_path / "other")
        moved = replace(known, path=str(tmp_path / "other"))
        with pytest.raises(ConflictError, match=f"was stored with {known.fingerprint[:12]}: put its files back"):
            load_model(registry, moved, backbone=None, device="cpu", precision="fp32")


def test_tasks_are_known_without_loading(stocked: Path) -> None:
    with Registry.open(readonly=True) as registry:
        known = registry.model()
    assert len(task_of(known, "pos").labels) == 17
    assert task_of(known, "mlm", labelling=False).kind == "mlm"
    with pytest.raises(UsageError, match="task 'mlm' labels no words: choose from ner, pos"):
        task_of(known, "mlm")
    with pytest.raises(NotFoundError, match=r"has no task 'nre' \(did you mean 'ner'\?\): it has ner, pos"):
        task_of(known, "nre")


@pytest.mark.parametrize(
    "words",
    [
        ["add-language", "mt", "--mlm", "{root}/mlm/mt.txt"],
        ["add-language", "mt", "--like", "en"],
        ["tag", "--lang", "mt", "{root}/mlm/mt.txt"],
        ["evaluate", "--data-dir", "{root}"],
        ["evaluate", "--data-dir", "{root}", "--lang", "mt", "--task", "pos"],
        ["fewshot", "--lang", "mt", "--task", "pos", "--data-dir", "{root}"],
    ],
    ids=" ".join,
)
def test_no_model_yet(cli: Cli, root: Path, words: list[str], everything: Callable[[], dict[str, bytes]]) -> None:
    Registry.open().close()  # an empty one
    before = everything()
    ended = cli(*(word.format(root=root) for word in words))
    assert (ended.code, ended.out, ended.err) == (
        3, "", "Error: no model yet: train one with `hyperx-cl train`, or try `hyperx-cl demo`\n",
    )  # fmt: skip
    assert everything() == before


def test_a_base_language_that_was_removed_is_not_in_use(stocked: Path) -> None:
    with Registry.open() as registry:
        known = registry.model()
        registry.remove_language("en")
        model = load_model(registry, known, backbone=None, device="cpu", precision="fp32")
    assert model.languages() == ["tr"]
    assert model.fingerprint() == known.fingerprint
