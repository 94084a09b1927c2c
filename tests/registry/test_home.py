"""Where the user's things are."""

from pathlib import Path

import platformdirs
import pytest

from hyperx_cl.registry.home import home, registry_url


def test_the_user_s_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYPERX_HOME", str(tmp_path / "my home"))
    assert home() == tmp_path / "my home"
    assert registry_url() == f"sqlite:///{tmp_path}/my home/registry.sqlite3"
    monkeypatch.setenv("HYPERX_HOME", "~/x")
    assert home() == Path.home() / "x"
    monkeypatch.delenv("HYPERX_HOME")
    assert home() == platformdirs.user_data_path("hyperx-cl")


def test_the_registry_s_own_variable_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERX_REGISTRY", "postgresql://team/db")
    assert registry_url() == "postgresql://team/db"
