"""Where the user's own things live: HYPERX_HOME for the folder, HYPERX_REGISTRY for the database."""

import os
from pathlib import Path

import platformdirs
from sqlalchemy import URL


def home() -> Path:
    """Return the user's folder: ``HYPERX_HOME``, or the platform's place for application data. Not created."""
    chosen = os.environ.get("HYPERX_HOME")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_data_path("hyperx-cl")


def registry_url() -> str:
    """Return the address of the registry: ``HYPERX_REGISTRY``, or ``registry.sqlite3`` in `home`."""
    default = URL.create("sqlite", database=str(home() / "registry.sqlite3"))
    return os.environ.get("HYPERX_REGISTRY") or default.render_as_string(hide_password=False)
