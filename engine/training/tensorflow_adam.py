"""Adam as TensorFlow computes it, which the paper's released code uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

EPSILON = 1e-8


class TensorFlowAdam(torch.optim.Adam):
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
