"""Build networks of other packages without weights, or with weights from one generator only.

Their constructors draw initial weights from torch's global generator, which all threads of the
process share: two trainings at once would get each other's numbers. Both functions here change
what the current thread does, and no other thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_ALLOCATING = frozenset({torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn})


class _OnMeta(TorchFunctionMode):
    """Puts what layers allocate for their weights on the meta device.

    Numbers that a constructor computes with (the widths of a RegNet) stay real; with
    ``torch.device("meta")`` they would have no values, and the constructor would fail.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _ALLOCATING and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)


class _DrawnFrom(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Makes every random operation draw from one generator."""

    def __init__(self, generator: torch.Generator):
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None:
            func = _with_generator(func)
            kwargs = {**kwargs, "generator": self._generator}
        return func(*args, **kwargs)


def _with_generator(func: Any) -> Any:
    """Return the overload of a random operation that takes a generator."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    return func.overloadpacket.generator


@contextmanager
def without_weights() -> Iterator[None]:
    """Make constructors allocate nothing: weights are on the meta device, nothing is drawn."""
    with _OnMeta():
        yield


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Make constructors draw their weights from a CPU generator.

    Raises
    ------
    AttributeError
        If a constructor calls a random operation of torch that can take no generator.
    """
    with _DrawnFrom(generator):
        yield
