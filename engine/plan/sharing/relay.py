"""Events of a worker on their way to whoever leads the run, few and small enough for dask.

They pass through the scheduler, which keeps the newest thousand of them. So pictures, such as maps
of probe images, come only where a window shows them, so many a second of all workers together, in
half the bytes, and as many images as fit into :data:`MOST_BYTES`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs.events import (
    Ended,
    Event,
    Notice,
    ProbeMaps,
    Progress,
    Reconstructions,
    Scalars,
    Snapshot,
    Started,
)

PROGRESS_SECONDS = 1.0
PICTURE_SECONDS = 1.0  # at least, between two pictures of a computation
PICTURES_A_SECOND = 8  # of all workers together
MOST_BYTES = 96 * 1024  # of a picture: 8 images of 32 px in colour with their maps
IMAGES = (ProbeMaps, Reconstructions)
"""Pictures of several images, whose arrays have one first axis."""
PICTURES = (*IMAGES, Snapshot)
RELAYED: dict[str, Any] = {
    kind.__name__: kind for kind in (Started, Progress, Scalars, Notice, Ended, *PICTURES)
}
TOO_LARGE = (
    "pictures of it are not shown while a worker computes it: one image of them has more than "
    f"{MOST_BYTES // 1024} kB; its record has them"
)
Packed = dict[str, Any]


def seconds_between(computing: int) -> float:
    """Return the seconds from one picture of a computation to the next; so many run at once."""
    return max(PICTURE_SECONDS, computing / PICTURES_A_SECOND)


class Relay:
    """Takes the events of an order and sends some of them.

    Parameters
    ----------
    send
        Takes the kind of an event and its fields as values that dask can carry.
    worker
        What the worker is called.
    pictures
        Seconds between two pictures of a computation; 0: none are sent.

    Attributes
    ----------
    failed
        Why computations failed, by key.
    """

    def __init__(self, send: Callable[[str, Packed], None], worker: str, pictures: float = 0.0):
        self.failed: dict[str, str] = {}
        self._send, self._worker, self._pictures = send, worker, pictures
        self._last: dict[str, float] = {}
        self._said: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Send an event, if it is one that is sent, and due."""
        if isinstance(event, Ended) and event.outcome == "failed":
            self.failed[event.key] = event.message
        if type(event).__name__ not in RELAYED or not self._is_due(event):
            return
        if isinstance(event, Started):
            event = replace(event, where=self._worker)
        packed = packed_from(event)
        if packed is not None:
            self._send(type(event).__name__, packed)
        elif event.key not in self._said:
            self._said.add(event.key)
            self(Notice(event.key, TOO_LARGE))

    def _is_due(self, event: Event) -> bool:
        """Whether the last one of its kind and key is long enough ago.

        Numbers of whole epochs always are.
        """
        if isinstance(event, PICTURES):
            wait = self._pictures
            if not wait:
                return False
        elif isinstance(event, Progress | Scalars):
            wait = PROGRESS_SECONDS
            if isinstance(event, Scalars) and float(event.step).is_integer():
                return True
        else:
            return True
        now, what = time.monotonic(), f"{type(event).__name__} {event.key}"
        if now - self._last.get(what, -wait) < wait:
            return False
        self._last[what] = now
        return True


def packed_from(event: Event) -> Packed | None:
    """Return an event's fields as values that dask can carry; None if a picture is too large."""
    if isinstance(event, IMAGES):
        return _images(event)
    if isinstance(event, Snapshot):
        whole = {name: _packed(array) for name, array in event.weights.items()}
        size = sum(array.nbytes for array in event.weights.values())
        found = {"key": event.key, "step": float(event.step), "weights": whole}
        return found if size <= MOST_BYTES else None
    found = asdict(event)
    if isinstance(event, Scalars):
        found["values"] = {name: float(value) for name, value in event.values.items()}
    return found


def event_from(kind: str, packed: Mapping[str, Any]) -> Event:
    """Return the event that :class:`Relay` sent."""
    found = {name: _unpacked(value) for name, value in packed.items()}
    event: Event = RELAYED[kind](**found)
    return event


def _images(event: ProbeMaps | Reconstructions) -> Packed | None:
    """Return the fields of a picture with as many of its images as fit."""
    found: Packed = {field.name: getattr(event, field.name) for field in fields(event)}
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    small = {name: _halved(array) for name, array in arrays.items()}
    each = sum(array[:1].nbytes for array, _ in small.values())
    count = MOST_BYTES // max(1, each)
    if not count:
        return None
    for name, (array, scales) in small.items():
        found[name] = _packed(array[:count]) | {"scales": scales[:count]}
    return found | {"step": float(event.step)}


def _halved(array: NDArray[Any]) -> tuple[NDArray[Any], list[float]]:
    """Return floats (N, ...) as 16 bits of a share of each image's largest, and that by image."""
    if array.dtype.kind != "f":
        return array, []
    largest = np.abs(array).reshape(len(array), -1).max(1, initial=0.0).astype(np.float32)
    safe = np.where(largest > 0, largest, 1.0).reshape(-1, *[1] * (array.ndim - 1))
    return (array / safe).astype(np.float16), [float(value) for value in largest]


def _packed(array: NDArray[Any]) -> Packed:
    held = np.ascontiguousarray(array)
    return {"bytes": held.tobytes(), "type": held.dtype.str, "shape": list(array.shape)}


def _unpacked(value: Any) -> Any:
    """Return the array, or the arrays by name, that were packed; other values as they are."""
    if not isinstance(value, Mapping):
        return value
    if "bytes" not in value:
        return {name: _unpacked(one) for name, one in value.items()}
    array = np.frombuffer(value["bytes"], value["type"]).reshape(value["shape"])
    scales = value.get("scales")
    if not scales:
        return array
    around = (-1, *[1] * (array.ndim - 1))
    return array.astype(np.float32) * np.array(scales, np.float32).reshape(around)
