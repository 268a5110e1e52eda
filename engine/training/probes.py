"""Maps of a few test images, shown while a network trains."""

from __future__ import annotations

import time

import numpy as np
from torch import nn

from engine.attribution.table import attribute
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, layout, probe_indices
from engine.jobs.events import ProbeMaps
from engine.networks.gradients import as_unit
from engine.specs import AttributionSpec, Gradient

MAPS_INTERVAL = 0.25
"""Least seconds from one live map to the next."""

MAPS_SHARE = 0.1
"""Largest share of the time between two epochs that live maps may take."""


class Probes:
    """A few test images, the same for every network on an image set, and their maps.

    Attributes
    ----------
    sharing
        How many trainings that are computed as one share the time for live maps.
    """

    def __init__(
        self, context: Context, images: DeviceImages, attribution: AttributionSpec | None = None
    ):
        chosen = probe_indices(images.test_labels)
        self.context = context
        self.pixels = images.test[chosen]
        self.labels = images.test_labels[chosen]
        self._images = layout(as_unit(self.pixels))
        self._attribution = attribution or Gradient()
        self._training = images.train
        self._due = 0.0
        self.sharing = 1

    def maps(self, model: nn.Module) -> np.ndarray:
        """Return the attributions of a network, float32 (N, C, H, W).

        Raises
        ------
        InputError
            If the method cannot explain the network.
        """
        found = attribute(
            model,
            self._images,
            self._attribution,
            self.labels,
            training=self._training,
            check_cancelled=self.context.check_cancelled,
        )
        return found.cpu().contiguous().numpy()

    def send(self, model: nn.Module, step: float) -> np.ndarray:
        """Compute the maps of a network, publish them, and return them."""
        begun = time.monotonic()
        maps = self.maps(model)
        ended = time.monotonic()
        wait = self.sharing * (ended - begun) / MAPS_SHARE
        self._due = ended + max(MAPS_INTERVAL, wait)
        pixels = self.pixels.cpu().numpy()
        self.context.emit(ProbeMaps(self.context.spec.key, step, pixels, maps))
        return maps

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed since the last maps."""
        return time.monotonic() >= self._due

    def send_if_due(self, model: nn.Module, step: float) -> None:
        """Publish the maps if they are due.

        They are after MAPS_INTERVAL, or later where maps would take more than MAPS_SHARE of the
        time. The trained weights do not depend on it.
        """
        if self.is_due:
            self.send(model, step)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the images and their labels under their names in a record."""
        return {
            "probes/images": self.pixels.cpu().numpy(),
            "probes/labels": self.labels.cpu().numpy(),
        }
