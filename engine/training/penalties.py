"""Schemes without an attack: Gaussian noise, and what is asked of the gradient of an image."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks.losses import xent
from engine.devices.graphs import Source, drawn_from, each_of
from engine.networks.gradients import as_unit
from engine.specs.schema import SpecError
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, descend, go_back

LEAST_SIDE = 3  # of an image with edges, in pixels
FLAT = 1e-5  # edges below this are rounding, whose direction would count as much as any other
TARGETS, CLASSES = "aligned targets", "aligned classes"
"""Names of what :func:`aligned_gradients_step` keeps: representatives, and their classes."""
BLOCK = 256  # training images summed at once


def gaussian_noise_step(
    state: TrainingState, images: Tensor, labels: Tensor, batch: BatchContext, *, sigma: float
) -> Tensor:
    """Step down the cross-entropy at x + N(0, sigma^2), not clipped. Source: Cohen 2019."""
    noise = normal_noise(images, batch.generator)
    noisy = images + sigma * noise
    return descend(state, batch.loss(batch.logits(state.model, noisy), labels))


def normal_noise(images: Tensor, source: Source) -> Tensor:
    """Return N(0, 1) for every entry of images, drawn in float32 whatever their dtype."""
    device = images.device
    noise = drawn_from(
        source, images.shape, lambda shape, one: torch.randn(shape, generator=one, device=device)
    )
    return noise.to(images.dtype)


def gradient_penalty_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    size: str,
    weight: float,
) -> Tensor:
    """Step down the mean over images of CE + weight times the size of its gradient.

    Source: Ross, Doshi-Velez 2018 (squared L2); Rodriguez-Munoz 2024 (L1).
    """
    values, gradients = gradients_through(state.model, images, labels, smoothing=batch.smoothing)
    entries = gradients.flatten(1)
    sizes = entries.abs().sum(1) if size == "l1" else entries.square().sum(1)
    return descend(state, batch.mean(values + weight * sizes))


def edge_gradients_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    weight: float,
    compared: str,
    sigma: float,
    temperature: float,
) -> Tensor:
    """Step down CE + weight times :func:`misaligned` of a logit's gradients and the edges.

    Source: Rodriguez-Munoz 2024, edge gradients, and the code released with it.

    Raises
    ------
    SpecError
        If the images are too small to have edges.
    """
    height, width = images.shape[-2:]
    if min(height, width) < LEAST_SIDE:
        raise SpecError(
            f"images are {width} x {height} px, edge gradients need at least {LEAST_SIDE} px a side"
        )
    leaf = images.detach().clone().requires_grad_(True)
    logits = state.model(leaf)
    chosen = _drawn_class(logits.detach() / temperature, batch.generator)
    (gradients,) = torch.autograd.grad(
        logits.gather(1, chosen[:, None]).sum(), leaf, create_graph=True
    )
    maps = gradients if compared == "signed" else gradients.abs().amax(1, keepdim=True)
    edges = contours(images, sigma).expand_as(maps)
    apart = misaligned(maps, edges, batch.sum)
    return descend(state, batch.loss(logits, labels) + weight * apart)


def _drawn_class(logits: Tensor, source: Source) -> Tensor:
    """Return a class (N,) for each row of logits (N, K), drawn by its probability.

    The largest sum of a logit and Gumbel noise: it waits for no value, so a step can be captured.
    """
    uniform = _uniform(logits.shape, source, logits.device)
    tiny = torch.finfo(torch.float32).tiny
    return (logits - (-uniform.clamp_min(tiny).log()).clamp_min(tiny).log()).argmax(1)


def _uniform(shape: torch.Size, source: Source, device: torch.device) -> Tensor:
    """Return numbers in [0, 1)."""
    return drawn_from(source, shape, lambda own, one: torch.rand(own, generator=one, device=device))


def contours(images: Tensor, sigma: float) -> Tensor:
    """Return how strong the edges are, (N, 1, H, W), at least 0, as Rodriguez-Munoz 2024 does.

    The length of the Sobel gradient over both directions and all channels, of images under a
    Gaussian filter of ``sigma`` pixels, under the same filter again. Border pixels are repeated.

    Parameters
    ----------
    images : Tensor (N, C, H, W)
    """
    count, channels, height, width = images.shape
    across = images.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.T])[:, None]
    flat = _blurred(images.reshape(-1, 1, height, width), sigma)
    slopes = functional.conv2d(functional.pad(flat, (1, 1, 1, 1), mode="replicate"), kernels)
    lengths = slopes.reshape(count, 2 * channels, height, width).norm(dim=1, keepdim=True)
    return _blurred(torch.where(lengths < FLAT, 0.0, lengths), sigma)


def _blurred(values: Tensor, sigma: float) -> Tensor:
    """Return values (N, 1, H, W) under a Gaussian filter; 0 changes nothing."""
    if sigma == 0:
        return values
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    kernel = torch.softmax(-(offsets**2) / (2 * sigma**2), 0)
    padded = functional.pad(values, (reach,) * 4, mode="replicate")
    return functional.conv2d(
        functional.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1)
    )


def aligned_gradients_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    batch: BatchContext,
    *,
    weight: float,
    target: str,
    candidates: int,
    classes: int,
) -> Tensor:
    """Step down CE + weight times the mean of 1 - cos of gradients of log p_j and r_j - x.

    The representatives r_j lie in ``state.kept`` from the first step on. Source: Ganz 2023,
    section 4, and the code released with it.
    """
    if TARGETS not in state.kept:
        number = 0 if target == "class_mean" else 1 if target == "one_image" else candidates
        known = batch.training or (images, labels)
        found = [representatives(*known, number, one, images.dtype)
                 for one in each_of(batch.generator)]  # fmt: skip
        state.kept[TARGETS] = _joined([held for held, _ in found])
        state.kept[CLASSES] = _joined([own for _, own in found])
    held, known_classes = batch.each(state.kept[TARGETS]), batch.each(state.kept[CLASSES])[0]
    count = len(known_classes)
    shape = torch.Size((len(images), count))
    chosen = _uniform(shape, batch.generator, images.device).argsort(1)[:, : min(classes, count)]
    parts = zip(batch.each(images), held, batch.each(chosen), strict=True)
    wanted = _joined([_nearest(*part) for part in parts]) - images[:, None]
    counted = batch.sum(wanted.flatten(2).abs().amax(2) > 0).clamp_min(1)
    state.optimizer.zero_grad(set_to_none=True)
    loss = batch.loss(batch.logits(state.model, images), labels)
    go_back(loss)
    total = loss.detach()
    # Class by class, each with its own way back: so ten classes need the memory of one.
    for place in range(chosen.shape[1]):
        _, gradients = gradients_through(state.model, images, known_classes[chosen[:, place]])
        # The cross-entropy of class j is -log p_j.
        away, _ = _misalignments(-gradients, wanted[:, place])
        part = weight * batch.sum(away) / counted
        go_back(part)
        total = total + part.detach()
    state.optimizer.step()
    return total


def _joined(parts: list[Tensor]) -> Tensor:
    """Return the members' parts one after the other; a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


