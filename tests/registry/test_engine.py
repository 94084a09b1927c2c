"""Addresses of the registry: paths of every platform, and URLs."""

import pytest

from hyperx_cl.registry.engine import shown


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/home/me/registry.sqlite3", "/home/me/registry.sqlite3"),
        ("C:/Users/me/registry.sqlite3", "C:/Users/me/registry.sqlite3"),
        (r"D:\models\registry.sqlite3", r"D:\models\registry.sqlite3"),
        ("sqlite:///C:/Users/me/registry.sqlite3", "C:/Users/me/registry.sqlite3"),
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
    ],
)
def test_a_drive_is_no_kind_of_database(typed: str, said: str) -> None:
    assert shown(typed) == said
