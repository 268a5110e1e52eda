"""Threat models: the mathematics of norm balls around images.

Lengths are in [0, 1] pixel units. Norms, directions and projections are computed per image and do
not depend on the rest of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from engine.devices.graphs import Source, drawn_from

Length = float | Tensor
"""In pixel units: of all images, or of each its own, (N, 1, ...), in the images' dtype."""


@dataclass(frozen=True)
class Geometry:
    """The functions that define a norm on the deltas (N, ...) of a batch.

    Attributes
    ----------
    order
        Order of the vector norm.
    direction
        Returns, for a finite gradient, the delta of norm 1 of steepest ascent.
    shrink_
        Shortens deltas longer than eps to eps, in place.
    draw
        Returns a delta (N, ...) drawn uniformly from the unit ball.
    """

    order: float
    direction: Callable[[Tensor], Tensor]
    shrink_: Callable[[Tensor, Length], Tensor]
    draw: Callable[[Size, torch.dtype, torch.Generator], Tensor]


def norms(delta: Tensor, norm: str) -> Tensor:
    """Return the norm of every image's delta.

    Parameters
    ----------
    delta : Tensor (N, ...)
        Differences of images, in pixel units.
    norm
        A key of :data:`NORMS`.

    Returns
    -------
    Tensor (N,)
        In pixel units.
    """
    return _lengths(delta, NORMS[norm].order).flatten()


def step_direction(gradient: Tensor, norm: str, form: str = "corrected") -> Tensor:
    """Return, per image, the step of norm 1 in the direction of steepest ascent.

    linf: sign(g). l2: g / ||g||, computed without underflow or overflow: gradients of 1e-30 and of
    1e30 keep their direction in float32. The step is zero for an image whose gradient is zero (see
    :func:`has_gradient`). Non-finite entries count as zero, so that a step never makes an image
    non-finite. Source: Madry 2018; Kim, Seo, Jeon 2019, who add 1e-8 to ||g||, which shortens the
    steps of small gradients: form "released".

    Parameters
    ----------
    gradient : Tensor (N, ...)
        Not modified.
    norm
        A key of :data:`NORMS`.
    form
        A key of :data:`FORMS`, here and below.
    """
    finite = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return FORMS[form][norm].direction(finite)


def has_gradient(gradient: Tensor) -> Tensor:
    """Return, per image, whether any entry of its gradient (N, ...) is finite and not zero.

    An attack does not change images for which this is false. If there are many, the network masks
    its gradient; this is not a sign of robustness.
    """
    usable = gradient.isfinite() & (gradient != 0)
    return usable.flatten(1).any(1)


def project(adv_images: Tensor, images: Tensor, norm: str, eps: float) -> Tensor:
    """Project images onto the eps-ball around the clean ones, then clip them to [0, 1].

    The clipped images are still in the ball: clean pixels are in [0, 1], so clipping can only move
    a pixel towards the clean one. No entry of delta grows, and therefore no norm. In float32,
    rounding of pixels can make a norm exceed eps by at most 1e-7 for linf and by at most
    1e-7 sqrt(d) for l2, with d entries per image.

    Parameters
    ----------
    adv_images, images : Tensor (N, C, H, W)
        Attacked and clean images, the clean ones in [0, 1]. Neither is modified.
    norm
        A key of :data:`NORMS`.
    eps
        Radius, in pixel units.
    """
    return project_(adv_images.clone(), images, norm, eps)


def project_(
    adv_images: Tensor, images: Tensor, norm: str, eps: Length, form: str = "corrected"
) -> Tensor:
    """Project as :func:`project` does, but in place; return ``adv_images``."""
    delta = adv_images.sub_(images)
    return FORMS[form][norm].shrink_(delta, eps).add_(images).clamp_(0.0, 1.0)


def random_start(
    images: Tensor, norm: str, eps: Length, generator: Source, form: str = "corrected"
) -> Tensor:
    """Return every image moved to a uniformly random point of its eps-ball, clipped to [0, 1].

    linf: uniform in the box. l2: uniform in the ball, drawn as a uniform direction times
    eps r^(1/d), with r uniform in [0, 1] and d the number of entries; in the form "released"
    uniform on the sphere of radius eps. Random numbers are drawn on the generator's device, so that
    a seed gives the same start for images on any device.
    """
    draw, dtype = FORMS[form][norm].draw, images.dtype
    drawn = drawn_from(generator, images.shape, lambda shape, one: draw(shape, dtype, one))
    return project_(drawn.to(images.device).mul_(eps).add_(images), images, norm, eps, form)


