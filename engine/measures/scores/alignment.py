"""Alignment: how far a map points along the image itself. Source: Etmann 2019, definition 1."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from engine.jobs.context import Context
from engine.measures.scores.judged import Judged, Scored, per_image, summary
from engine.specs import Alignment
from engine.store.study import Result


def alignment(
    model: nn.Module, images: Tensor, labels: Tensor, spec: Alignment, context: Context
) -> Result:
    """Score "alignment": |<x, g>| / ||g|| per image, and the cosine, which does not scale with x.

    g is the map; an image whose map is zero counts as 0. Both numbers have their baselines.
    """
    judged, aligned, cosines = Judged(model, images, spec, context), Scored(), Scored()
    for batch in judged.batches(images, labels):
        flat = batch.images.flatten(1)
        length = flat.norm(dim=1).clamp_min(1e-12)

        def along(maps: Tensor, flat: Tensor = flat) -> Tensor:
            return (flat * functional.normalize(maps.flatten(1), dim=1)).sum(1).abs()

        maps = judged.signed(batch.images, judged.maps(batch.images, batch.classes))
        found = per_image(maps, along)
        aligned.add(found)
        cosines.add({name: one / length for name, one in found.items()})
    first, second = summary(spec, aligned), summary(spec, cosines, "cosine")
    spread = {"cosine_std": float(np.nanstd(cosines.values()["map"]))}
    return Result({**first.numbers, **second.numbers, **spread}, {**first.arrays, **second.arrays})
