"""Gradient maps of a few test images, shown while a network trains."""

from __future__ import annotations

import time

import numpy as np
from torch import nn

from engine.attribution.table import attribute
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, layout, probe_indices
from engine.jobs.events import ProbeMaps
from engine.networks.gradients import as_unit
from engine.specs import Gradient

MAPS_INTERVAL = 0.25


class Probes:
    """A few test images, the same for every network on an image set, and their gradient maps."""

    def __init__(self, context: Context, images: DeviceImages):
        chosen = probe_indices(images.test_labels)
        self.context = context
        self.pixels = images.test[chosen]
        self.labels = images.test_labels[chosen]
        self._images = layout(as_unit(self.pixels))
        self._last = 0.0

    def maps(self, model: nn.Module) -> np.ndarray:
        """Return the attributions of a network, float32 (N, C, H, W)."""
        return attribute(model, self._images, Gradient()).cpu().contiguous().numpy()

    def send(self, model: nn.Module, step: float) -> np.ndarray:
        """Compute the maps of a network, publish them, and return them."""
        maps = self.maps(model)
        self._last = time.monotonic()
        pixels = self.pixels.cpu().numpy()
        self.context.emit(ProbeMaps(self.context.spec.key, step, pixels, maps))
        return maps

    def send_if_due(self, model: nn.Module, step: float) -> None:
        """Publish the maps at most every MAPS_INTERVAL seconds; the training is not affected."""
        if time.monotonic() - self._last >= MAPS_INTERVAL:
            self.send(model, step)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the images and their labels under their names in a record."""
        return {
            "probes/images": self.pixels.cpu().numpy(),
            "probes/labels": self.labels.cpu().numpy(),
        }
