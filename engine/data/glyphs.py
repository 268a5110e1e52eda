"""Built-in images: digits drawn from eight smooth factors, so that their manifold is known.

A digit is a set of strokes in digit coordinates. To draw a pixel, map its position to digit
coordinates and compute its soft distance to the strokes; the ink decreases smoothly with this
distance. Every step is an elementwise sum, product, quotient, root or clamp. IEEE arithmetic rounds
these the same way on every machine and for any number of threads, so the same spec gives the same
bytes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.specs import Glyphs

Split = Literal["train", "test"]
Point = tuple[float, float]
Segment = tuple[float, float, float, float, float]

SIDE = 28
CLASSES = tuple("0123456789")
FACTORS = (
    "shift_x",
    "shift_y",
    "rotation",
    "log_scale",
    "shear",
    "log_aspect",
    "log_stroke",
    "log_contrast",
)
# Half width and centre of the interval from which sample_factors draws each factor at variation 1.
# Units: pixels, pixels, radians, then logarithms or ratios.
SPREAD = (1.75, 1.75, 0.25, 0.15, 0.25, 0.15, 0.4, 0.48)
CENTRE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.48)

UNIT = 8.5  # half a digit's height in pixels at log_scale 0
STROKE = 1.25  # half the stroke's width in pixels at log_stroke 0
EDGE = 0.9  # distance in pixels over which the ink rises from zero to half
ROUNDING = 0.16  # squared pixels; keeps the distance smooth on the stroke itself
BLOCK = 4096  # images held as floating-point numbers at once
CHUNK = 64  # images drawn at once, so that intermediate values stay in the processor's cache


def sample_factors(labels: Tensor, variation: float, generator: torch.Generator) -> Tensor:
    """Draw the factors of one image per label, uniformly and independently.

    Parameters
    ----------
    labels
        (N,) int64; only their number matters, because all digits use the same distribution.
    variation
        Factor on the width of every interval; 0 gives each digit in its plain form.
    generator
        A CPU generator.

    Returns
    -------
    Tensor (N, 8), float32, columns as in ``FACTORS``. Contrast varies below 1 only.
    """
    uniform = 2.0 * torch.rand((len(labels), len(FACTORS)), generator=generator) - 1.0
    return variation * (torch.tensor(CENTRE) + uniform * torch.tensor(SPREAD))


def draw(labels: Tensor, factors: Tensor) -> Tensor:
    """Draw one digit per label; the images are once continuously differentiable in the factors.

    Parameters
    ----------
    labels
        (N,) int64 in 0..9.
    factors
        (N, 8), columns as in ``FACTORS``; the images follow its dtype and device.

    Returns
    -------
    Tensor (N, 1, 28, 28) in [0, 1].
    """
    pose = _pose(factors)[:, None, :]
    chunks = list(_chunks(labels))
    drawn = torch.cat([_render(digit, pose[chunk]) for digit, chunk in chunks])
    order = torch.cat([chunk for _, chunk in chunks])
    return drawn[torch.argsort(order)].reshape(-1, 1, SIDE, SIDE)


def jacobian(labels: Tensor, factors: Tensor) -> Tensor:
    """Return the derivative of every pixel by every factor; its columns span the tangent space.

    Parameters
    ----------
    labels, factors
        As for :func:`draw`.

    Returns
    -------
    Tensor (N, 784, 8), pixels in row-major order; pixel value per unit of the factor.
    """
    result = factors.new_empty(len(labels), SIDE * SIDE, len(FACTORS))
    for digit, chunk in _chunks(labels):
        result[chunk] = _jacobian_of(digit, factors[chunk])
    return result


def tangent_basis(jacobian: Tensor, *, tolerance: float = 1e-3) -> Tensor:
    """Orthonormalise the columns of Jacobians.

    Parameters
    ----------
    jacobian
        (N, D, K) with D >= K.
    tolerance
        Columns are first scaled to length 1. Directions whose singular value is then below this
        fraction of the largest one are dropped from the tangent space.

    Returns
    -------
    Tensor (N, D, K) ``basis`` with orthonormal columns. The columns of dropped directions are zero,
    so ``basis @ basis.mT`` is always the projector onto the tangent space.
    """
    length = torch.linalg.vector_norm(jacobian, dim=1, keepdim=True)
    columns = jacobian / length.clamp_min(torch.finfo(jacobian.dtype).tiny)
    orthonormal, triangle = torch.linalg.qr(columns)
    left, singular, _ = torch.linalg.svd(triangle)
    kept = (singular > tolerance * singular[:, :1]).to(jacobian.dtype)
    basis: Tensor = (orthonormal @ left) * kept[:, None, :]
    return basis


def factors_of(spec: Glyphs, split: Split) -> tuple[Tensor, Tensor]:
    """Return the labels and factors of a spec's images, in the order of the images.

    Returns
    -------
    labels : Tensor (N,), int64, shuffled; class sizes differ by at most one
    factors : Tensor (N, 8), float32
    """
    count = spec.train if split == "train" else spec.test
    generator = _generator(spec.seed, split)
    labels = torch.arange(count) % len(CLASSES)
    labels = labels[torch.randperm(count, generator=generator)]
    return labels, sample_factors(labels, spec.variation, generator)


def draw_set(spec: Glyphs) -> ImageSet:
    """Draw the training and test images of a spec; the same spec gives the same bytes."""
    train_labels, train_factors = factors_of(spec, "train")
    test_labels, test_factors = factors_of(spec, "test")
    return ImageSet(
        train_images=_pictures(train_labels, train_factors),
        train_labels=train_labels.numpy(),
        test_images=_pictures(test_labels, test_factors),
        test_labels=test_labels.numpy(),
        classes=CLASSES,
    )


def _pictures(labels: Tensor, factors: Tensor) -> NDArray[np.uint8]:
    """Draw uint8 images in blocks, because a large set of float images needs gigabytes."""
    blocks = zip(torch.split(labels, BLOCK), torch.split(factors, BLOCK), strict=True)
    drawn = [(draw(*block) * 255.0).round().to(torch.uint8) for block in blocks]
    return np.asarray(torch.cat(drawn).numpy())


def _chunks(labels: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Yield pairs of a digit and indices of at most CHUNK of its images, covering all images."""
    for digit in range(len(CLASSES)):
        for chunk in torch.split(torch.nonzero(labels == digit).flatten(), CHUNK):
            yield digit, chunk


