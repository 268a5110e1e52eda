"""From a plan file to records: what computes what, in which order, and how long it takes."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return what Python that was copied from version 0.1.0 imports from here."""
    if name in ("Scheduler", "room_on"):  # room_on is slots_on now
        from engine.plan import scheduler

        return scheduler.Scheduler if name == "Scheduler" else scheduler.slots_on
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
