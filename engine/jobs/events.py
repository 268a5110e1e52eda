"""What a computation may say while it runs.

Events are plain frozen values: numbers, texts and read-only CPU arrays, never tensors or modules,
so they can be queued, recorded, replayed in tests and sent across a process border. Every event
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
    """A computation waits for its turn; sent once for each when a plan starts."""

    kind: str
    title: str


@dataclass(frozen=True)
class Started(Event):
    """A computation began."""

    kind: str
    title: str


@dataclass(frozen=True)
class Progress(Event):
    """How far it is: ``done`` of ``total`` steps of whatever ``what`` names."""

    done: float
    total: float
    what: str = ""


@dataclass(frozen=True)
class Scalars(Event):
    """Numbers of one moment, by name; ``step`` is the abscissa (an epoch, it may be fractional)."""

    step: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class ProbeMaps(Event):
    """Gradient maps of the probe images as they are now.

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
    """What a generator makes of the probe images, and of draws from its prior, as it is now.

    Attributes
    ----------
    step
        The epoch, it may be fractional.
    images
        uint8 (N, C, H, W).
    reconstructions, samples
        float32 (N, C, H, W) in [0, 1]; the samples are of the same draws each time.
    """

    step: float
    images: NDArray[np.uint8]
    reconstructions: NDArray[np.float32]
    samples: NDArray[np.float32]


@dataclass(frozen=True)
class Snapshot(Event):
    """A network of the plane in the middle of its training; larger ones send none.

    Attributes
    ----------
    step
        The epoch, it may be fractional.
    weights
        The network's state, as its record will hold it: "weights/<entry>".
    """

    step: float
    weights: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Notice(Event):
    """One sentence the user should see; it stops nothing."""

    text: str


@dataclass(frozen=True)
class Ended(Event):
    """The one last word about a computation.

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
