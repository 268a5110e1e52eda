"""Sums in float64, also of tensors on a device that has none."""

from __future__ import annotations

from torch import Tensor

WITHOUT = ("mps",)
"""Types of devices without float64."""


def wide(tensor: Tensor) -> Tensor:
    """Return a tensor as float64: on its own device, or on the CPU where the device has none.

    Gradients flow through it. What it is combined with must be moved to the device of the result.
    """
    return (tensor.cpu() if tensor.device.type in WITHOUT else tensor).double()
