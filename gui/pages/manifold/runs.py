"""The data of each generator on the Manifold page: its loss and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jobs.events import Ended, Event, Queued, Reconstructions, Scalars, Started
from engine.specs import VAEGAN
from gui.pages.common.growing_curve import GrowingCurve
from gui.queue.job import JobState

Pictures = NDArray[np.float32]


@dataclass
class GeneratorRun:
    """One generator, with data from its training's events or from its record.

    Attributes
    ----------
    curve
        The reconstruction loss by epoch.
    images
        uint8 (N, C, H, W), the probe images; None before there are pictures.
    samples
        float32 (M, C, H, W), the newest decoded draws from the prior.
    reconstructions
        float32 (N, C, H, W) by epoch.
    latest
        The newest epoch, which may be fractional, and its reconstructions.
    """

    key: str
    title: str
    state: JobState = "waiting"
    curve: GrowingCurve = field(default_factory=GrowingCurve)
    images: NDArray[np.uint8] | None = None
    samples: Pictures | None = None
    reconstructions: dict[float, Pictures] = field(default_factory=dict)
    latest: tuple[float, Pictures] | None = None

    @property
    def going(self) -> bool:
        """Whether the generator is waiting for its training or being trained."""
        return self.state in ("waiting", "running")

    @property
    def last_epoch(self) -> int:
        """The newest whole epoch that has reconstructions."""
        return int(max(self.reconstructions, default=0.0))

    def at(self, epoch: int | None) -> tuple[float, Pictures] | None:
        """Return the reconstructions after an epoch, and that epoch.

        Return the newest for None, or if there are none after that epoch.
        """
        if epoch is None or float(epoch) not in self.reconstructions:
            return self.latest
        return float(epoch), self.reconstructions[float(epoch)]

    def take(self, event: Event) -> None:
        """Update the state, loss or pictures from an event about this generator."""
        if isinstance(event, Started):
            self.state = "running"
        elif isinstance(event, Ended):
            self.state = event.outcome
        elif isinstance(event, Scalars) and "reconstruction" in event.values:
            self.curve.append(event.step, event.values["reconstruction"])
        elif isinstance(event, Reconstructions):
            self.images, self.samples = event.images, event.samples
            self.latest = (event.step, event.reconstructions)
            if float(event.step).is_integer():
                self.reconstructions[event.step] = event.reconstructions

    def take_record(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the loss and pictures by those of the generator's record."""
        self.state = "finished"
        self.curve.replace(arrays["curve/step"], arrays["curve/reconstruction"])
        self.images = arrays["probes/images"]
        self.samples = arrays["samples"]
        stored = arrays["probes/reconstructions"]
        self.reconstructions = {float(epoch + 1): made for epoch, made in enumerate(stored)}
        self.latest = (float(len(stored)), stored[-1]) if len(stored) else None


class GeneratorRuns:
    """The generators by key."""

    def __init__(self) -> None:
        self._runs: dict[str, GeneratorRun] = {}

    def get(self, key: str) -> GeneratorRun | None:
        """Return a generator, or None."""
        return self._runs.get(key)

    def add(self, key: str, title: str) -> GeneratorRun:
        """Return the generator of a key; create it if necessary."""
        return self._runs.setdefault(key, GeneratorRun(key, title))

    def take(self, event: Event) -> GeneratorRun | None:
        """Update the generator that an event is about and return it; None for other events."""
        if isinstance(event, Queued | Started) and event.kind == VAEGAN.kind:
            run = self.add(event.key, event.title)
            if isinstance(event, Queued):
                run.state = "waiting"
        found = self._runs.get(event.key)
        if found is not None:
            found.take(event)
        return found

    def running(self) -> GeneratorRun | None:
        """Return the generator in training, of several the last one added; None without any."""
        going = [run for run in self._runs.values() if run.state == "running"]
        return going[-1] if going else None

    def clear(self) -> None:
        """Remove all generators."""
        self._runs.clear()
