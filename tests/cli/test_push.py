"""Push and pull as commands, over real HTTP against the Hub of the tests: what arrives, what stays, what is said."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.registry.store import Registry
from tests.conftest import HUB_TOKEN, Online
from tests.hub_server import HubServer
from tests.sharing import REPO, Homes, language, logits, task


@pytest.fixture
def homes(online: Online, hub: HubServer, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    """Anna's home has the model `tiny`, the language mt with a part, and a run that scored it."""
    made = Homes(online, tmp_path / "homes", monkeypatch)
    made.folder.mkdir()
    shutil.copy(trained / "registry.sqlite3", made.go("anna"))
    with Registry.open() as registry:
        record = language(registry.model().fingerprint)
        registry.add_language(record)
        run = registry.start_run(
            "evaluate", {"fingerprint": record.model, "split": "test"}, 1, {}, {"pos:mt": "ab" * 32}
        )  # fmt: skip
        score = {
            "task": "pos", "language": "mt", "metric": "POS accuracy, syntactic words", "value": 0.51234, "version": 1,
            "low": 0.49871, "high": 0.52719, "sentences": 518, "words": 11073,
        }  # fmt: skip
        registry.finish_run(run, "done", {"scored": [score]})
    return made


def files(hub: HubServer) -> dict[str, bytes]:
    """What is on the main branch."""
    return hub.models.repositories[REPO].files


def commits(hub: HubServer) -> int:
    """How often something was committed."""
    return len(hub.models.repositories[REPO].commits) - 1


def test_all_that_is_pushed_arrives_in_an_empty_home_with_the_same_bits(
    homes: Homes, hub: HubServer, tiny_backbone: Path
) -> None:
    with Registry.open() as registry:
        before, stored = registry.model(), registry.language("mt").record
    out, err = homes("push", REPO, "--licence", "CC-BY-SA-4.0", "--tag", "v1", "--json")
    told = json.loads(out)
    assert told["changed"] and told["created"] and told["rounded"] == ["mt"]
    assert commits(hub) == 1
    assert hub.models.repositories[REPO].tags == {"v1": told["commit"]}
    assert {path.split("/")[0] for path in files(hub)} == {
        "config.json", "model.safetensors", "index.json", "README.md", "languages"
    }  # fmt: skip
    mine = logits(tiny_backbone, "mt"), logits(tiny_backbone, "en")
    with Registry.open(readonly=True) as registry:
        first, second = registry.history("mt")
    assert (first.hash, second.parent, second.current) == (stored.hash, stored.hash, True)
    homes.go("ben")
    out, err = homes("pull", f"{REPO}@v1", "--as", "theirs", "--json")
    told = json.loads(out)
    assert (told["new_model"], told["model"], told["versions"]["mt"]) == (True, "theirs", 1)
    assert (logits(tiny_backbone, "mt"), logits(tiny_backbone, "en")) == mine
    with Registry.open(readonly=True) as registry:
        model, pulled = registry.model(), registry.language("mt")
        assert registry.check() == []
    assert model.fingerprint == before.fingerprint
    assert pulled.stored.hash == second.hash
    np.testing.assert_array_equal(pulled.record.tensors["shift.ids"], stored.tensors["shift.ids"])
    assert pulled.stored.provenance["hub"]["revision"] == told["revision"] == hub.models.repositories[REPO].tags["v1"]
    assert pulled.stored.provenance["hub"]["scores"][0]["value"] == 0.51234
    out, _ = homes("push", REPO, "--json")  # what came from there needs no word about licences, and changes nothing
    assert not json.loads(out)["changed"]
    out, _ = homes("pull", REPO, "--json")
    assert sorted(json.loads(out)["there"]) == ["en", "mt", "tr"]
    assert commits(hub) == 1
