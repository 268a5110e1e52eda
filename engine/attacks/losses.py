"""Classification losses that attacks maximise, one number per image.

The losses of labels are computed from the margins z_j - z_label of the other classes. The
cross-entropy needs this form: if a network is certain, 1 - p_label is exactly 0 in float32. The
gradient of the usual form then lacks the term of the label's logit and has a wrong direction.

:data:`RELEASED_LOSSES` has the forms of the code that was released with the paper instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, one_hot, relu, softplus

from engine.attacks.slopes import (
    SATURATED,
    TINY,
    cw_slope,
    dlr_slope,
    dlr_to_slope,
    followed_xent_slope,
    margin_to_slope,
    margins,
)
from engine.networks.gradients import ImageLoss, Slope, Sloped

CAP = 500.0
"""Maximum of "cw_capped", in logits. Source: Kim, Seo, Jeon 2019, their released code."""


def xent(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy, -log softmax(z)_label = softplus(logsumexp_j (z_j - z_label)).

    The gradient has full relative accuracy down to a loss of about 1e-38, below which it is zero.

    Parameters
    ----------
    logits : Tensor (N, K)
        At least two classes.
    labels : Tensor (N,), int64
        In 0 ... K - 1.

    Returns
    -------
    Tensor (N,)
        In nats, at least 0.
    """
    return softplus(margins(logits, labels).logsumexp(1))


