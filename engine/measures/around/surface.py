"""The loss and the decisions of a network on a plane through an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.attacks.losses import LOSSES, followed
from engine.attacks.norms import norms, step_direction
from engine.attacks.table import attack
from engine.devices.wide import wide
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.measures.measure import chosen_images
from engine.memory import in_a_batch_of
from engine.networks.gradients import InputError, as_unit, input_gradients, logits_of
from engine.specs import AdversarialExamples, AttackSpec
from engine.specs.schema import SpecError
from engine.store.study import Result

Way = Literal["attack", "gradient"]
BATCH = 500
EDGE_POINTS = 360
LEAST_LENGTH = 1e-12
"""Shortest rest of a drawn direction, relative to the drawn one, that still is a direction."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through an image, spanned by two directions of length 1.

    Attributes
    ----------
    along, across : Tensor (C, H, W)
        Directions whose scalar product is 0. Both have length 1 in ``norm``.
    norm
        A key of :data:`engine.attacks.norms.NORMS`.
    eps
        The unit of both axes, in pixel units; above 0.
    """

    along: Tensor
    across: Tensor
    norm: str
    eps: float


def plane_through(direction: Tensor, norm: str, eps: float, generator: torch.Generator) -> Plane:
    """Return the plane spanned by a direction and a random one orthogonal to it.

    The random direction is drawn with independent signs for linf and normal numbers for l2, as
    balls of these norms have their corners and their surface; its part along ``direction`` is
    then subtracted. One seed draws the same numbers for every network.
    Source: Warde-Farley, Goodfellow 2016, figure 1 (church window plots).

    Parameters
    ----------
    direction : Tensor (C, H, W)
        Of any length above 0.
    generator
        Draws on its own device.

    Raises
    ------
    InputError
        If the direction is zero or not finite, or the image has a single value.
    """
    if not bool(direction.isfinite().all()):
        raise InputError("the direction holds NaN or infinity, so it spans no plane")
    if not bool(direction.any()):
        raise InputError("the direction is zero, so it spans no plane: the attack moves nothing")
    length = norms(direction[None], norm)[0]
    if not bool(torch.isfinite(length)) or float(length) == 0.0:
        # Its squares are beyond the numbers of its type; its length is of no account.
        direction = direction / direction.abs().max()
        length = norms(direction[None], norm)[0]
    if direction.numel() < 2:
        raise InputError("the image has a single value, so no direction is orthogonal to another")
    along = direction / length
    shape, device = along.shape, generator.device
    drawn = torch.randn(shape, generator=generator, device=device)
    if norm == "linf":
        drawn = torch.where(drawn < 0, -1.0, 1.0)
    drawn = drawn.to(along.device, along.dtype)
    # In float64: the products of large images would otherwise leave a part along the direction.
    flat, other = wide(along.flatten()), wide(drawn.flatten())
    rest = other - flat * (other @ flat) / (flat @ flat)
    if float(rest.norm()) <= LEAST_LENGTH * float(other.norm()):
        raise InputError("the drawn direction is along the first one: choose another seed")
    across = rest.reshape(shape).to(along.device, along.dtype)
    return Plane(along, across / norms(across[None], norm)[0], norm, eps)


def edge_of(plane: Plane, points: int = EDGE_POINTS) -> NDArray[np.float64]:
    """Return where the ball's edge cuts the plane, as a closed line (points + 1, 2), in eps.

    At the angle t the edge is 1 / ||cos(t) along + sin(t) across|| away from the image. For l2 it
    is the unit circle, for linf a polygon, which is a square on its corner if all values of both
    directions are signs.
    """
    angles = torch.from_numpy(np.linspace(0, 2 * np.pi, points + 1))
    pairs = torch.stack([angles.cos(), angles.sin()], 1)
    along, across = (part.cpu().flatten().double() for part in (plane.along, plane.across))
    # One point after the other: of large images, all at once would take half a gigabyte.
    lengths = [norms((a * along + b * across)[None], plane.norm) for a, b in pairs]
    return (pairs / torch.stack(lengths)).numpy()


def surface(
    model: nn.Module,
    image: Tensor,
    label: int,
    plane: Plane,
    offsets: Tensor,
    *,
    clip: bool = True,
    check_cancelled: Callable[[], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the loss and the predicted class at every point of a grid on a plane.

    The point (a, b) is image + eps (a along + b across). Its pixels are then clipped to [0, 1], as
    those of every attacked image are; clipping moves no pixel away from the image, so that the
    ball's edge holds for what the network sees.
    Source: Tramer 2018, figure 4; Warde-Farley, Goodfellow 2016.

    Parameters
    ----------
    image : Tensor (C, H, W), floating point in [0, 1]
    label
        The class whose cross-entropy is returned.
    offsets : Tensor (g,)
        Coordinates along both axes, in eps.
    clip
        Whether pixels are clipped to [0, 1].
    check_cancelled
        Called before every batch; may raise.

    Returns
    -------
    Tensor (g, g), Tensor (g, g) int64
        Loss in nats, and class; row by row along ``across``, on the CPU.
    """
    count = len(offsets)
    losses, classes = [], []
    batch = in_a_batch_of(BATCH, image.numel())
    offsets = offsets.to(image)
    labels = torch.full((batch,), label, dtype=torch.int64, device=image.device)
    for start in range(0, count * count, batch):
        if check_cancelled is not None:
            check_cancelled()
        places = torch.arange(start, min(start + batch, count * count), device=image.device)
        a, b = offsets[places % count], offsets[places // count]
        moves = a[:, None, None, None] * plane.along + b[:, None, None, None] * plane.across
        points = image + plane.eps * moves
        logits = logits_of(model, layout(points.clamp_(0.0, 1.0) if clip else points))
        losses.append(LOSSES["xent"](logits, labels[: len(logits)]).cpu())
        classes.append(logits.argmax(1).cpu())
    return torch.cat(losses).view(count, count), torch.cat(classes).view(count, count)


def around(
    spec: AdversarialExamples,
    context: Context,
    *,
    way: Way = "attack",
    reach: float = 2.0,
    grid: int = 41,
) -> Result:
    """Compute the surface of a network around the first of a spec's images.

    Parameters
    ----------
    spec
        Names the network, the image, the seed of the random direction, and the attack, which gives
        norm, eps and direction. The loss is that of the true class, or of the predicted one for an
        image without a label.
    way
        "attack": the first axis leads from the image to the attacked one. "gradient": it is the
        step of steepest ascent at the image (towards the target, if the attack has one).
    reach
        How far the plane is drawn, in eps; above 0.
    grid
        Points along a side; odd, so that one of them is the image.

    Returns
    -------
    Result
        Numbers: ``eps``, ``loss`` of the image, ``label`` (the class whose loss it is),
        ``predicted``. Arrays: ``offsets`` (grid,), ``loss`` and ``classes`` (grid, grid) as
        :func:`surface`, ``edge`` (m, 2) as :func:`edge_of`, ``attacked`` (2,), where the attacked
        image lies; NaN for the way "gradient".

    Raises
    ------
    SpecError
        If the attack has the radius 0, or reach or grid are out of range.
    InputError
        If the attack, or the gradient, does not move the image.
    """
    if not spec.attack.eps:
        raise SpecError("eps is 0, must be above 0: the plane is drawn in units of it")
    if not reach > 0:
        raise SpecError(f"reach is {reach:g}, must be above 0")
    if grid < 3 or grid % 2 == 0:
        raise SpecError(f"grid is {grid}, must be an odd number of at least 3")
    model = classifier(context, spec.classifier)
    pixels, labels = chosen_images(spec.images, spec.classifier, spec.indices[:1], context)
    images = layout(as_unit(pixels))
    logits = logits_of(model, images)
    truth = torch.where(labels < 0, logits.argmax(1), labels)
    direction = _direction(model, images, truth, spec, context, way)
    random = context.generator("plane", spec.seed)
    plane = plane_through(direction[0], spec.attack.norm, spec.attack.eps, random)
    offsets = torch.from_numpy(np.linspace(-reach, reach, grid))
    loss, classes = surface(
        model,
        images[0],
        int(truth[0]),
        plane,
        offsets,
        check_cancelled=context.check_cancelled,
    )
    attacked = np.array([np.nan, np.nan])
    if way == "attack":
        moved = float(norms(direction, spec.attack.norm)[0]) / spec.attack.eps
        attacked = np.array([moved, 0.0])
    return Result(
        numbers={
            "eps": spec.attack.eps,
            "loss": float(LOSSES["xent"](logits, truth)[0]),
            "label": int(truth[0]),
            "predicted": int(logits.argmax(1)[0]),
        },
        arrays={
            "offsets": offsets.numpy(),
            "loss": loss.numpy(),
            "classes": classes.numpy(),
            "edge": edge_of(plane),
            "attacked": attacked,
        },
    )


def _direction(
    model: nn.Module,
    images: Tensor,
    truth: Tensor,
    spec: AdversarialExamples,
    context: Context,
    way: Way,
) -> Tensor:
    """Return the first direction (1, C, H, W) of the plane, of any length."""
    if way == "gradient":
        return _steepest(model, images, truth, spec.attack)
    adv_images = attack(
        model,
        images,
        truth,
        spec.attack,
        generator=context.generator("attack", spec.seed, context.device),
        on_step=lambda *_: context.check_cancelled(),
    )
    return adv_images - images


def _steepest(model: nn.Module, images: Tensor, truth: Tensor, spec: AttackSpec) -> Tensor:
    """Return the step of steepest ascent of the loss, or of descent of that of the target."""
    aim = truth if spec.target is None else torch.full_like(truth, spec.target)
    _, gradient = input_gradients(model, images, aim, followed(LOSSES["xent"]))
    step = step_direction(gradient, spec.norm)
    return step if spec.target is None else -step