@torch.no_grad()
def representatives(
    images: Tensor, labels: Tensor, number: int, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return what stands for each class, (K, M, C, H, W) in [0, 1], and the classes (K,).

    Parameters
    ----------
    images
        (N, C, H, W), uint8, or float in [0, 1].
    labels
        (N,); classes without an image are left out, as are unknown labels, -1.
    number
        So many images of each class, drawn anew from the beginning where it has fewer; 0: the mean.
    generator
        Draws the images; the mean needs none.
    dtype
        Of the result.
    """
    classes: Tensor = torch.unique(labels[labels >= 0])
    held = []
    for label in classes:
        own = torch.nonzero(labels == label).flatten()
        if number:
            order = torch.randperm(len(own), generator=generator, device=generator.device)
            picked = own[order.to(own.device)[torch.arange(number) % len(own)]]
            held.append(as_unit(images[picked]).to(dtype))
        else:
            sums = [as_unit(images[part]).to(dtype).sum(0) for part in torch.split(own, BLOCK)]
            held.append(torch.stack(sums).sum(0, keepdim=True) / len(own))
    return torch.stack(held), classes


def _nearest(images: Tensor, held: Tensor, chosen: Tensor) -> Tensor:
    """Return of each chosen class (N, k) the representative nearest to the image, (N, k, C, H, W).

    Parameters
    ----------
    images
        (N, C, H, W).
    held
        (K, M, C, H, W).
    """
    count, each = held.shape[:2]
    if each == 1:
        return held[:, 0][chosen]
    far = torch.cdist(images.flatten(1), held.flatten(0, 1).flatten(1)).view(-1, count, each)
    best = far.argmin(2).gather(1, chosen)
    return held.flatten(0, 1)[chosen * each + best]


def misaligned(
    maps: Tensor, targets: Tensor, total: Callable[[Tensor], Tensor] = torch.sum
) -> Tensor:
    """Return 1 - mean cosine of maps and targets (N, ...), over the images that have both.

    0 where no image has both. ``total`` returns the sum of a number for each image.
    """
    away, counted = _misalignments(maps, targets)
    return total(away) / total(counted).clamp_min(1)


def _misalignments(maps: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return 1 - cosine of each map and its target, 0 where either is 0, and where neither is.

    Each is scaled by its largest entry first, so that a gradient of 1e-30 counts as well.

    Returns
    -------
    Tensor (N,), bool Tensor (N,)
    """
    one, two = (values.flatten(1) for values in (maps, targets))
    largest = [values.detach().abs().amax(1, keepdim=True) for values in (one, two)]
    both = (largest[0] > 0) & (largest[1] > 0)
    # A direction of ones where there is none: dividing by a length of 0 would give NaN gradients.
    one, two = (
        torch.where(both, values / torch.where(both, size, 1.0), 1.0)
        for values, size in zip((one, two), largest, strict=True)
    )
    cosines = (one * two).sum(1) / (one.norm(dim=1) * two.norm(dim=1))
    counted = both.squeeze(1)
    return torch.where(counted, 1.0 - cosines, 0.0), counted


def gradients_through(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    keep: bool = True,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of each image and its gradient, in the network's present mode.

    Batch statistics make an image's gradient depend on its batch, as they do in the released codes.

    Parameters
    ----------
    images : Tensor (N, C, H, W)
    labels : Tensor (N,), int64
    keep
        Whether the gradient can be differentiated again (double back-propagation). Otherwise
        both results are detached.
    smoothing
        Share of each label that is spread over all classes.

    Returns
    -------
    Tensor (N,), Tensor (N, C, H, W)
    """
    leaf = images.detach().clone().requires_grad_(True)
    logits = model(leaf)
    values = (
        functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        if smoothing
        else xent(logits, labels)
    )
    (gradients,) = torch.autograd.grad(values.sum(), leaf, create_graph=keep)
    return (values, gradients) if keep else (values.detach(), gradients.detach())
