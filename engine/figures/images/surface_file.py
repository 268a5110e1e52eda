"""The figure "surface": planes through the first image of which a study has attacked versions."""

from __future__ import annotations

from typing import Any

from engine.figures.charts import FigureError, Picture
from engine.figures.grids import class_names_of, largest_set
from engine.figures.images.surface import surface_charts
from engine.specs import AdversarialExamples
from engine.store.study import Study


def surface_figure(study: Study) -> Picture:
    """Compute the planes of every network that was attacked by the same attack; return the charts.

    The study keeps no planes, so this takes a second a network, and needs the images.

    Raises
    ------
    FigureError
        If the study has no adversarial examples of images.
    ImagesError, StudyError
        If the images or a network cannot be read.
    """
    found = largest_set(
        study,
        AdversarialExamples,
        lambda spec: (spec.images or spec.classifier.images, spec.indices, spec.attack),
    )
    if not found:
        raise FigureError(
            "the study has no adversarial examples of images: run the preset demo, or use the "
            "page Attack"
        )
    results = [(study.title(spec.classifier), _around(study, spec)) for _, spec in found]
    spec = found[0][1]
    names = class_names_of(study, study.read(found[0][0].key))
    caption = (
        f"Planes through image {spec.indices[0]}, {spec.attack.title}: to the right the direction "
        "of the attack, upwards a random one orthogonal to it; pixels clipped to [0, 1]. One scale "
        "of loss."
    )
    return surface_charts(results, names, caption)


def _around(study: Study, spec: AdversarialExamples) -> Any:
    import torch

    from engine.jobs.context import Context
    from engine.measures.around.surface import around

    return around(spec, Context(spec, study, torch.device("cpu"), lambda _: None))
