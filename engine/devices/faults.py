"""What an error of a device means: its memory is short, or the device itself was lost."""

from __future__ import annotations

import torch

SHORT = ("out of memory", "can't allocate memory", "alloc_failed", "allocation_failed",
         "unable to find an engine")  # fmt: skip
"""In errors that are of no type of their own.

The last one is torch's where cuDNN gets no memory for the workspace of any kernel.
"""


def is_short(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, of the computer or of a device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in SHORT)


def why_lost(device: torch.device) -> str:
    """Return why nothing can be computed any more on a device that computed before, or "".

    After some errors (an illegal access, a driver that fell over, a GPU that left the bus) every
    later call of the process fails as well, which tells them from those of one computation.
    """
    if device.type == "cpu":
        return ""
    try:
        float(torch.ones(1, device=device) + 1)
    except RuntimeError as error:
        if is_short(error):
            return ""
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"the GPU was lost ({first[:160]})"
    return ""
