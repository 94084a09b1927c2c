"""Hyper-X for languages nobody has covered: the public names, each loaded when it is first asked for."""

from typing import TYPE_CHECKING

__all__ = ["HyperX", "LanguageRecord", "__version__", "pull", "push"]
__version__ = "0.1.0"

if TYPE_CHECKING:
    from hyperx_cl.artefact import LanguageRecord
    from hyperx_cl.model.hyperx import HyperX
    from hyperx_cl.registry.hub.pull import pull
    from hyperx_cl.registry.hub.push import push
else:
    _HOMES = {
        "HyperX": "hyperx_cl.model.hyperx", "LanguageRecord": "hyperx_cl.artefact",
        "pull": "hyperx_cl.registry.hub.pull", "push": "hyperx_cl.registry.hub.push",
    }  # fmt: skip

    def __getattr__(name: str) -> object:
        """Load a public name's module on first use (PEP 562), so that the registry's commands stay free of torch."""
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List the public names, loaded or not."""
        return sorted({*globals(), *__all__})
