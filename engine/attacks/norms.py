"""Threat models: the maths of norm balls around images, one image at a time.

Lengths are in [0, 1] pixel units. Every norm, direction and projection is taken per image; nothing
here looks across a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Size, Tensor


@dataclass(frozen=True)
class Geometry:
    """What a norm means for the deltas (N, ...) of a batch.

    Attributes
    ----------
    order
        Of the vector norm.
    direction
        From a finite gradient to the delta of norm 1 along which the loss rises fastest.
    shrink_
        Shortens a delta to eps where it is longer, in place.
    draw
        A delta (N, ...), uniform in the unit ball.
    """

    order: float
    direction: Callable[[Tensor], Tensor]
    shrink_: Callable[[Tensor, float], Tensor]
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


def step_direction(gradient: Tensor, norm: str) -> Tensor:
    """Return the step of norm 1, per image, along which a loss rises fastest.

    linf: sign(g). l2: g / ||g||, computed so that no gradient is too small or too large for it:
    neither 1e-30 nor 1e30 loses its direction in float32. An image whose gradient is zero stays
    where it is: its step is zero (see :func:`has_gradient`). Entries that are not finite count as
    zero, so that a step never spoils an image. Source: Madry 2018; Kim, Seo, Jeon 2019, who add
    1e-8 to ||g||, which makes the steps of small gradients shorter.

    Parameters
    ----------
    gradient : Tensor (N, ...)
        Left as it is.
    norm
        A key of :data:`NORMS`.
    """
    finite = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return NORMS[norm].direction(finite)


def has_gradient(gradient: Tensor) -> Tensor:
    """Return, per image, whether any entry of its gradient (N, ...) is finite and not zero.

    Images for which this is false do not move in an attack. Many of them are a sign of a network
    that hides its gradient, not of a robust one.
    """
    usable = gradient.isfinite() & (gradient != 0)
    return usable.flatten(1).any(1)


def project(adv_images: Tensor, images: Tensor, norm: str, eps: float) -> Tensor:
    """Return the images moved back into the eps-ball around the clean ones and into [0, 1].

    First the ball, then the range. The second step keeps the first true: a clean pixel lies in
    [0, 1], so clipping moves a pixel towards it or not at all; no entry of delta grows, and with
    it no norm. In float32 the rounding of pixels can carry a norm past eps by 1e-7 at most for linf
    and by 1e-7 sqrt(d) at most for l2, d entries an image.

    Parameters
    ----------
    adv_images, images : Tensor (N, C, H, W)
        Attacked and clean images, the clean ones in [0, 1]. Both are left as they are.
    norm
        A key of :data:`NORMS`.
    eps
        Radius, in pixel units.
    """
    return project_(adv_images.clone(), images, norm, eps)


def project_(adv_images: Tensor, images: Tensor, norm: str, eps: float) -> Tensor:
    """Do what :func:`project` does in place, and return ``adv_images``."""
    delta = adv_images.sub_(images)
    return NORMS[norm].shrink_(delta, eps).add_(images).clamp_(0.0, 1.0)


def random_start(images: Tensor, norm: str, eps: float, generator: torch.Generator) -> Tensor:
    """Return every image moved to a uniformly random point of its eps-ball, clipped to [0, 1].

    linf: uniform in the box. l2: a uniform direction times eps r^(1/d), r uniform in [0, 1] and d
    the number of entries, which is uniform in the ball. The numbers are drawn on the generator's
    own device, so that a seed gives the same start on every device.
    """
    drawn = NORMS[norm].draw(images.shape, images.dtype, generator)
    return project_(drawn.to(images.device).mul_(eps).add_(images), images, norm, eps)


def _lengths(delta: Tensor, order: float) -> Tensor:
    """Return the norms shaped (N, 1, ...), to be combined with delta."""
    entries = tuple(range(1, delta.ndim))
    lengths: Tensor = torch.linalg.vector_norm(delta, order, dim=entries, keepdim=True)
    return lengths


def _l2_direction(gradient: Tensor) -> Tensor:
    # The same as the norm of infinite order, in a tenth of the time.
    largest = gradient.abs().amax(dim=tuple(range(1, gradient.ndim)), keepdim=True)
    # After this division the largest entry is 1: the squares neither vanish nor overflow, the norm
    # is at least 1, and only a zero gradient is caught by the lower limit.
    scaled = gradient / torch.where(largest > 0, largest, torch.ones_like(largest))
    return scaled.div_(_lengths(scaled, 2).clamp_min_(1.0))


def _linf_shrink(delta: Tensor, eps: float) -> Tensor:
    return delta.clamp_(-eps, eps)


def _l2_shrink(delta: Tensor, eps: float) -> Tensor:
    lengths = _lengths(delta, 2)
    return delta.mul_(torch.where(lengths > eps, eps / lengths, torch.ones_like(lengths)))


def _linf_draw(shape: Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=dtype)
    return drawn.mul_(2.0).sub_(1.0)


def _l2_draw(shape: Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    device = generator.device
    normal = torch.randn(shape, generator=generator, device=device, dtype=dtype)
    radius = torch.rand(shape[:1], generator=generator, device=device, dtype=dtype)
    radius.pow_(1 / max(1, shape[1:].numel()))
    return _l2_direction(normal).mul_(radius.reshape(-1, *[1] * (len(shape) - 1)))


NORMS: dict[str, Geometry] = {
    "linf": Geometry(float("inf"), torch.sign, _linf_shrink, _linf_draw),
    "l2": Geometry(2, _l2_direction, _l2_shrink, _l2_draw),
}
