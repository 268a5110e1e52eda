"""How long a plan will take, before it is queued."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from engine.plan.cost import Rates, Size, Work, finish, work_of
from engine.plan.slots import Slots
from engine.plan.timing import seconds_per_pass, shape_of
from engine.specs import ImagesSpec, NetworkSpec
from engine.specs.schema import Spec

# Unknown networks are timed only if so many images have to pass: a day of the slowest
# networks is more than this, and what is shorter needs no question.
WORTH_TIMING = 50_000.0
MOST_TIMED = 3  # pairs of network and images: more would let a user wait who wants to begin
TIMED_BATCH = 16
TIMED_SECONDS = 0.05  # enough to tell a day from an hour
KEPT_SECONDS = 600.0  # a time that was measured is used again: a retry asks the same at once
CLASSES = 10  # supposed; the last layer is a small part of the work


@dataclass(frozen=True)
class Forecast:
    """An estimate of a plan.

    Attributes
    ----------
    seconds
        How long it takes; None if nothing about it is known. Work that is not known is left out, so
        that it can take longer.
    works
        The work of every computation, by key.
    """

    seconds: float | None
    works: dict[str, Work]


def forecast(
    specs: Iterable[Spec],
    slots: Slots,
    rates: Rates,
    size: Size,
    *,
    check: Callable[[], None] = lambda: None,
) -> Forecast:
    """Estimate how long specs take that run in the slots side by side.

    Networks whose speed is not known are timed for a few batches of noise.

    Parameters
    ----------
    size
        See :func:`~engine.plan.cost.work_of`.
    check
        Called now and then; may raise to cancel.
    """
    wanted = list(specs)
    works: dict[str, Work] = {}
    for spec in wanted:
        check()
        works[spec.key] = work_of(spec, size)
    known = rates.copy()
    _time_unknown(wanted, works, slots, known, check)
    waiting = [
        (key, seconds, frozenset[str]())
        for key, work in works.items()
        if (seconds := known.seconds(work)) is not None
    ]
    return Forecast(finish({}, waiting, slots.count) if waiting else None, works)


def _time_unknown(
    wanted: list[Spec],
    works: dict[str, Work],
    slots: Slots,
    rates: Rates,
    check: Callable[[], None],
) -> None:
    """Learn the rates of networks that no computation here has used."""
    unknown = [work.passes for work in works.values() if rates.of(work) is None]
    if sum(unknown) < WORTH_TIMING:
        return
    timed = 0
    for spec in wanted:
        network, images = getattr(spec, "network", None), getattr(spec, "images", None)
        if not isinstance(network, NetworkSpec) or not isinstance(images, ImagesSpec):
            continue
        shape = shape_of(images)
        if shape is None or rates.of(works[spec.key]) is not None:
            continue
        check()
        if timed == MOST_TIMED:
            return
        timed += 1
        try:
            taken = _pass_seconds(network, shape, slots, check)
        except (ValueError, RuntimeError, MemoryError, torch.OutOfMemoryError):
            continue  # its computation says what is wrong
        rates.learn(works[spec.key], taken, passes=1.0)


_MEASURED: dict[tuple[str, tuple[int, int, int], str, int], tuple[float, float]] = {}


def _pass_seconds(
    network: NetworkSpec, shape: tuple[int, int, int], slots: Slots, check: Callable[[], None]
) -> float:
    """Return the seconds of a pass on noise, as measured lately or now."""
    asked = network.key, shape, str(slots.device), slots.threads
    at, taken = _MEASURED.get(asked, (-KEPT_SECONDS, 0.0))
    if time.monotonic() - at < KEPT_SECONDS:
        return taken
    taken = seconds_per_pass(
        network,
        shape=shape,
        classes=CLASSES,
        batch_size=TIMED_BATCH,
        device=slots.device,
        threads=slots.threads,
        check_cancelled=check,
        seconds=TIMED_SECONDS,
    )
    _MEASURED[asked] = time.monotonic(), taken
    return taken
