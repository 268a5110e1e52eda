"""What is shown of a network while it learns."""

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
    """The same few test images for every network trained on them, and their gradient maps."""

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
        """Publish the maps unless that happened a moment ago; changes nothing in the training."""
        if time.monotonic() - self._last >= MAPS_INTERVAL:
            self.send(model, step)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the images and their labels as a record holds them."""
        return {
            "probes/images": self.pixels.cpu().numpy(),
            "probes/labels": self.labels.cpu().numpy(),
        }