def _generator(seed: int, split: Split) -> torch.Generator:
    # Hash the seed so that every split of every seed has a different random stream.
    digest = hashlib.sha256(f"glyphs {split} {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _pose(factors: Tensor) -> Tensor:
    """Convert factors to the eight numbers that :func:`_render` needs, (N, 8).

    A pixel at (x, y) relative to the digit's centre has the digit coordinates
    ``(a x + b y, c x + d y)``: the inverse of rotation * shear * scale. Computes in double
    precision, because the last bit of a cosine may differ between machines and must not affect the
    images.
    """
    shift_x, shift_y, rotation, log_scale, shear, log_aspect, log_stroke, log_contrast = (
        factors.double().unbind(1)
    )
    cos, sin = torch.cos(rotation), torch.sin(rotation)
    narrow = torch.exp(-log_scale - log_aspect / 2)
    flat = torch.exp(-log_scale + log_aspect / 2)
    numbers = (
        shift_x,
        shift_y,
        (cos + shear * sin) * narrow,
        (sin - shear * cos) * narrow,
        -sin * flat,
        cos * flat,
        STROKE * torch.exp(log_stroke),
        torch.exp(log_contrast),
    )
    return torch.stack(numbers, dim=1).to(factors.dtype)


def _render(digit: int, pose: Tensor) -> Tensor:
    """Draw one digit in many poses: (n, 1 or 784, 8) -> (n, 784) in [0, 1]."""
    axis = torch.arange(SIDE, dtype=pose.dtype, device=pose.device) - (SIDE - 1) / 2
    shift_x, shift_y, a, b, c, d, stroke, contrast = pose.unbind(2)
    column = axis.repeat(SIDE) - shift_x
    row = axis.repeat_interleave(SIDE) - shift_y
    distance = _distance(digit, a * column + b * row, c * column + d * row)
    rise = ((stroke - distance) * (0.5 / EDGE) + 0.5).clamp(0.0, 1.0)
    return contrast * (rise * rise * (3.0 - 2.0 * rise))


def _distance(digit: int, across: Tensor, down: Tensor) -> Tensor:
    """Return the soft distance, in pixels, of points to the strokes of a digit.

    It combines the distances to all segments in a power sum of exponent -16, which is smooth where
    the nearest segment changes. ROUNDING makes it smooth on the stroke, where a distance has a
    cusp.
    """
    total = torch.zeros_like(across)
    for left, top, along_x, along_y, length in STROKES[digit]:
        x, y = across - left, down - top
        along = x * along_x + y * along_y
        beyond = along - along.clamp(0.0, length)
        aside = y * along_x - x * along_y
        near = 1.0 / (beyond * beyond + aside * aside + ROUNDING)
        near = near * near
        near = near * near
        total = total + near * near
    return 1.0 / total.sqrt().sqrt().sqrt().sqrt()


def _jacobian_of(digit: int, factors: Tensor) -> Tensor:
    """Return d pixels / d pose times d pose / d factors (chain rule), (n, 784, 8)."""
    with torch.enable_grad():
        free = factors.detach().requires_grad_()
        pose = _pose(free)
        # Each image's pose depends only on its own factors, so the gradient of the sum over images
        # holds the gradient of each image.
        rows = [
            torch.autograd.grad(pose[:, item].sum(), free, retain_graph=True)[0]
            for item in range(pose.shape[1])
        ]
        shape = (len(factors), SIDE * SIDE, pose.shape[1])
        by_pixel = pose.detach()[:, None, :].expand(shape).clone().requires_grad_()
        (by_pose,) = torch.autograd.grad(_render(digit, by_pixel).sum(), by_pixel)
    return by_pose @ torch.stack(rows, dim=1)


def _arc(centre: Point, radii: Point, start: float, end: float, *, parts: int) -> tuple[Point, ...]:
    """Return points on an ellipse; angles in degrees, clockwise from the right (y is downwards)."""
    angles = [math.radians(start + (end - start) * part / parts) for part in range(parts + 1)]
    return tuple(
        (centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle))
        for angle in angles
    )


