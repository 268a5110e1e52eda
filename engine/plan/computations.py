"""The table of the functions that compute each kind of record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import specs
from engine.boundary import plane
from engine.jobs import device_images
from engine.jobs.context import Context
from engine.manifold import distance, vae_gan
from engine.measures import measure
from engine.retraining import fidelity, retrain
from engine.specs.schema import kinds_of
from engine.store.study import Result
from engine.training import importing, train

COMPUTATIONS: dict[str, Callable[[Any, Context], Result]] = {
    **{kind.kind: device_images.describe_images for kind in kinds_of(specs.ImagesSpec)},
    specs.Training.kind: train.train,
    specs.Imported.kind: importing.import_weights,
    specs.Retraining.kind: retrain.retrain,
    specs.Interpretability.kind: retrain.interpretability,
    specs.MaskTuning.kind: fidelity.mask_tuning,
    specs.Maps.kind: measure.maps,
    specs.AdversarialExamples.kind: measure.adversarial_examples,
    specs.Measurement.kind: measure.measure,
    specs.Boundary.kind: plane.boundary,
    specs.VAEGAN.kind: vae_gan.train,
    specs.ManifoldDistance.kind: distance.manifold_distance,
}
