"""Somebody with a registry of their own, who pulls from a Hub that may be bad."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry
from tests.hostile.pulling import Somebody, somebody
from tests.hub_server import HubServer

BACKBONE = {"id": "own", "revision": "", "fingerprint": "c3" * 32, "model_type": "bert"}


@pytest.fixture(scope="module")
def someone(
    hub_server: HubServer, hub_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Somebody]:
    """A process for all tests of a file, with a registry that holds a model and a language."""
    folder = tmp_path_factory.mktemp("someone")
    with somebody(hub_server, folder, hub_environment) as found:
        with Registry.open(str(found.home / "registry.sqlite3")) as registry:
            registry.add_model("own", "e5" * 32, "/models/own", BACKBONE, {"vocabulary": 200})
            record = LanguageRecord("mt", "e5" * 32, {"embedding": np.ones(8, np.float32)}, {"method": "mlm"})
            registry.add_language(record)
        yield found


@pytest.fixture(scope="module")
def kept(someone: Somebody, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that home as it was."""
    place = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(someone.home, place)
    return place


@pytest.fixture
def puller(someone: Somebody, kept: Path, hub: HubServer) -> Somebody:
    """That somebody, with the home as it was and nothing in the cache."""
    someone.put_back(kept)
    shutil.rmtree(someone.cache / "hub", ignore_errors=True)
    someone.environment.clear()
    return someone
