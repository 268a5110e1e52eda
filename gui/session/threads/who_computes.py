"""Who computes the open study, by the settings: this window, or workers of dask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.specs.schema import SpecError

if TYPE_CHECKING:
    from engine.plan.scheduler import Scheduler
    from engine.plan.sharing.cluster import Workers
    from engine.plan.slots import Slots
    from engine.store.study import Study


def workers_of(text: str) -> Workers | None:
    """Return the workers that a setting names: "" for this window, a number, or an address.

    Raises
    ------
    SpecError
        If the address is not one of this machine or encrypted, or dask is not installed.
    """
    if not text:
        return None
    from engine.plan.sharing.cluster import Workers

    try:
        return Workers(count=int(text)) if text.isdecimal() else Workers(scheduler=text)
    except SpecError as error:
        raise SpecError(in_window(str(error))) from error


def scheduler_of(
    study: Study,
    slots: Slots,
    emit: Callable[[Any], None],
    workers: Workers | None,
    asked: tuple[Any, ...],
) -> Scheduler:
    """Return a scheduler that computes in this process, or leads workers.

    Parameters
    ----------
    asked
        Device, and what is asked for of computations side by side and threads of each.
    """
    if workers is None:
        from engine.plan.scheduler import Scheduler

        return Scheduler(study, slots, emit, behind_window=True)
    from engine.plan.sharing.led import LedScheduler
    from engine.plan.sharing.on_worker import Slot

    return LedScheduler(study, slots, emit, workers, Slot(*asked), shown=True)


def in_words(devices: Sequence[str]) -> str:
    """Return how many workers there are and on what they compute, by what each computes on."""
    if not devices:
        return "no workers yet"
    kinds = sorted({"CPU" if device == "CPU" else "GPU" for device in devices})
    many = "1 worker" if len(devices) == 1 else f"{len(devices)} workers"
    return f"{many} on {' and '.join(kinds)}"


def in_window(text: str) -> str:
    """Return a sentence about workers without the names of a command's options."""
    for option, words in (("--scheduler", "the scheduler"), ("--workers", "the number of workers")):
        text = text.replace(f"{option} is", f"{words} is")
    return text if text.startswith("dask.") else text[:1].upper() + text[1:]
