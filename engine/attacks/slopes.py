"""Gradients of attack losses by the logits, in closed form.

Autograd takes these losses apart into some thirty operators and their derivatives. On a GPU with a
small network the time of an attack's step is that of launching operators, so here the same numbers
are computed by as few as possible. Every function returns what autograd returns, to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

SATURATED = 1e-30
"""Cross-entropy, in nats, below which its gradient is not relied on."""
TINY = 1e-12
SOFTPLUS_SETTINGS = (1, 20)  # beta and threshold, torch's defaults


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return z_j - z_label (N, K), minus infinity at the label itself."""
    at_label = labels.unsqueeze(1)
    return (logits - logits.gather(1, at_label)).scatter_(1, at_label, float("-inf"))


def followed_xent_slope(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy and its slope, or that of the margin where it is saturated.

    See :func:`engine.attacks.losses.followed`.

    Parameters
    ----------
    logits : Tensor (N, K)
        Without a gradient, here and below.
    labels : Tensor (N,), int64

    Returns
    -------
    Tensor (N,)
        The loss.
    Tensor (N, K)
        Its gradient by the logits.
    """
    apart = margins(logits, labels)
    top = apart.amax(1, keepdim=True)
    height = (apart - top).exp_().sum(1, keepdim=True).log_().add_(top)
    values = softplus(height)
    one = torch.ones_like(values)
    pace = torch.ops.aten.softplus_backward(one, height, *SOFTPLUS_SETTINGS)
    unsaturated = (apart - height).exp_().mul_(pace)
    slope = torch.where(values < SATURATED, _of_largest(apart, top), unsaturated)
    return values.squeeze(1), _balanced(slope, labels)


def cw_slope(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the margin and its slope; parameters as in :func:`followed_xent_slope`."""
    apart = margins(logits, labels)
    top = apart.amax(1, keepdim=True)
    return top.squeeze(1), _balanced(_of_largest(apart, top), labels)


def dlr_slope(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the difference of logits ratio and its slope, as :func:`followed_xent_slope`."""
    if logits.shape[1] < 3:
        return cw_slope(logits, labels)
    apart = margins(logits, labels)
    top = apart.amax(1, keepdim=True)
    largest, ranks = logits.topk(3, dim=1)
    scale = largest[:, :1] - largest[:, 2:] + TINY
    ratio = top / scale
    slope = _balanced(_of_largest(apart, top, scale.reciprocal()), labels)
    by_scale = (ratio / scale).neg_()
    slope.scatter_add_(1, ranks[:, :1], by_scale).scatter_add_(1, ranks[:, 2:], -by_scale)
    return ratio.squeeze(1), slope


def margin_to_slope(logits: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return z_target - z_label and its slope.

    Parameters
    ----------
    logits : Tensor (N, K)
    pairs : Tensor (N, 2), int64
        Label and target class, which differ.
    """
    of_pair = logits.gather(1, pairs)
    slope = torch.zeros_like(logits)
    slope.scatter_(1, pairs[:, :1], -1.0).scatter_(1, pairs[:, 1:], 1.0)
    return of_pair[:, 1] - of_pair[:, 0], slope


def dlr_to_slope(logits: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the targeted DLR and its slope; parameters as in :func:`margin_to_slope`."""
    if logits.shape[1] < 4:
        return margin_to_slope(logits, pairs)
    of_pair = logits.gather(1, pairs)
    largest, ranks = logits.topk(4, dim=1)
    scale = largest[:, :1] - largest[:, 2:].mean(1, keepdim=True) + TINY
    ratio = (of_pair[:, 1:] - of_pair[:, :1]) / scale
    by_margin, by_scale = scale.reciprocal(), (ratio / scale).neg_()
    slope = torch.zeros_like(logits)
    slope.scatter_(1, pairs[:, :1], -by_margin).scatter_(1, pairs[:, 1:], by_margin)
    slope.scatter_add_(1, ranks[:, :1], by_scale)
    slope.scatter_add_(1, ranks[:, 2:], by_scale.mul(-0.5).expand(-1, 2))
    return ratio.squeeze(1), slope


def _of_largest(apart: Tensor, top: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the slope of the largest margin (N, K) times ``weight``, shared by equal ones."""
    largest = apart == top
    count = largest.sum(1, keepdim=True, dtype=apart.dtype)
    return (largest if weight is None else largest * weight) / count


def _balanced(slope: Tensor, labels: Tensor) -> Tensor:
    """Set the label's entry so that the entries add up to 0, as they do for margins."""
    return slope.scatter_(1, labels.unsqueeze(1), -slope.sum(1, keepdim=True))
