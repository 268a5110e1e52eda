"""Events that a computation emits while it runs.

Events are frozen and hold numbers, texts and read-only CPU arrays, but no tensors or modules.
So they can be queued, recorded, replayed in tests and sent to another process. Every event
names the ``key`` of the spec it is about. Each computation ends with exactly one :class:`Ended`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    key: str


@dataclass(frozen=True)
class Queued(Event):
    """A computation waits for its turn; sent once per computation when a plan starts."""

    kind: str
    title: str


@dataclass(frozen=True)
class Started(Event):
    """A computation began.

    Attributes
    ----------
    where
        Which worker computes it: the name of a thread here, or what a worker of dask is called.
    """

    kind: str
    title: str
    where: str = ""


@dataclass(frozen=True)
class Progress(Event):
    """Progress of a computation: ``done`` of ``total`` steps; ``what`` names the steps."""

    done: float
    total: float
    what: str = ""


@dataclass(frozen=True)
class Scalars(Event):
    """Numbers by name at one ``step``, the x value in plots (an epoch, possibly fractional)."""

    step: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class ProbeMaps(Event):
    """Gradient maps of the probe images at one step of a training.

    Attributes
    ----------
    step
        The epoch, it may be fractional.
    images
        uint8 (N, C, H, W).
    attributions
        float32 (N, C, H, W), signed, unscaled.
    """

    step: float
    images: NDArray[np.uint8]
    attributions: NDArray[np.float32]


@dataclass(frozen=True)
class Reconstructions(Event):
    """A generator's reconstructions of the probe images, and samples from its prior, at one step.

    Attributes
    ----------
    step
        The epoch, it may be fractional.
    images
        uint8 (N, C, H, W).
    reconstructions, samples
        float32 (N, C, H, W) in [0, 1]; every event decodes the same latent draws into samples.
    """

    step: float
    images: NDArray[np.uint8]
    reconstructions: NDArray[np.float32]
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Snapshot(Event):
    """The weights of a network for points of the plane during training; other networks send none.

    Attributes
    ----------
    step
        The epoch, it may be fractional.
    weights
        The network's state, as its record will hold it: "weights/<entry>".
    """

    step: float
    weights: Mapping[str, NDArray[Any]]


RESUMED = "resumed"  # what a notice is about that a training goes on from its checkpoint


@dataclass(frozen=True)
class Notice(Event):
    """One sentence to show to the user; the computation continues.

    Attributes
    ----------
    about
        Name of the alarm that it is about, or ``RESUMED``; "" for other news.
    over
        Whether it says that this alarm is over.
    """

    text: str
    about: str = ""
    over: bool = False


@dataclass(frozen=True)
class WorkerNews(Event):
    """A worker of dask came, went or was lost; its ``key`` is empty.

    Attributes
    ----------
    name
        What it is called; "" if it is about all of them.
    state
        "starting", "waiting" (the scheduler answers, and has too few workers yet), "ready",
        "differs" (it has other versions), "lost", "back", "refused" (it computes nothing that
        needs some file), "ended", or "gone" for a scheduler.
    text
        One sentence for the user.
    device
        On what it computes, if that is known.
    """

    name: str
    state: Literal[
        "starting", "waiting", "ready", "differs", "lost", "back", "refused", "ended", "gone"
    ]
    text: str
    device: str = ""


@dataclass(frozen=True)
class Ended(Event):
    """The last event of a computation.

    Attributes
    ----------
    outcome
        "finished", "cancelled", or "failed".
    message
        For "failed", one sentence.
    details
        For "failed", the traceback.
    """

    outcome: Literal["finished", "cancelled", "failed"]
    seconds: float = 0.0
    message: str = ""
    details: str = ""