def cw(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the margin max_other - z_label (N,), which is above 0 for misclassified images.

    Parameters as in :func:`xent`. Source: Carlini, Wagner 2017.
    """
    return margins(logits, labels).amax(1)


def cw_capped(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the margin of :func:`cw`, at most :data:`CAP`.

    The paper's -relu(z_label - max_other + 500) is this minus 500, with the same gradient. The
    released code takes another max_other: see :func:`released_cw`.
    """
    return cw(logits, labels).clamp_max(CAP)


def dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the difference of logits ratio, the margin of :func:`cw` over z_(1) - z_(3).

    z_(1) and z_(3) are the largest and the third largest logit, so that the loss does not change
    when all logits are scaled. With two classes, which have no third, the margin itself.
    Parameters as in :func:`xent`. Source: Croce, Hein 2020, eq. 7.
    """
    margin = cw(logits, labels)
    if logits.shape[1] < 3:
        return margin
    largest = logits.topk(3, dim=1).values
    return margin / (largest[:, 0] - largest[:, 2] + TINY)


def margin_to(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return z_target - z_label (N,).

    Parameters
    ----------
    logits : Tensor (N, K)
    pairs : Tensor (N, 2), int64
        Label and target class of each image.
    """
    of_pair = logits.gather(1, pairs)
    return of_pair[:, 1] - of_pair[:, 0]


def dlr_to(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return the targeted DLR, :func:`margin_to` over z_(1) - (z_(3) + z_(4)) / 2.

    With fewer than four classes, the margin itself. Parameters as in :func:`margin_to`.
    Source: Croce, Hein 2020, eq. 8.
    """
    margin = margin_to(logits, pairs)
    if logits.shape[1] < 4:
        return margin
    largest = logits.topk(4, dim=1).values
    return margin / (largest[:, 0] - largest[:, 2:].mean(1) + TINY)


def xent_to(logits: Tensor, pairs: Tensor) -> Tensor:
    """Return minus the cross-entropy of the target class. Parameters as in :func:`margin_to`."""
    return -xent(logits, pairs[:, 1])


def followed(loss: ImageLoss) -> ImageLoss:
    """Return a loss with the values of ``loss`` whose gradient does not vanish in float32.

    The cross-entropy of an image that is classified with a margin above some 70 logits underflows,
    and its gradient is zero: an attack that followed it would leave the image as it is, and a
    network with large logits would seem robust. There the gradient of the margin is taken. Other
    losses keep theirs. All are :func:`sloped`.
    Source: Carlini, Wagner 2017, section 5, on the failure of distillation.
    """
    return sloped(followed_xent if loss is xent else loss)


def followed_xent(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy that :func:`followed` describes."""
    values = xent(logits, labels)
    usable = torch.where(values < SATURATED, cw(logits, labels), values)
    return values.detach() + (usable - usable.detach())


def sloped(loss: ImageLoss) -> ImageLoss:
    """Return a loss with its gradient in closed form, where :data:`SLOPES` has it."""
    slope = SLOPES.get(loss)
    return loss if slope is None else Sloped(loss, slope)


def stands(logits: Tensor, labels: Tensor) -> Tensor:
    """Return, per image (N,), whether its prediction is its label, from finite logits only.

    A NaN or infinite logit makes the answer wrong: it names no class.
    """
    # A NaN is the largest of its row; this takes half the operators of isfinite().all(1).
    return (logits.argmax(1) == labels) & (logits.abs().amax(1) < float("inf"))


def released_xent(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy (N,) whose gradient is softmax - one-hot, in the logits' dtype.

    In float32 the label's term of the gradient is 0 once the network is certain to about 1e-7.
    Parameters as in :func:`xent`. Source: Kim, Seo, Jeon 2019, their released code.
    """
    return cross_entropy(logits, labels, reduction="none")


def released_cw(logits: Tensor, labels: Tensor) -> Tensor:
    """Return max((1 - one_hot) z) - z_label (N,), where the maximum includes a 0 for the label.

    While all other logits are below 0 the maximum is that 0. Then this is no margin, and no rival's
    logit has a gradient. Parameters as in :func:`xent`. Source: as :func:`released_xent`.
    """
    mask = one_hot(labels, logits.shape[1]).to(logits.dtype)
    return ((1 - mask) * logits).amax(1) - (mask * logits).sum(1)


def released_cw_capped(logits: Tensor, labels: Tensor) -> Tensor:
    """Return :func:`released_cw`, at most :data:`CAP`, where it has no gradient."""
    return CAP - relu(CAP - released_cw(logits, labels))


def divergence(logits: Tensor, clean_logits: Tensor) -> Tensor:
    """Return KL(softmax(clean) || softmax(z)) (N,), in nats.

    The gradient is zero at the clean image, so an attack must start at another point.
    Source: Zhang 2019, TRADES, the inner problem of eq. 5.

    Parameters
    ----------
    logits, clean_logits : Tensor (N, K)
    """
    kept = kl_div(
        logits.log_softmax(1), clean_logits.log_softmax(1), reduction="none", log_target=True
    )
    return kept.sum(1)


@dataclass(frozen=True)
class Objective:
    """A function that an attack maximises instead of the loss named in its spec.

    Attributes
    ----------
    loss
        Function of the logits (N, K) and ``against`` that returns one number per image (N,).
    against : Tensor (N, ...)
        Second argument of ``loss`` for each image, such as the logits of the clean image.
    """

    loss: ImageLoss
    against: Tensor


LOSSES: dict[str, ImageLoss] = {
    "xent": xent,
    "cw": cw,
    "cw_capped": cw_capped,
    "dlr": dlr,
}

TARGETED: dict[str, ImageLoss] = {
    "xent": xent_to,
    "cw": margin_to,
    "cw_capped": margin_to,
    "dlr": dlr_to,
}
"""For each loss of :data:`LOSSES`, the loss to maximise towards a target class."""

SLOPES: dict[ImageLoss, Slope] = {
    followed_xent: followed_xent_slope,
    cw: cw_slope,
    dlr: dlr_slope,
    margin_to: margin_to_slope,
    dlr_to: dlr_to_slope,
}
"""Losses whose gradient by the logits has a closed form; the others are left to autograd."""

RELEASED_LOSSES: dict[str, ImageLoss] = {
    **LOSSES,
    "xent": released_xent,
    "cw": released_cw,
    "cw_capped": released_cw_capped,
}
LOSSES_OF: dict[str, dict[str, ImageLoss]] = {"corrected": LOSSES, "released": RELEASED_LOSSES}
"""Value of a spec's ``form`` -> its table of losses."""
