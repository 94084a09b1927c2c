"""A pull that is killed has stored all or nothing, and pulled again it is as if nothing had happened."""

import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.registry.search import Wanted
from hyperx_cl.registry.store import Registry
from tests.forked import Ended, Forked, forking, left
from tests.hub_server import HubServer
from tests.sharing import REPO, Homes

POINTS, MANY, FEW = 4, 200, 20


@pytest.fixture(scope="module")
def reaching(hub_environment: Mapping[str, str]) -> Iterator[Forked]:
    """Runs command lines with the Hub in children that can be struck down at a counted event."""
    with forking(hub_environment) as forked:
        yield forked


@dataclass(frozen=True)
class Pulling:
    """Pulls of one repository, each with nothing in the cache."""

    reaching: Forked
    hub: HubServer

    def __call__(self, home: Path, *, at: int = 0, anew: bool = True) -> Ended:
        """Pull into a home.

        Args:
            home: A HYPERX_HOME.
            at: Event to kill it at; 0 for none.
            anew: Take away what other pulls have left in the cache.
        """
        if anew:
            shutil.rmtree(self.hub.cache / "hub", ignore_errors=True)
        return self.reaching("pull", REPO, home=home, at=at)


@pytest.fixture
def pulling(homes: Homes, hub: HubServer, reaching: Forked) -> Pulling:
    """Anna has pushed a model, a language and a task."""
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    return Pulling(reaching, hub)


def strike(pulling: Pulling, folder: Path, points: int, number: int, of: int) -> None:
    """Kill pulls at seeded events of one of several parts of the pull."""
    whole = pulling(folder / "whole")
    assert whole.status == 0 and whole.events, whole.err
    expected, stored = left(folder / "whole"), []
    first, beyond = (1 + (whole.events - 1) * part // of for part in (number, number + 1))
    for event in np.random.default_rng([number, of]).integers(first, beyond, points):
        home = folder / f"killed-at-{event}-of-{whole.events}"
        struck = pulling(home, at=int(event))
        assert struck.status == -signal.SIGKILL, f"{home.name}: {struck.err}"
        stored.append(all_or_nothing(home))
        again = pulling(home, anew=False)
        assert again.status == 0, f"{home.name}: {again.err}"
        assert left(home) == expected, home.name
        shutil.rmtree(home)
    assert number or not all(stored)  # a kill that never comes before the end would prove nothing


def all_or_nothing(home: Path) -> bool:
    """Whether what was pulled is there, whole; half of it must not be."""
    with Registry.open(str(home / "registry.sqlite3")) as registry:
        assert registry.check() == []
        if not registry.list_models():
            return False
        assert {stored.language for stored in registry.search(Wanted())} == {"en", "tr", "mt"}
        return True


def test_killed_at_seeded_moments(pulling: Pulling, memory: Path) -> None:
    strike(pulling, memory, POINTS, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MANY // FEW))
def test_killed_at_many_seeded_moments(pulling: Pulling, memory: Path, number: int) -> None:
    strike(pulling, memory, FEW, number, MANY // FEW)
