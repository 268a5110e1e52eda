"""How the end of a computation is told."""

from __future__ import annotations

from engine.devices.faults import is_short
from engine.jobs.events import Ended
from engine.memory import memory_advice


def became(ended: Ended) -> str:
    """Return how a computation ended without a result: "was cancelled" or "failed"."""
    return "was cancelled" if ended.outcome == "cancelled" else "failed"


def explain(error: BaseException) -> str:
    """Return what an exception says to the user, with advice if memory is short."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return f"the computer is out of memory{memory_advice(error)}"
    if is_short(error):
        return f"the device is out of memory{memory_advice(error)}"
    if isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
