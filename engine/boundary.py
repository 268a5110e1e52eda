"""The 2-D lab: the decision boundary of a classifier of the plane, its tilt, and attacks on it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks import attack
from engine.context import Context
from engine.gaussians import centroid_direction
from engine.inputs import DeviceImages, classifier, device_images
from engine.modes import logits_of
from engine.specs import Boundary
from engine.study import Result


def boundary(spec: Boundary, context: Context) -> Result:
    """Compute a boundary record: logits on a grid, the tilt, and attacked points.

    The tilt is the angle between the direction that joins the centroids and the mean normal of the
    boundary: the mean, over test points, of the gradient of the logit difference, each of unit
    length. Source: Kim, Seo, Jeon 2019, boundary tilting; Tanay, Griffin 2016.
    """
    images = device_images(context, spec.classifier.images)
    model = classifier(context, spec.classifier)
    axis = torch.linspace(0, 1, spec.grid, device=context.device)
    across, up = torch.meshgrid(axis, axis, indexing="xy")
    points = torch.stack([across, up], -1).reshape(-1, 2, 1, 1)
    normal = mean_normal(model, images.test)
    generator = context.generator("attack", 0, context.device)
    adv = attack(
        model,
        images.test,
        images.test_labels,
        spec.attack,
        generator=generator,
        on_step=lambda *_: context.check_cancelled(),
    )
    right = logits_of(model, adv).argmax(1) == images.test_labels
    shown = _shown(images, spec.attacked_points)
    return Result(
        numbers={
            "angle_degrees": angle_degrees(normal.cpu().numpy(), np.array(centroid_direction())),
            "robust_accuracy": float(right.float().mean()),
            "test_points": len(images.test),
        },
        arrays={
            "grid_axis": axis.cpu().numpy(),
            "grid_logits": logits_of(model, points).view(spec.grid, spec.grid, -1).cpu().numpy(),
            "normal": normal.cpu().numpy(),
            "points": images.test.flatten(1).cpu().numpy(),
            "labels": images.test_labels.cpu().numpy(),
            "attacked_points": images.test[shown].flatten(1).cpu().numpy(),
            "adv_points": adv[shown].flatten(1).cpu().numpy(),
        },
    )


def mean_normal(model: nn.Module, points: Tensor) -> Tensor:
    """Return the mean unit gradient of (logit 0 - logit 1) over points (N, 2, 1, 1), as (2,)."""
    batch = points.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        logits = model(batch)
        (gradient,) = torch.autograd.grad((logits[:, 0] - logits[:, 1]).sum(), batch)
    return torch.nn.functional.normalize(gradient.flatten(1), dim=1).mean(0)


def angle_degrees(first: np.ndarray, second: np.ndarray) -> float:
    """Return the angle between two lines, in [0, 90] degrees; 90 where one has no direction."""
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    if length < 1e-12:
        return 90.0
    return math.degrees(math.acos(min(1.0, abs(float(np.dot(first, second))) / length)))


def _shown(images: DeviceImages, count: int) -> Tensor:
    """Return the indices of the first points of each class, ``count`` together."""
    half = math.ceil(count / 2)
    parts = [(images.test_labels == label).nonzero().flatten()[:half] for label in (0, 1)]
    return torch.cat(parts)[:count]