def _segments(*lines: tuple[Point, ...]) -> tuple[Segment, ...]:
    """Cut polylines into segments: start, unit direction and length, in pixels."""
    found = []
    for line in lines:
        for (left, top), (right, bottom) in pairwise(line):
            length = math.hypot(right - left, bottom - top)
            direction = ((right - left) / length, (bottom - top) / length)
            found.append((left * UNIT, top * UNIT, *direction, length * UNIT))
    return tuple(found)


_BOWL = _arc((0.0, 0.42), (0.54, 0.58), 0, 360, parts=12)
_SPINE = _arc((0.56, 0.42), (1.10, 1.42), 262, 180, parts=5)
_SIX = (_BOWL, _SPINE)

# Digits in a box of half height 1: x to the right, y downwards.
STROKES: tuple[tuple[Segment, ...], ...] = (
    _segments(_arc((0.0, 0.0), (0.60, 1.0), 0, 360, parts=16)),
    _segments(((-0.34, -0.58), (0.06, -1.0), (0.06, 1.0))),
    _segments(
        (*_arc((0.0, -0.46), (0.55, 0.54), 190, 390, parts=8), (-0.56, 1.0)),
        ((-0.56, 1.0), (0.60, 1.0)),
    ),
    _segments(
        _arc((-0.02, -0.51), (0.48, 0.49), 205, 450, parts=8),
        _arc((-0.02, 0.47), (0.57, 0.53), 265, 515, parts=9),
    ),
    _segments(((0.24, 1.0), (0.24, -1.0), (-0.60, 0.38), (0.62, 0.38))),
    _segments(
        ((0.50, -1.0), (-0.38, -1.0), (-0.47, -0.10)),
        _arc((-0.04, 0.37), (0.60, 0.63), 224, 510, parts=11),
    ),
    _segments(*_SIX),
    _segments(((-0.56, -1.0), (0.56, -1.0), (-0.14, 1.0))),
    _segments(
        _arc((0.0, -0.51), (0.45, 0.49), 0, 360, parts=11),
        _arc((0.0, 0.49), (0.56, 0.51), 0, 360, parts=12),
    ),
    _segments(*(tuple((-x, -y) for x, y in line) for line in _SIX)),
)
