"""Convert an attribution to a picture: channel sums, percentile limits, colours. Numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.attribution.colormaps import COLORMAPS

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

PERCENTILE = 99.5
"""Upper percentile to clip at; the lower one is 100 minus this. Source: Kim, Seo, Jeon 2019."""

LOW_FREQUENCY = 0.125
"""A quarter of the highest frequency a pixel grid can hold (Nyquist), in cycles per pixel."""


class MapError(ValueError):
    """An array that is not a map or an image; one sentence for the user."""


def picture(
    attribution: ArrayLike, *, percentile: float = PERCENTILE, limit: ArrayLike | None = None
) -> NDArray[np.float32]:
    """Scale a map to values in [-1, 1]; zero stays zero.

    Channels are summed; every image is clipped to its 100 - ``percentile`` and ``percentile``
    percentiles and divided by the larger of their magnitudes. Source: Kim, Seo, Jeon 2019.

    Parameters
    ----------
    attribution : array (C, H, W) or (N, C, H, W)
        Signed.
    percentile
        In [50, 100].
    limit : float or array (N,), optional
        The magnitude that is drawn as 1, instead of one from the percentiles. Use it to keep one
        scale over several maps, or while a network trains (see :func:`symmetric_limit`).

    Returns
    -------
    float32 array (H, W) or (N, H, W)
        Zeros for a map that is zero everywhere, and for one with non-finite values (see
        :func:`finite`).

    Raises
    ------
    MapError
        If the array has another number of dimensions, or no pixels.
    """
    values = _summed(attribution)
    if limit is None:
        low, high = _percentiles(values, percentile)
        values = np.clip(values, low, high)
        largest = np.maximum(np.abs(low), np.abs(high))
    else:
        largest = np.asarray(limit, dtype=np.float64)[..., None, None]
    drawn = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    return np.clip(drawn, -1.0, 1.0).astype(np.float32)


def symmetric_limit(
    attribution: ArrayLike, *, percentile: float = PERCENTILE
) -> NDArray[np.float64]:
    """Return the magnitude that :func:`picture` draws as 1.

    Parameters
    ----------
    attribution : array (C, H, W) or (N, C, H, W)

    Returns
    -------
    float64 array () or (N,)
        At least 0; 0 for a map that is zero everywhere or not finite.
    """
    low, high = _percentiles(_summed(attribution), percentile)
    return np.asarray(np.maximum(np.abs(low), np.abs(high))[..., 0, 0])


def finite(attribution: ArrayLike) -> NDArray[np.bool_]:
    """Return, per image, () or (N,), whether all values of a map (C, H, W) are finite.

    A map with non-finite values is drawn as zeros; the caller should tell the user about it.
    """
    return np.asarray(np.isfinite(_checked(attribution)).all(axis=(-3, -2, -1)))


def blurriness(attribution: ArrayLike) -> NDArray[np.float64]:
    """Return the share of a map's spectral energy at low frequencies.

    The channel sum minus its mean is Fourier transformed. The result is the share of the energy
    (squared magnitudes) at frequencies sqrt(fx^2 + fy^2) up to :data:`LOW_FREQUENCY`. It is about
    0.05 for white noise, the area of that disc, and nearly 1 for a map that only varies over 8
    pixels and more.

    Parameters
    ----------
    attribution : array (C, H, W) or (N, C, H, W)

    Returns
    -------
    float64 array () or (N,)
        In [0, 1]; NaN for a map without structure: constant, or not finite.
    """
    values = _summed(attribution)
    largest = np.abs(values).max(axis=(-2, -1), keepdims=True)
    values = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    energy = np.abs(np.fft.fft2(values - values.mean(axis=(-2, -1), keepdims=True))) ** 2
    height, width = values.shape[-2:]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    total = energy.sum(axis=(-2, -1))
    coarse = energy[..., radius <= LOW_FREQUENCY].sum(axis=-1)
    # Ignore the rounding error that remains of a constant map.
    structured = total > 1e-20 * (height * width) ** 2
    return np.asarray(np.divide(coarse, total, out=np.full_like(total, np.nan), where=structured))


def colour(values: ArrayLike, colormap: str = "blue_white_red") -> Bytes:
    """Return a picture's values as RGB.

    Parameters
    ----------
    values : array (..., H, W)
        In [-1, 1]; values outside are clipped, NaN is drawn as 0.
    colormap
        A key of :data:`engine.attribution.colormaps.COLORMAPS`.

    Returns
    -------
    uint8 array (..., H, W, 3)
    """
    clipped = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64)), -1.0, 1.0)
    return COLORMAPS[colormap][np.rint(127.5 + 127.5 * clipped).astype(np.intp)]


def image_rgb(image: ArrayLike) -> Bytes:
    """Return an image as RGB, one grey channel repeated.

    Parameters
    ----------
    image : uint8 array (..., C, H, W)
        C is 1 or 3.

    Returns
    -------
    uint8 array (..., H, W, 3)

    Raises
    ------
    MapError
        If the array is not such an image.
    """
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim < 3 or pixels.shape[-3] not in (1, 3):
        raise MapError(
            f"image has shape {pixels.shape} and type {pixels.dtype}, "
            "must be (C, H, W) of uint8 with 1 or 3 channels"
        )
    last = np.moveaxis(pixels, -3, -1)
    return np.ascontiguousarray(np.broadcast_to(last, (*last.shape[:-1], 3)))


def _checked(attribution: ArrayLike) -> Floats:
    values: Floats = np.asarray(attribution, dtype=np.float64)
    if values.ndim not in (3, 4) or 0 in values.shape[-3:]:
        raise MapError(
            f"attribution has shape {values.shape}, must be (C, H, W) or (N, C, H, W) with pixels"
        )
    return values


def _summed(attribution: ArrayLike) -> Floats:
    """Return the channel sums (..., H, W), zeros where a map is not finite."""
    values = _checked(attribution)
    whole = np.isfinite(values).all(axis=(-3, -2, -1), keepdims=True)
    summed: Floats = np.where(whole, values, 0.0).sum(axis=-3)
    return summed


def _percentiles(values: Floats, percentile: float) -> tuple[Floats, Floats]:
    """Return the two clipping limits, (1, 1) or (N, 1, 1).

    If so few pixels are nonzero that both percentiles are zero, clipping would hide these pixels;
    the minimum and maximum are then used instead.
    """
    levels = [100.0 - percentile, percentile]
    low, high = np.percentile(values, levels, axis=(-2, -1), keepdims=True)
    hidden = (low == 0) & (high == 0)
    extremes = values.min(axis=(-2, -1), keepdims=True), values.max(axis=(-2, -1), keepdims=True)
    return np.where(hidden, extremes[0], low), np.where(hidden, extremes[1], high)
