"""A registry that is open: transactions to read and write in, until it is closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from hyperx_cl.errors import UsageError
from hyperx_cl.registry import engine
from hyperx_cl.registry.home import registry_url
from hyperx_cl.registry.opening import prepared, unheard


class Opened:
    """The database of a `Registry`; a context manager that closes it."""

    def __init__(self, database: Engine, where: str, *, readonly: bool) -> None:
        """Use `open` instead, which prepares the database."""
        self._engine, self._readonly = database, readonly
        self.where = where
        """Path of the SQLite file, or the URL without its password."""

    @classmethod
    def open(cls, url: str | None = None, *, readonly: bool = False, tell: engine.Tell = unheard) -> Self:
        """Open a registry, and make or migrate it where that is needed.

        Args:
            url: Any SQLAlchemy URL, or the path of an SQLite file; `HYPERX_REGISTRY` or the user's own by default.
            readonly: Write nothing; a registry that does not exist yet is an empty one.
            tell: Told what is worth knowing of the place, once.

        Raises:
            UsageError: The address is not understood, or its driver is not installed.
            ConflictError: It was written by a newer hyperx-cl.
        """
        address = url or registry_url()
        where = engine.shown(address)
        with engine.one_sentence(where):
            return cls(prepared(address, where, readonly=readonly, tell=tell), where, readonly=readonly)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with engine.one_sentence(self.where), Session(engine.for_reading(self._engine)) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        if self._readonly:
            raise UsageError(f"the registry {self.where} is open for reading only: open it for writing")
        with engine.one_sentence(self.where), Session(engine.for_writing(self._engine)) as session, session.begin():
            yield session
