"""Distances of clean and attacked images to the approximated image manifold.

Source: Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.attacks.table import attack
from engine.jobs.asked import tell_fewer
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import device_images, layout
from engine.manifold.vae_gan import distances, restored
from engine.networks.gradients import as_unit, logits_of
from engine.specs import ManifoldDistance
from engine.specs.schema import SpecError
from engine.store.study import Result

BLOCK = 250
SHOWN = 8


def manifold_distance(spec: ManifoldDistance, context: Context) -> Result:
    """Compute a record of distances ||x - x~||_2 in [0, 1] pixel units, x~ the reconstruction.

    "counted" marks the examples that enter the density: all clean images, or the attacked images
    for which the judge's prediction changed.

    Raises
    ------
    SpecError
        If no attack changed the judge's prediction, so that no example counts.
    """
    images = device_images(context, spec.generator.images)
    tell_fewer(context, spec, "test_images", len(images.test))
    generator = restored(spec.generator, context)
    pixels = as_unit(images.test[: spec.test_images])
    labels = images.test_labels[: spec.test_images]
    examples, counted = _examples(spec, pixels, labels, context)
    if not counted.any():
        raise SpecError(
            f"attack.eps is {spec.attack.eps:g}: {spec.attack.title} changed none of "
            f"{len(pixels)} predictions, so there is no distance to take; a larger eps is needed"
        )
    noise = None
    if spec.reconstruction == "sampled":
        noise = context.generator("latent", spec.seed, context.device)
    apart = distances(generator, examples, context, noise)
    shown = counted.nonzero().flatten()[:SHOWN]
    with torch.no_grad():
        made = generator.reconstruct(examples[shown])
    kept = apart[counted].cpu().numpy().astype(np.float64)
    return Result(
        numbers={
            "distance_mean": float(kept.mean()),
            "distance_std": float(kept.std()),
            "distance_median": float(np.median(kept)),
            "counted": len(kept),
            "test_images": len(pixels),
        },
        arrays={
            "distances": apart.cpu().numpy(),
            "counted": counted.cpu().numpy(),
            "shown/images": pixels[shown].cpu().contiguous().numpy(),
            "shown/examples": examples[shown].cpu().contiguous().numpy(),
            "shown/reconstructions": made.cpu().contiguous().numpy(),
        },
    )


def _examples(
    spec: ManifoldDistance, pixels: Tensor, labels: Tensor, context: Context
) -> tuple[Tensor, Tensor]:
    """Return the images whose distances are measured, and which of them count."""
    if spec.classifier is None or spec.judge is None:
        return pixels, torch.ones(len(pixels), dtype=torch.bool, device=pixels.device)
    model, judge = (classifier(context, one) for one in (spec.classifier, spec.judge))
    draws = context.generator("attack", spec.seed, context.device)
    found = []
    for start in range(0, len(pixels), BLOCK):
        context.progress(start, len(pixels), "attacked images")
        part = slice(start, start + BLOCK)
        found.append(
            attack(
                model,
                layout(pixels[part]),
                labels[part],
                spec.attack,
                generator=draws,
                on_step=lambda *_: context.check_cancelled(),
            )
        )
    adv_images = torch.cat(found)
    changed = logits_of(judge, adv_images).argmax(1) != logits_of(judge, pixels).argmax(1)
    return adv_images, changed
