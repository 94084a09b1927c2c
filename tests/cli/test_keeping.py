"""Names of models that are refused before hours of training."""

import pytest

from hyperx_cl.cli.keeping import expect_name
from hyperx_cl.errors import UsageError
from hyperx_cl.registry.store import Registry


@pytest.mark.parametrize("name", ["mbert-d32", "a", "0.x_y", "a" * 64])
def test_names_that_the_registry_takes(name: str) -> None:
    expect_name(name)
    with Registry.open() as registry:
        backbone = {"id": "b", "revision": "", "fingerprint": "a1" * 32, "model_type": "bert"}
        registry.add_model(name, "a2" * 32, "/m", backbone, {})


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "é", "a" * 65])
def test_names_that_it_refuses(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a model"):
        expect_name(name)
