"""Tables of modules and vectors under names that users choose: any language code, any task."""

from collections.abc import Iterable
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from hyperx_cl.errors import UsageError

Kind = TypeVar("Kind", bound=nn.Module)


class Table(nn.ModuleDict, Generic[Kind]):
    """Modules of one kind by name. Unlike `nn.ModuleDict` it takes ``to`` (Tongan), ``pop`` (Pwapwa) and ``type``.

    Raises:
        UsageError: A name with a dot in it, which would cut the names of its tensors at the wrong place.
    """

    def __getitem__(self, name: str) -> Kind:
        """The module of that name."""
        return cast(Kind, super().__getitem__(name))

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Put a module under a name."""
        if "." in name or not name:
            raise UsageError(f"'{name}' cannot be the name of a task or language: use letters, digits, - and _.")
        if module is not None:
            self._modules[name] = module


class Vectors(nn.Module):
    """Trained vectors by name, drawn from N(0, 1).

    Args:
        names: In the order in which they are drawn.
        size: Numbers of each.
    """

    def __init__(self, names: Iterable[str], size: int) -> None:
        super().__init__()
        for name in names:
            self._parameters[name] = nn.Parameter(torch.randn(size))

    def __contains__(self, name: object) -> bool:
        """Whether there is a vector of that name."""
        return name in self._parameters

    def __getitem__(self, name: str) -> Tensor:
        """The vector of that name."""
        vector = self._parameters[name]
        assert vector is not None
        return vector
