"""The time as the registry writes it."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present moment, UTC, ISO 8601 to the second: ``'2026-11-22T14:05:00+00:00'``."""
    return datetime.now(UTC).isoformat(timespec="seconds")
