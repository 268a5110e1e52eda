"""Running plans: plan files, the scheduler that computes their records, and time estimates."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return a name that scripts copied from version 0.1.0 import from this package."""
    if name in ("Scheduler", "room_on"):  # room_on is slots_on now
        from engine.plan import scheduler

        return scheduler.Scheduler if name == "Scheduler" else scheduler.slots_on
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
