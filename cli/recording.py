"""A row in the registry for a run: written once work has begun, so that refused input leaves no trace."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hyperx_cl import __version__
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.store import Registry
from hyperx_cl.train.progress import Reporter

PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy", "safetensors")


class Recording:
    """A run on its way: a reporter that writes the run's row when the work first tells something.

    Args:
        registry: Gets the row.
        command: Which command runs.
        config: Its options.
        seed: Its seed.
        data: File, or part of the data, to hash.
        reporter: Told everything else.
    """

    def __init__(
        self,
        registry: Registry,
        command: str,
        *,
        config: Mapping[str, Any],
        seed: int | None,
        data: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        self._registry, self._reporter = registry, reporter
        self._facts: dict[str, Any] = {"command": command, "config": config, "seed": seed}
        self.run: int | None = None
        self.data: dict[str, str] = dict(data)
        """Hashes of what it learns from or is scored on; what joins them on the way is kept at the end."""
        self.metrics: dict[str, Any] = {}
        """What the row keeps at the end."""

    def step(self, done: int, text: str) -> None:
        """Pass a step on."""
        self.begin()
        self._reporter.step(done, text)

    def say(self, text: str) -> None:
        """Pass a line on."""
        self.begin()
        self._reporter.say(text)

    def begin(self) -> int:
        """Write the row, once, and return its number."""
        if self.run is None:
            self.run = self._registry.start_run(**self._facts, data_hashes=self.data, versions=versions())
        return self.run

    def finish(self, status: str) -> None:
        """Write how it ended."""
        self._registry.finish_run(self.begin(), status, self.metrics, self.data)


@contextmanager
def recording(
    registry: Registry,
    command: str,
    *,
    config: Mapping[str, Any],
    seed: int | None,
    reporter: Reporter,
    data: Mapping[str, str] | None = None,
) -> Iterator[Recording]:
    """Keep a run in the registry: done, failed or interrupted; what is refused before it begins is not kept."""
    kept = Recording(registry, command, config=config, seed=seed, data=data or {}, reporter=reporter)
    try:
        yield kept
    except KeyboardInterrupt:
        if kept.run is not None:
            kept.finish("interrupted")
        raise
    except Exception as error:
        if kept.run is not None or not isinstance(error, HyperXError):
            kept.metrics["error"] = f"{type(error).__name__}: {error}"
            kept.finish("failed")
        raise
    kept.finish("done")


def versions() -> dict[str, str]:
    """Versions of Python, hyperx-cl and the packages that numbers depend on."""
    found = {"python": platform.python_version(), "hyperx-cl": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
