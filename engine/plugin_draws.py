"""Refuse that a user's method draws from a generator which no seed of its spec determines.

Each spec has one result, whatever else the process computes. Three generators belong to the whole
process: torch's, numpy's and that of Python's ``random``.
"""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.specs.schema import Spec, SpecError

Function = Callable[..., Any]

DRAWING = ("uniform", "normal", "log_normal", "multinomial", "exponential", "cauchy", "geometric")
"""Random operations of torch, beside those that begin with "rand"; not those of dropout."""

OF_PYTHON = random.seed.__self__  # type: ignore[attr-defined]
"""The generator behind the functions of Python's ``random``."""


class _DrawsWatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses, on this thread, to draw from torch's generator of the whole process."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation of torch, if it draws from no generator but one that it is given."""
        name, given = func.overloadpacket.__name__, kwargs or {}
        drawn = name.startswith("rand") or name.strip("_") in DRAWING
        own = any(isinstance(value, torch.Generator) for value in (*args, *given.values()))
        if drawn and not own and not _building_a_network():
            raise _drawn(f"{name} draws from torch's")
        return func(*args, **given)


def _drawn(what: str) -> SpecError:
    return SpecError(
        f"{what} generator of the whole process, must draw from the given one, or from one of its "
        "own with a seed, so that a seed has one result"
    )


@contextmanager
def _draws_watched() -> Iterator[None]:
    """Refuse, on this thread, to draw from a generator of the whole process.

    Python's ``random`` is watched by its calls, for other libraries' threads draw from it too, and
    numpy's by its state, as its calls cannot be seen.
    """
    before, profile = np.random.get_state(), sys.getprofile()
    sys.setprofile(_refuse_draws_of_python)
    try:
        with _DrawsWatched():  # type: ignore[no-untyped-call]
            yield
    finally:
        sys.setprofile(profile)
    if _values(np.random.get_state()) != _values(before):
        np.random.set_state(before)
        raise _drawn("it draws from numpy's")


def _refuse_draws_of_python(frame: FrameType, event: str, argument: object) -> None:
    """Raise at a call, as :func:`sys.setprofile` tells it, of a function of ``random``."""
    if event == "c_call":
        name, own = getattr(argument, "__name__", ""), getattr(argument, "__self__", None)
    elif event == "call" and frame.f_code.co_filename == random.__file__:
        name, own = frame.f_code.co_name, frame.f_locals.get("self")
    else:
        return
    if own is OF_PYTHON:
        raise _drawn(f"random.{name} draws from Python's")


def _values(state: Any) -> tuple[object, ...]:
    name, key, *rest = state
    return (name, np.asarray(key).tobytes(), *rest)


def _building_a_network() -> bool:
    """Return whether layers get their first weights, in place of which others may be loaded."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        built = frame.f_code.co_name == "__init__" and frame.f_locals.get("self")
        if frame.f_code.co_filename == nn.init.__file__ or isinstance(built, nn.Module):
            return True
        frame = frame.f_back
    return False


def watched(function: Function) -> Function:
    """Return a function whose random draws are watched in its first call with each setting.

    Watching costs some microseconds an operation, which every call need not pay. Where the function
    is to be given a generator and there is none, nothing is watched.
    """
    seen: set[str] = set()

    @functools.wraps(function)
    def watching(*args: Any, **fields: Any) -> Any:
        setting = repr([value for value in (*args, *fields.values()) if _is_setting(value)])
        if setting in seen or fields.get("generator", True) is None:
            return function(*args, **fields)
        with _draws_watched():
            found = function(*args, **fields)
        seen.add(setting)
        return found

    return watching


def _is_setting(value: object) -> bool:
    return isinstance(value, Spec | str | int | float | tuple)
