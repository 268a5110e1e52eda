"""Compute the record of a network whose weights come from the user's file."""

from __future__ import annotations

import numpy as np

from engine.jobs.classifiers import fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import tested
from engine.networks.opening.outputs import reorder_outputs
from engine.networks.opening.tried import DOCUMENT, Tried, as_documents, kept_tried
from engine.networks.weights import Loaded, load_state
from engine.specs import Imported
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.evaluation import final_accuracies
from engine.training.loop import weights_of
from engine.training.probes import Probes
from engine.training.train import tell_of_evaluation


def import_weights(spec: Imported, context: Context) -> Result:
    """Compute the record of a user's own weights: check that they fit, and measure accuracies.

    Raises
    ------
    WeightsError
        If the file does not hold this network's weights.
    SpecError
        If the network has fewer outputs than the images have classes, or the images cannot be used.
    """
    images = tested(context, spec.images)
    tell_of_evaluation(spec, len(images.test), context)
    if spec.outputs is not None and spec.outputs < images.classes:
        raise SpecError(
            f"outputs is {spec.outputs}, must be at least {images.classes}, as many as the images "
            "have classes"
        )
    unused = context.generator("weights that are replaced", 0)
    model = fresh_network(
        spec.network, images, context.device, generator=unused, outputs=spec.outputs
    )
    loaded = load_state(
        model,
        context.study.locate(spec.digest),
        entry=spec.entry or None,
        own_normalizer=spec.normalizer == "file",
    )
    reorder_outputs(model, spec.network, images.shape, spec.class_order)
    model.eval()
    probes = Probes(context, images)
    return Result(
        numbers=final_accuracies(
            model, images.tested, spec.evaluation, spec.evaluation_images, context, told=True
        ),
        arrays={
            **weights_of(model),
            **probes.arrays(),
            "probes/attributions": probes.maps(model)[None],
            "probes/steps": np.zeros(1),
        },
        documents={DOCUMENT: _document(loaded, kept_tried(context.study, spec.key))},
    )


def _document(loaded: Loaded, tried: tuple[Tried, ...]) -> dict[str, list[object]]:
    return {
        "accuracies": [*as_documents(tried)],
        "renamed": [list(pair) for pair in loaded.renamed],
        "left_out": list(loaded.left_out),
        "notes": list(loaded.notes),
    }
