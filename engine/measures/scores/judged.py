"""What every score of maps shares: the maps it judges, the maps beside them, and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.attribution.table import Cancellable, attribute, explained_classes, pixel_importance
from engine.jobs.context import Context
from engine.jobs.device_images import device_images, layout
from engine.networks.gradients import as_unit, logits_of
from engine.retraining.rankings import blurred, edges
from engine.specs import AttributionSpec, Measurement, MetricSpec
from engine.specs.retraining import CONTROL_BLUR
from engine.specs.schema import SpecError
from engine.specs.scores.base import ScoreSpec
from engine.store.study import Result
from engine.tradeoff.inference import mean_limits
from engine.training.evaluation import batches_of

Maps = dict[str, Tensor]
"""Maps of the same images: "map" is that of the method, the others are its baselines."""

Floats = NDArray[np.float64]
LEAST_SIDE = 2


@dataclass(frozen=True)
class Batch:
    """Some of the images whose maps are judged.

    Attributes
    ----------
    start
        Index of the first one among all.
    images
        (N, C, H, W), float32 in [0, 1].
    labels, classes
        (N,), int64: the labels, -1 if unknown, and the classes that the maps explain.
    """

    start: int
    images: Tensor
    labels: Tensor
    classes: Tensor


class Judged:
    """A network, the method whose maps of it are judged, and how they are computed.

    Parameters
    ----------
    model
        Its network.
    spec
        The score, which names the method.
    context
        Of the measurement, whose seed draws all that is random here.

    Raises
    ------
    SpecError
        If there are no images, or they are too small to have a map of several pixels.
    """

    def __init__(self, model: nn.Module, images: Tensor, spec: ScoreSpec, context: Context):
        check_some(images, spec)
        height, width = images.shape[-2:]
        if spec.compares_pixels and min(height, width) < LEAST_SIDE:
            raise SpecError(
                f"images are {width} x {height} px, {spec.label} needs at least {LEAST_SIDE} px a "
                "side: it compares pixels"
            )
        self.model = model
        self.spec = spec
        self.context = context
        self.count = len(images)
        self._random = self.generator("random map")

    @property
    def network(self) -> nn.Module:
        """The network, which raises once the computation is cancelled."""
        return Cancellable(self.model, self.context.check_cancelled)

    def generator(self, purpose: str) -> torch.Generator:
        """Return a generator on the CPU, seeded by the measurement."""
        return self.context.generator(purpose, getattr(self.context.spec, "seed", 0))

    def batches(self, images: Tensor, labels: Tensor) -> Iterator[Batch]:
        """Yield all images, in batches."""
        start = 0
        for pixels, truth in batches_of(images, labels):
            self.progress(start, 0.0, len(pixels))
            batch = layout(as_unit(pixels))
            yield Batch(start, batch, truth, self._classes(batch, truth))
            start += len(pixels)

    def progress(self, start: int, share: float, count: int) -> None:
        """Say how far this is: a share in [0, 1] of the ``count`` images from ``start`` on."""
        self.context.check_cancelled()
        self.context.progress(start + share * count, self.count, "images")

    def _classes(self, images: Tensor, labels: Tensor) -> Tensor:
        chosen = explained_classes(self.spec.attribution, images, labels)
        return torch.where(chosen < 0, logits_of(self.model, images).argmax(1), chosen)

    def maps(self, images: Tensor, classes: Tensor, model: nn.Module | None = None) -> Tensor:
        """Return the method's maps (N, C, H, W) for these classes, of this or another network.

        Noise that the method draws is the same in every call with as many images.
        """
        training = None
        if self.spec.attribution.training_images:
            assert isinstance(self.context.spec, Measurement)
            training = device_images(self.context, self.context.spec.classifier.images).train
        return attribute(
            model or self.model,
            images,
            of_given_classes(self.spec.attribution),
            classes,
            training=training,
            check_cancelled=self.context.check_cancelled,
        )

    def signed(self, images: Tensor, maps: Tensor) -> Maps:
        """Return the maps and their baselines, signed (N, C, H, W); random maps are drawn anew."""
        flat = maps.flatten(0, 1)
        return {
            "map": maps,
            "random": torch.randn(maps.shape, generator=self._random).to(maps),
            "sobel": edges(images)[:, None].expand_as(maps),
            "blurred": blurred(flat, CONTROL_BLUR).view(maps.shape),
        }

    def importance(self, images: Tensor, maps: Tensor) -> Maps:
        """Return the importance of every pixel (N, H, W), at least 0, of maps and baselines."""
        found = pixel_importance(maps)
        return {
            "map": found,
            "random": torch.rand(found.shape, generator=self._random).to(found),
            "sobel": edges(images),
            "blurred": blurred(found, CONTROL_BLUR),
        }


def check_some(images: Tensor, spec: MetricSpec) -> None:
    """Check that there are images; raise :class:`SpecError` if not."""
    if not len(images):
        raise SpecError(f"there are no test images, {spec.label} needs at least one")


def where_finite(values: Tensor, importance: Tensor) -> Tensor:
    """Return values (N, ...) of images, NaN where a map (N, H, W) is not finite and ranks nothing.

    They are on the CPU, as the values.
    """
    whole = importance.isfinite().flatten(1).all(1).cpu()
    return torch.where(whole.view(-1, *[1] * (values.ndim - 1)), values, torch.nan)


def of_given_classes(spec: AttributionSpec) -> AttributionSpec:
    """Return the method for classes that are given, whatever the network would answer."""
    return spec if spec.target is not None else replace(spec, explained="true")


class Scored:
    """Collects the values of a score, batch by batch."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add values of some images, by map; a value (N,) or a curve (N, points) an image."""
        for name, part in values.items():
            self._parts.setdefault(name, []).append(part.detach().cpu().double())

    def values(self) -> dict[str, Floats]:
        """Return the values of all images, by map."""
        return {name: torch.cat(parts).numpy() for name, parts in self._parts.items()}


