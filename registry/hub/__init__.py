"""Between a registry and a repository on the Hub: what is pushed, what is pulled, and where it is stored."""

from hyperx_cl.registry.hub.pull import Pulled, pull
from hyperx_cl.registry.hub.push import Pushed, push

__all__ = ["Pulled", "Pushed", "pull", "push"]
