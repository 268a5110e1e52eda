"""The optimisers of trainings: torch's own steps, and Adam as TensorFlow computes it.

torch imports its compiler with the first optimiser, more than a second of work and 150 MB in every
process, although nothing is compiled here. The classes below take the same steps without it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

EPSILON = 1e-8
_ADD_GROUP = inspect.unwrap(Optimizer.add_param_group)
_ZERO_GRAD = inspect.unwrap(Optimizer.zero_grad)
_STATE = inspect.unwrap(Optimizer.state_dict)
_LOAD_STATE = inspect.unwrap(Optimizer.load_state_dict)
_ADAM_STEP = inspect.unwrap(torch.optim.Adam.step)
_SGD_STEP = inspect.unwrap(torch.optim.SGD.step)


class _Eager(Optimizer):
    """Calls what lies under torch's decorators, of which each would import the compiler.

    Of a version of torch that has no such decorators, the methods themselves are called.
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; see :meth:`torch.optim.Optimizer.add_param_group`."""
        _ADD_GROUP(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take the gradients away; see :meth:`torch.optim.Optimizer.zero_grad`."""
        _ZERO_GRAD(self, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state; see :meth:`torch.optim.Optimizer.state_dict`."""
        state: dict[str, Any] = _STATE(self)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state; see :meth:`torch.optim.Optimizer.load_state_dict`."""
        _LOAD_STATE(self, state_dict)


class EagerAdam(_Eager, torch.optim.Adam):
    """Adam. Source: Kingma, Ba 2015, algorithm 1."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; see :meth:`torch.optim.Adam.step`."""
        return _ADAM_STEP(self, closure)


class EagerSGD(_Eager, torch.optim.SGD):
    """Stochastic gradient descent with momentum."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; see :meth:`torch.optim.SGD.step`."""
        return _SGD_STEP(self, closure)


class TensorFlowAdam(EagerAdam):
    """Adam with epsilon added to the root of the second moment before its bias is corrected.

    TensorFlow's step is w - r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-8), torch's is
    w - r / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon). They are equal for an epsilon of
    1e-8 / sqrt(1 - b2^t), which this class sets before every step. All parameters that have a
    gradient must have taken the same number of steps, as those of one network have.
    Source: Kingma, Ba 2015, end of section 2, "epsilon hat".
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; see :class:`torch.optim.Adam`."""
        for group in self.param_groups:
            moved = next((p for p in group["params"] if p.grad is not None), None)
            if moved is not None:
                # State is empty before the first step.
                steps = 1 + int(self.state.get(moved, {}).get("step", 0))
                group["eps"] = EPSILON / math.sqrt(1 - group["betas"][1] ** steps)
        return super().step(closure)