def per_image(maps: Maps, score: Callable[[Tensor], Tensor]) -> Maps:
    """Return a score (N,) of maps and of each of their baselines."""
    return {name: score(one) for name, one in maps.items()}


def mean_and_limits(values: Floats) -> Floats:
    """Return mean, lower and upper limit of the 95 % t interval, over the first axis.

    Values that are not finite are left out; the limits are NaN below two values. The interval says
    how far the mean may be off for other images of the same kind, of the same network.

    Parameters
    ----------
    values
        (N, ...).

    Returns
    -------
    (3, ...)
    """
    known = np.isfinite(values)
    count = known.sum(0)
    filled = np.where(known, values, 0.0)
    mean = np.divide(filled.sum(0), count, out=np.full(count.shape, np.nan), where=count > 0)
    squares = np.where(known, (filled - mean) ** 2, 0.0).sum(0)
    enough = count > 1
    freedom = np.maximum(count - 1, 1)
    error = np.sqrt(squares / freedom / np.maximum(count, 1))
    limits = np.array(
        [mean_limits(*one) for one in zip(mean.flat, error.flat, freedom.flat, strict=True)]
    )
    low, high = limits.T.reshape(2, *count.shape)
    return np.stack([mean, np.where(enough, low, np.nan), np.where(enough, high, np.nan)])


def summary(spec: MetricSpec, scored: Scored, name: str = "") -> Result:
    """Return the result of a score: of its maps and of each baseline the values and the mean.

    Parameters
    ----------
    name
        Of the number; "" for the headline.

    Returns
    -------
    Result
        Numbers: the score, its limits with "_low" and "_high" (95 % t interval over the images),
        those of each baseline, such as "sparseness_random", and "images", the number of images
        whose map has the score. Arrays: the values (N,) by the same names, NaN where the score of
        an image is not defined.

    Raises
    ------
    SpecError
        If no image has the score.
    """
    name = name or spec.headline[0]
    values = scored.values()
    if not len(values["map"]) or not np.isfinite(values["map"]).any():
        raise SpecError(
            f"{spec.title} is not defined for any of the {len(values['map']):,} images: their maps "
            "are the same everywhere or not finite"
        )
    numbers: dict[str, float | int | str] = {}
    arrays: dict[str, NDArray[np.generic]] = {}
    for which, found in values.items():
        own = name if which == "map" else f"{name}_{which}"
        mean, low, high = mean_and_limits(found)
        for ending, number in (("", mean), ("_low", low), ("_high", high)):
            if np.isfinite(number):
                numbers[own + ending] = float(number)
        arrays[own] = found
    numbers["images"] = int(np.isfinite(values["map"]).sum())
    return Result(numbers, arrays)


def with_curves(result: Result, x: Floats, panels: Mapping[str, Mapping[str, Floats]]) -> Result:
    """Return a result with curves: the means over images and their limits at each place.

    Parameters
    ----------
    x
        (points,).
    panels
        Name of a panel -> map -> mean, lower and upper limit, (3, points). They are stored as
        "curves/PANEL/MAP".
    """
    arrays = dict(result.arrays)
    arrays["curves/x"] = x
    for panel, curves in panels.items():
        for name, curve in curves.items():
            arrays[f"curves/{panel}/{name}"] = curve
    return Result(result.numbers, arrays, result.documents)
