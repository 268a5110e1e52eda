"""In words, with what numbers are computed: versions, device and processor."""

from __future__ import annotations

import platform

import numpy as np
import torch

from engine.devices.found import name_of
from engine.program import VERSION


def libraries() -> str:
    """Return the versions that decide the numbers of a record, in words."""
    return f"Isthmus {VERSION}, torch {torch.__version__}, numpy {np.__version__}"


def maker(device: torch.device) -> str:
    """Return all that decides the bits of a result but the spec and the number of threads."""
    if device.type == "cpu":
        where = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    else:
        where = name_of(device)
    return f"{libraries()} on {where}"
