"""Sums in float64, also of tensors on a device that has none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

WITHOUT = ("mps",)
"""Types of devices without float64."""


def wide(tensor: Tensor) -> Tensor:
    """Return a tensor as float64: on its own device, or on the CPU where the device has none.

    Gradients flow through it. What it is combined with must be moved to the device of the result.
    """
    return (tensor.cpu() if tensor.device.type in WITHOUT else tensor).double()


def wide_numbers(numbers: Sequence[float], device: torch.device) -> Tensor:
    """Return numbers (N,) on a device: as float64, or as float32 where the device has none."""
    dtype = torch.float32 if device.type in WITHOUT else torch.float64
    return torch.tensor(numbers, dtype=dtype, device=device)