def edge_start(images: Tensor, norm: str, eps: float, generator: torch.Generator) -> Tensor:
    """Return every image moved by eps in a random direction, clipped to [0, 1].

    The direction is that of a uniformly random point of the ball; for linf its largest entry is
    brought to eps. Draws as :func:`random_start` does. Source: Croce, Hein 2020, their code.
    """
    drawn = NORMS[norm].draw(images.shape, images.dtype, generator)
    drawn.mul_(eps / _lengths(drawn, NORMS[norm].order).clamp_min_(1e-12))
    return project_(drawn.to(images.device).add_(images), images, norm, eps)


def _lengths(delta: Tensor, order: float) -> Tensor:
    """Return the norms with shape (N, 1, ...), which broadcasts against delta."""
    entries = tuple(range(1, delta.ndim))
    lengths: Tensor = torch.linalg.vector_norm(delta, order, dim=entries, keepdim=True)
    return lengths


def _l2_direction(gradient: Tensor) -> Tensor:
    largest = _largest_entry(gradient)
    # Divide by the largest entry first, so that squares neither underflow nor overflow. The norm is
    # then at least 1, and the lower limit takes effect only for a zero gradient.
    scaled = gradient / largest.masked_fill_(largest == 0, 1.0)
    return scaled.div_(_lengths(scaled, 2).clamp_min_(1.0))


def _largest_entry(gradient: Tensor) -> Tensor:
    """Return the norm of infinite order, with shape (N, 1, ...)."""
    if gradient.device.type != "cpu":
        return _lengths(gradient, float("inf"))
    # Equal, and on a CPU it takes a tenth of the time.
    return gradient.abs().amax(dim=tuple(range(1, gradient.ndim)), keepdim=True)


def _linf_shrink(delta: Tensor, eps: Length) -> Tensor:
    return delta.clamp_(-eps, eps)  # type: ignore[arg-type]  # torch takes two of either kind


def _l2_shrink(delta: Tensor, eps: Length) -> Tensor:
    lengths = _lengths(delta, 2)
    return delta.mul_((eps / lengths).masked_fill_(lengths <= eps, 1.0))


def _linf_draw(shape: Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=dtype)
    return drawn.mul_(2.0).sub_(1.0)


def _l2_draw(shape: Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    device = generator.device
    normal = torch.randn(shape, generator=generator, device=device, dtype=dtype)
    radius = torch.rand(shape[:1], generator=generator, device=device, dtype=dtype)
    radius.pow_(1 / max(1, shape[1:].numel()))
    return _l2_direction(normal).mul_(radius.reshape(-1, *[1] * (len(shape) - 1)))


# The released code adds 1e-8 to lengths of gradients and deltas. Its pixels lie in [-1, 1], where a
# gradient is half of ours and a delta twice as long, so the same formulas have these terms here.
RELEASED_GRADIENT_TERM = 2e-8
RELEASED_LENGTH_TERM = 0.5e-8


def _released_l2_direction(gradient: Tensor) -> Tensor:
    return gradient / (_root_of_squares(gradient) + RELEASED_GRADIENT_TERM)


def _released_l2_shrink(delta: Tensor, eps: Length) -> Tensor:
    lengths = _root_of_squares(delta)
    return delta.mul_(lengths.clamp_max(eps) / (lengths + RELEASED_LENGTH_TERM))


def _released_l2_draw(shape: Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    normal = torch.randn(shape, generator=generator, device=generator.device, dtype=dtype)
    return normal.div_(_root_of_squares(normal) + 1e-8)


def _root_of_squares(delta: Tensor) -> Tensor:
    """Return L2 norms as :func:`_lengths`, by plain squares, which underflow for small entries."""
    return delta.square().sum(dim=tuple(range(1, delta.ndim)), keepdim=True).sqrt()


NORMS: dict[str, Geometry] = {
    "linf": Geometry(float("inf"), torch.sign, _linf_shrink, _linf_draw),
    "l2": Geometry(2, _l2_direction, _l2_shrink, _l2_draw),
}
RELEASED_NORMS: dict[str, Geometry] = {
    "linf": NORMS["linf"],
    "l2": Geometry(2, _released_l2_direction, _released_l2_shrink, _released_l2_draw),
}
FORMS: dict[str, dict[str, Geometry]] = {"corrected": NORMS, "released": RELEASED_NORMS}
"""Value of a spec's ``form`` -> its table of norms."""
