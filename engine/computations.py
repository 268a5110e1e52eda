"""Which function computes which kind of record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import boundary, experiments, inputs, manifold, retraining, specs, training, vae_gan
from engine.context import Context
from engine.schema import kinds_of
from engine.study import Result

COMPUTATIONS: dict[str, Callable[[Any, Context], Result]] = {
    **{kind.kind: inputs.describe_images for kind in kinds_of(specs.ImagesSpec)},
    specs.Training.kind: training.train,
    specs.Imported.kind: training.import_weights,
    specs.Retraining.kind: retraining.retrain,
    specs.Interpretability.kind: retraining.interpretability,
    specs.Maps.kind: experiments.maps,
    specs.AdversarialExamples.kind: experiments.adversarial_examples,
    specs.Measurement.kind: experiments.measure,
    specs.Boundary.kind: boundary.boundary,
    specs.VAEGAN.kind: vae_gan.train,
    specs.ManifoldDistance.kind: manifold.manifold_distance,
}
