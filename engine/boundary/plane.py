"""Compute the decision boundary of a classifier of 2-d points, its tilt, and attacked points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.attacks.table import attack
from engine.data.gaussians import centroid_direction
from engine.jobs.asked import tell_fewer, tell_no_radius
from engine.jobs.classifiers import classifier, fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.networks.gradients import logits_of
from engine.specs import Boundary, ClassifierSpec
from engine.store.study import Result
from engine.training.loop import load_weights


def boundary(spec: Boundary, context: Context) -> Result:
    """Compute a boundary record: logits on a grid, the tilt, and attacked points.

    The tilt is the angle between the line through the centroids and the mean normal of the
    boundary. The mean normal is the mean over test points of the gradient of the logit difference,
    scaled to unit length. Source: Kim, Seo, Jeon 2019, boundary tilting; Tanay, Griffin 2016.
    """
    then = "the attacked points are the clean ones"
    tell_no_radius(context, "attack", spec.attack, then)
    points = device_images(context, spec.classifier.images).test
    tell_fewer(context, spec, "attacked_points", len(points))
    return boundary_of(classifier(context, spec.classifier), spec, context)


def look(
    spec: Boundary,
    context: Context,
    *,
    weights: Mapping[str, NDArray[Any]] | None = None,
    points: int | None = None,
) -> Result:
    """Compute the result that the window draws: a boundary record plus the boundary as segments.

    Parameters
    ----------
    weights
        The weights of a network in training (see :class:`~engine.jobs.events.Snapshot`). Without
        them, the classifier's record must be in the study.
    points
        Number of test points to attack at most; None attacks all of them.

    Returns
    -------
    Result of :func:`boundary`, with an array "zero_line" (m, 4) of :func:`zero_line`.
    """
    if weights is None:
        model = classifier(context, spec.classifier)
        # The plane does not depend on the attack, so looks at other attacks reuse it.
        key = f"plane/{spec.grid}/{spec.classifier.key}"
        plane = context.shared(key, lambda: _drawn_plane(model, spec, context), _result_bytes)
    else:
        model = _in_training(spec.classifier, context, weights)
        plane = _drawn_plane(model, spec, context)
    return _joined(plane, _under_attack(model, spec, context, points))


def boundary_of(model: nn.Module, spec: Boundary, context: Context) -> Result:
    """Compute the result of :func:`boundary` for any network."""
    return _joined(_plane(model, spec, context), _under_attack(model, spec, context))


def _plane(model: nn.Module, spec: Boundary, context: Context) -> Result:
    """Return the part of the record that does not depend on the attack."""
    images = device_images(context, spec.classifier.images)
    axis = torch.linspace(0, 1, spec.grid, device=context.device)
    normal = mean_normal(model, images.test).cpu().numpy()
    clean = logits_of(model, images.test).argmax(1) == images.test_labels
    return Result(
        numbers={
            "angle_degrees": angle_degrees(normal, np.array(centroid_direction())),
            "clean_accuracy": float(clean.float().mean()),
        },
        arrays={
            "grid_axis": axis.cpu().numpy(),
            "grid_logits": _on_grid(model, axis).cpu().numpy(),
            "normal": normal,
            "points": images.test.flatten(1).cpu().numpy(),
            "labels": images.test_labels.cpu().numpy(),
        },
    )


def _drawn_plane(model: nn.Module, spec: Boundary, context: Context) -> Result:
    found = _plane(model, spec, context)
    logits = found.arrays["grid_logits"]
    line = zero_line(found.arrays["grid_axis"], logits[..., 1] - logits[..., 0])
    return Result(found.numbers, {**found.arrays, "zero_line": line})


def _under_attack(
    model: nn.Module, spec: Boundary, context: Context, points: int | None = None
) -> Result:
    """Return the part of the record on the attack; ``points`` as in :func:`look`."""
    images = device_images(context, spec.classifier.images)
    labels = images.test_labels[:points]
    adv = attack(
        model,
        images.test[:points],
        labels,
        spec.attack,
        generator=context.generator("attack", 0, context.device),
        on_step=lambda *_: context.check_cancelled(),
    )
    right = logits_of(model, adv).argmax(1) == labels
    shown = _shown(labels, spec.attacked_points)
    return Result(
        numbers={"robust_accuracy": float(right.float().mean()), "test_points": len(adv)},
        arrays={
            "attacked_points": images.test[shown].flatten(1).cpu().numpy(),
            "adv_points": adv[shown].flatten(1).cpu().numpy(),
        },
    )


def _joined(plane: Result, attacked: Result) -> Result:
    return Result({**plane.numbers, **attacked.numbers}, {**plane.arrays, **attacked.arrays})


def _result_bytes(result: Result) -> int:
    return sum(int(np.asarray(array).nbytes) for array in result.arrays.values())


def mean_normal(model: nn.Module, points: Tensor) -> Tensor:
    """Return the mean unit gradient of (logit 0 - logit 1) over points (N, 2, 1, 1), as (2,)."""
    batch = points.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        logits = model(batch)
        (gradient,) = torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), batch)
    return torch.nn.functional.normalize(gradient.flatten(1), dim=1).mean(0)


def angle_degrees(first: np.ndarray, second: np.ndarray) -> float:
    """Return the angle between two lines, in [0, 90] degrees; 90 if a direction is zero."""
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    if length < 1e-12:
        return 90.0
    return math.degrees(math.acos(min(1.0, abs(float(np.dot(first, second))) / length)))


def zero_line(axis: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the zero contour of a function on a grid, as line segments.

    Every cell is split into two triangles. The function is interpolated linearly in each triangle,
    so that its zeros form at most one segment there.

    Parameters
    ----------
    axis
        (g,) coordinates of the grid, the same along both axes.
    values
        (g, g), row by row along y.

    Returns
    -------
    (m, 4) segments x0, y0, x1, y1.
    """
    x, y = np.meshgrid(axis.astype(np.float64), axis.astype(np.float64), indexing="xy")
    corners = np.stack([x, y, values.astype(np.float64)], axis=-1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]
    triangles = np.concatenate(
        [np.stack(t, axis=2).reshape(-1, 3, 3) for t in ((a, b, d), (a, c, d))]
    )
    below = triangles[..., 2] < 0
    triangles = triangles[below.any(1) & ~below.all(1)]
    if not len(triangles):
        return np.empty((0, 4))
    # Find the corner that is alone on its side of zero: the contour crosses both edges from it.
    below = triangles[..., 2] < 0
    alone = np.where(below.sum(1) == 1, below.argmax(1), (~below).argmax(1))
    places = np.arange(len(triangles))
    tip = triangles[places, alone]
    ends = []
    for turn in (1, 2):
        other = triangles[places, (alone + turn) % 3]
        share = tip[:, 2] / (tip[:, 2] - other[:, 2])
        ends.append(tip[:, :2] + share[:, None] * (other - tip)[:, :2])
    return np.concatenate(ends, axis=1)


def _in_training(
    spec: ClassifierSpec, context: Context, weights: Mapping[str, NDArray[Any]]
) -> nn.Module:
    """Return a network with these weights, in eval mode, its parameters frozen."""
    images = device_images(context, spec.images)
    unused = context.generator("weights that are replaced", 0)
    model = fresh_network(spec.network, images, context.device, generator=unused)
    load_weights(model, {name.removeprefix("weights/"): array for name, array in weights.items()})
    return model.eval().requires_grad_(False)


def _on_grid(model: nn.Module, axis: Tensor) -> Tensor:
    """Return the logits (g, g, 2) on a grid, row by row along y."""
    across, up = torch.meshgrid(axis, axis, indexing="xy")
    points = torch.stack([across, up], -1).reshape(-1, 2, 1, 1)
    return logits_of(model, points).view(len(axis), len(axis), -1)


def _shown(labels: Tensor, count: int) -> Tensor:
    """Return the indices of the first points of each class, ``count`` in total."""
    half = math.ceil(count / 2)
    parts = [(labels == label).nonzero().flatten()[:half] for label in (0, 1)]
    return torch.cat(parts)[:count]
