"""A row in the registry for a run: written once work has begun, so that refused input leaves no trace."""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
        resumed: Whether it goes on with an earlier run, whose row a killed process may have left as running.
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
        resumed: bool = False,
    ) -> None:
        self._registry, self._reporter, self._resumed = registry, reporter, resumed
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
            if self._resumed:
                end_killed(self._registry, self._facts["command"], self._facts["config"], "interrupted")
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
    resumed: bool = False,
) -> Iterator[Recording]:
    """Keep a run in the registry: done, failed or interrupted; what is refused before it begins is not kept."""
    kept = Recording(
        registry, command, config=config, seed=seed, data=data or {}, reporter=reporter, resumed=resumed
    )  # fmt: skip
    try:
        yield kept
    except KeyboardInterrupt:
        if kept.run is not None:
            with suppress(HyperXError):  # what stopped it is what must be told
                kept.finish("interrupted")
        raise
    except Exception as error:
        if kept.run is not None or not isinstance(error, HyperXError):
            kept.metrics["error"] = f"{type(error).__name__}: {error}"
            with suppress(HyperXError):
                kept.finish("failed")
        raise
    kept.finish("done")


def end_killed(
    registry: Registry, command: str, config: Mapping[str, Any], status: str, metrics: Mapping[str, Any] | None = None
) -> None:
    """End the rows of runs that were killed, which nobody else will: those of the same command and configuration.

    Args:
        registry: Has the rows.
        command: Which command ran.
        config: Its options; only the number of threads may be another now.
        status: What to end them as.
        metrics: What they keep.
    """
    wanted = _but_threads(json.loads(json.dumps(config, default=str)))
    for run in registry.list_runs():
        if run.status == "running" and run.command == command and _but_threads(run.config) == wanted:
            registry.finish_run(run.id, status, metrics or {})


def _but_threads(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "threads"}


def versions() -> dict[str, str]:
    """Versions of Python, hyperx-cl and the packages that numbers depend on."""
    found = {"python": platform.python_version(), "hyperx-cl": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
