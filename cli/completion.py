"""What the shell completes: names of models, languages and tasks out of the registry; never an error."""

from collections.abc import Callable

from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.store import Registry


def complete_model(incomplete: str) -> list[str]:
    """Names of models."""
    return _completed(incomplete, lambda registry: [model.name for model in registry.list_models()])


def complete_language(incomplete: str) -> list[str]:
    """Codes of the default model's languages; behind a comma the next one."""
    return _completed(incomplete, lambda registry: [stored.language for stored in registry.languages()])


def complete_task(incomplete: str) -> list[str]:
    """Tasks of the default model; behind a comma the next one."""

    def names(registry: Registry) -> list[str]:
        model = registry.model()
        return [task["name"] for task in [*model.config.get("tasks", []), *model.tasks]]

    return _completed(incomplete, names)


def _completed(incomplete: str, names: Callable[[Registry], list[str]]) -> list[str]:
    head, comma, start = incomplete.rpartition(",")
    try:
        with Registry.open(readonly=True) as registry:
            return [f"{head}{comma}{name}" for name in names(registry) if name.startswith(start)]
    except HyperXError:
        return []
