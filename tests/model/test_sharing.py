"""A model from Python to the Hub and back, in a process that has one: the same tensors, the same bits."""

import subprocess
import sys
from pathlib import Path

import pytest

from hyperx_cl.errors import NotFoundError
from hyperx_cl.model.hyperx import HyperX
from tests.hub_server import HubServer
from tests.model.building import build

SCRIPT = """
import sys
import torch
import hyperx_cl
from hyperx_cl import HyperX
from hyperx_cl.errors import UsageError
from hyperx_cl.model.backbone import load_backbone
from tests.sharing import language

folder, backbone = sys.argv[1], load_backbone(sys.argv[2])
model = HyperX.from_pretrained(folder, backbone=backbone)
try:
    model.push_to_hub("org/model")
except UsageError as error:
    print("refused:", error)
model.save_pretrained(folder + "-again", push_to_hub=True, repo_id="org/model", licence="MIT", private=True)
assert not model.push_to_hub("org/model", licence="MIT")
record = language(model.fingerprint(), "fo")
loaded = HyperX.from_pretrained("org/model", backbone=backbone)
assert loaded.fingerprint() == model.fingerprint()
same = [torch.equal(one, other) for one, other in zip(model.saved_tensors().values(), loaded.saved_tensors().values())]
pulled = hyperx_cl.pull("org/model")
assert pulled.new_model and sorted(pulled.wanted) == ["en", "mt", "ug"], pulled
from hyperx_cl.registry.store import Registry
with Registry.open() as registry:
    registry.add_language(record)
pushed = hyperx_cl.push("org/model", languages=["fo"])
assert pushed.rounded == ["fo"], pushed
attached = HyperX.from_pretrained("org/model", backbone=backbone, languages=["fo"], revision=pushed.published.commit)
print("fine:", all(same), attached.languages())
"""


def test_a_model_goes_and_comes_back(
    hub: HubServer, hub_environment: dict[str, str], home: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    build(tiny_backbone, embedding=64, language_part=4).save_pretrained(tmp_path / "model")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model"), str(tiny_backbone)], capture_output=True, text=True,
        env=hub_environment | {"HYPERX_HOME": str(home)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "refused: the data that the model was learnt from has a licence" in run.stdout
    assert "fine: True ['en', 'fo', 'mt', 'ug']" in run.stdout
    repository = hub.models.repositories["org/model"]
    assert repository.private and len(repository.commits) == 3
    assert b"license: other" in repository.files["README.md"]


def test_what_is_neither_a_folder_nor_a_repository_is_said() -> None:
    with pytest.raises(NotFoundError, match="config.json and model.safetensors"):
        HyperX.from_pretrained("/nowhere/at/all")
