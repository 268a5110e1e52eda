"""Square: random search that changes square windows, led by the network's answers alone.

Source: Andriushchenko, Croce, Flammarion, Hein 2020, with the constants of AutoAttack. Here every
image draws its own windows, where their code gives a whole batch the same ones.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from engine.attacks.aim import OnStep, aim_of, told_of_all
from engine.attacks.losses import Objective, cw
from engine.attacks.norms import norms
from engine.networks.gradients import (
    InputError,
    checked_logits,
    evaluating,
    fastest_layout,
    highest_of,
    parts,
)

HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries after which the share of the image that a window covers is halved."""
L2_LEAST = 3  # px, the smallest window of the l2 form
TILES = 5  # in the l2 start, along each side


def square(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    norm: str,
    eps: float,
    queries: int,
    first_share: float,
    objective: Objective | None = None,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """Attack by trying random windows and keeping those that raise the margin.

    Parameters and errors as in :func:`engine.attacks.pgd.pgd`, and:

    Parameters
    ----------
    queries
        Number of windows tried on an image that does not fall; others are left at once.
    first_share
        Share of the image that the first windows cover, in (0, 1].
    objective
        Function to raise instead of the margin.
    generator
        The only source of randomness; required.

    Returns
    -------
    Tensor (N, C, H, W)
        Per image the first misclassified version, else the one with the highest margin.

    Raises
    ------
    InputError
        Also if no generator is given.
    """
    aim = aim_of(images, labels, cw, None, objective)
    if generator is None:
        raise InputError("square draws at random, must be given a generator")
    if eps == 0 or not len(images):
        return images.detach().clone()
    found = images.detach().clone()
    highest = highest_of(labels)

    def look(candidates: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return objective and success of candidates of some of the images."""
        logits = torch.cat(
            [checked_logits(model, candidates[part], highest) for part in parts(candidates)]
        )
        goal = aim.of(rows)
        return goal.objective.loss(logits, goal.objective.against), goal.reached(logits)

    propose, begin = PROPOSALS[norm]
    tell = told_of_all(on_step, 0, torch.arange(len(images), device=images.device), len(images))
    with evaluating(model), torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        clean = images.detach().clone(memory_format=fastest_layout(model, images))
        best = start.to(clean) if start is not None else begin(clean, eps, generator)
        rows = torch.arange(len(images), device=images.device)
        height, wrong = look(best, rows)
        for query in range(queries):
            if bool(wrong.any()):
                found[rows[wrong]] = best[wrong]
                kept = (~wrong).nonzero().flatten()
                rows, clean, best, height = rows[kept], clean[kept], best[kept], height[kept]
            if not len(rows):
                break
            tell(query, rows, height)
            side = _side(query, first_share, images.shape[-2:])
            candidates = propose(clean, best, side, eps, generator)
            risen, wrong = look(candidates, rows)
            better = (risen > height) | wrong
            best = torch.where(better.view(-1, 1, 1, 1), candidates, best)
            height = torch.where(better, risen, height)
        found[rows] = best
    return found


def _side(query: int, first_share: float, size: torch.Size) -> int:
    """Return the side, in pixels, of the window that a query changes."""
    height, width = size
    share = first_share / 2 ** bisect_right(HALVED_AT, query - 1)
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


class _Draws:
    """Random numbers for every image of a batch, drawn on the generator's device."""

    def __init__(self, images: Tensor, generator: torch.Generator) -> None:
        self.images, self._generator = images, generator

    def signs(self, *shape: int) -> Tensor:
        """Return -1 or 1 of shape (N, *shape), each with probability one half."""
        drawn = self._integers(2, (len(self.images), *shape))
        return drawn.to(self.images.dtype).mul_(2).sub_(1)

    def window(self, side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the index of one random square window (N, C, side, side) of every image."""
        count, channels, height, width = self.images.shape
        device = self.images.device
        along = torch.arange(side, device=device)
        top = self._integers(height - side + 1, (count, 1)) + along
        left = self._integers(width - side + 1, (count, 1)) + along
        return (
            torch.arange(count, device=device).view(-1, 1, 1, 1),
            torch.arange(channels, device=device).view(1, -1, 1, 1),
            top.view(count, 1, side, 1),
            left.view(count, 1, 1, side),
        )

    def _integers(self, end: int, shape: tuple[int, ...]) -> Tensor:
        generator = self._generator
        drawn = torch.randint(end, shape, generator=generator, device=generator.device)
        return drawn.to(self.images.device)


def _linf_start(clean: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """Return the images with vertical stripes of -eps and +eps."""
    _, channels, _, width = clean.shape
    stripes = _Draws(clean, generator).signs(channels, 1, width)
    return (clean + eps * stripes).clamp_(0, 1)


def _linf_proposal(
    clean: Tensor, best: Tensor, side: int, eps: float, generator: torch.Generator
) -> Tensor:
    """Return the best images with one window of every channel at -eps or +eps."""
    draws = _Draws(clean, generator)
    window = draws.window(side)
    changed = best.clone()
    changed[window] = (clean[window] + eps * draws.signs(clean.shape[1], 1, 1)).clamp_(0, 1)
    return changed


def _l2_start(clean: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """Return the images changed by tiles of :func:`_peaks`, scaled together to length eps."""
    _, channels, height, width = clean.shape
    draws, delta = _Draws(clean, generator), torch.zeros_like(clean)
    side = max(1, min(height, width) // TILES)
    margins = (height % side) // 2, (width % side) // 2
    for top in range(margins[0], height - side + 1, side):
        for left in range(margins[1], width - side + 1, side):
            tile = _turned_peaks(side, draws) * draws.signs(channels, 1, 1)
            delta[..., top : top + side, left : left + side] += tile
    return _at_length(clean, delta, eps)


def _l2_proposal(
    clean: Tensor, best: Tensor, side: int, eps: float, generator: torch.Generator
) -> Tensor:
    """Return the best images with the change of one window moved into another.

    What the second window held, and what of eps is not used yet, is given to the first, in the
    direction of its own change plus new peaks of random sign.
    """
    draws = _Draws(clean, generator)
    channels, *size = clean.shape[1:]
    side = min(max(side, L2_LEAST) // 2 * 2 + 1, *size)
    first, second = draws.window(side), draws.window(side)
    delta = best - clean
    used, inside = _length(delta), delta[first]
    new = _turned_peaks(side, draws) * draws.signs(channels, 1, 1)
    new = new + inside / (_window_length(inside) + 1e-12)
    emptied = delta.clone()
    emptied[first] = 0
    emptied[second] = 0
    freed = (_window_length(delta).square() - _window_length(emptied).square()).clamp_min(0)
    budget = ((eps**2 - used.square()).clamp_min(0) / channels + freed).sqrt()
    delta[second] = 0
    delta[first] = new / (_window_length(new) + 1e-12) * budget
    return _at_length(clean, delta, eps)


def _turned_peaks(side: int, draws: _Draws) -> Tensor:
    """Return :func:`_peaks` for every image (N, 1, side, side), half of them transposed."""
    upright = draws.signs(1, 1, 1) > 0
    peaks = _peaks(side).to(draws.images)
    return torch.where(upright, peaks, peaks.T)


def _length(delta: Tensor) -> Tensor:
    return norms(delta, "l2").view(-1, 1, 1, 1)


def _window_length(window: Tensor) -> Tensor:
    """Return the length of every channel (N, C, 1, 1) of windows or images."""
    length: Tensor = torch.linalg.vector_norm(window, dim=(2, 3), keepdim=True)
    return length


def _at_length(clean: Tensor, delta: Tensor, eps: float) -> Tensor:
    return (clean + delta * (eps / (_length(delta) + 1e-12))).clamp_(0, 1)


@lru_cache(maxsize=64)
def _peaks(side: int) -> Tensor:
    """Return two opposite peaks (side, side) of length 1, one in each half of the window.

    Each peak is a sum of rectangles that grow from its middle, the n-th of height 1 / n^2.
    """
    upper = side // 2
    window = torch.zeros(side, side, dtype=torch.float64, device="cpu")
    window[:upper] = _peak(upper, side)
    window[upper:] = -_peak(side - upper, side)
    return window.div_(torch.linalg.vector_norm(window).clamp_min(1e-12))


def _peak(height: int, width: int) -> Tensor:
    peak = torch.zeros(height, width, dtype=torch.float64, device="cpu")
    middle = height // 2, width // 2
    for ring in range(max(height, width) // 2 + 1):
        rows = slice(max(middle[0] - ring, 0), middle[0] + ring + 1)
        columns = slice(max(middle[1] - ring, 0), middle[1] + ring + 1)
        peak[rows, columns] += 1 / (ring + 1) ** 2
    return peak.div_(torch.linalg.vector_norm(peak).clamp_min(1e-12))


PROPOSALS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "linf": (_linf_proposal, _linf_start),
    "l2": (_l2_proposal, _l2_start),
}
"""By norm, the function that changes a window, and the one that changes the clean images first."""
