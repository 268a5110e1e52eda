"""Sanity checks: maps of the network beside those with its weights drawn anew.

Source: Adebayo 2018, "Sanity checks for saliency maps"; Hedström 2024, "Sanity checks revisited".
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from engine.devices.wide import wide
from engine.jobs.classifiers import fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import device_images, layout
from engine.measures.scores.judged import (
    Batch,
    Judged,
    Maps,
    Scored,
    mean_and_limits,
    per_image,
    summary,
    with_curves,
)
from engine.measures.scores.shape import entropy
from engine.networks.gradients import as_unit, evaluating
from engine.specs import Imported, Measurement
from engine.specs.schema import SpecError
from engine.specs.scores.randomisation import BINS, EfficientMprt, Mprt, SmoothMprt
from engine.store.study import Result


def mprt(model: nn.Module, images: Tensor, labels: Tensor, spec: Mprt, context: Context) -> Result:
    """Score "mprt": the mean rank correlation with the maps of the cascade."""
    judged = Judged(model, images, spec, context)

    def maps(batch: Batch, network: nn.Module) -> Tensor:
        return judged.maps(batch.images, batch.classes, network)

    return _cascade(judged, images, labels, spec, maps)


def smooth_mprt(
    model: nn.Module, images: Tensor, labels: Tensor, spec: SmoothMprt, context: Context
) -> Result:
    """Score "smooth_mprt": the same of mean maps over noisy copies, the same at every step."""
    judged = Judged(model, images, spec, context)

    def maps(batch: Batch, network: nn.Module) -> Tensor:
        generator = judged.generator(f"noisy copies {batch.start}")
        mean = torch.zeros_like(batch.images)
        for _ in range(spec.samples):
            noise = torch.randn(batch.images.shape, generator=generator).to(batch.images)
            copies = layout((batch.images + spec.noise * noise).clamp(0, 1))
            mean += judged.maps(copies, batch.classes, network) / spec.samples
        return mean

    return _cascade(judged, images, labels, spec, maps)


def efficient_mprt(
    model: nn.Module, images: Tensor, labels: Tensor, spec: EfficientMprt, context: Context
) -> Result:
    """Score "efficient_mprt": the relative rise in entropy when all weights are drawn anew.

    A map whose values are all alike has no entropy to compare with, and no score.
    """
    judged, scored = Judged(model, images, spec, context), Scored()
    fresh = _fresh(judged)
    for batch in judged.batches(images, labels):
        before, after = (
            per_image(
                judged.signed(batch.images, judged.maps(batch.images, batch.classes, network)),
                histogram_entropy,
            )
            for network in (model, fresh)
        )
        scored.add({name: (after[name] - one) / one for name, one in before.items()})
    return summary(spec, scored)


def histogram_entropy(maps: Tensor) -> Tensor:
    """Return the entropy of the histogram of every map's channel sums, (N,), in nats.

    The bins divide the way from the least to the largest value of the map.

    Parameters
    ----------
    maps : Tensor (N, C, H, W)
    """
    rows = maps.sum(1).flatten(1).cpu().double().numpy()
    whole = np.isfinite(rows).all(1)
    counts = [
        np.histogram(row, BINS)[0] if fine else [1] * BINS
        for row, fine in zip(rows, whole, strict=True)
    ]
    found = entropy(torch.from_numpy(np.array(counts, np.float64)))
    return torch.where(torch.from_numpy(whole), found, torch.nan)


def _cascade(
    judged: Judged,
    images: Tensor,
    labels: Tensor,
    spec: Mprt | SmoothMprt,
    maps: Callable[[Batch, nn.Module], Tensor],
) -> Result:
    fresh, scored, curves = _fresh(judged), Scored(), Scored()
    signed = spec.compared == "signed"
    groups = grouped(layers_in_order(judged.model, images[:1]), spec.steps)
    for batch in judged.batches(images, labels):
        own = _compared(judged, batch, maps(batch, judged.model), signed=signed)
        likeness: dict[str, list[Tensor]] = {name: [] for name in own}
        for step, network in enumerate(cascade(judged.model, fresh, groups)):
            judged.progress(batch.start, (1 + step) / (1 + len(groups)), len(batch.images))
            found = _compared(judged, batch, maps(batch, network), signed=signed)
            for name, one in own.items():
                likeness[name].append(rank_correlation(one, found[name]).cpu())
        rows = {name: torch.stack(parts, 1) for name, parts in likeness.items()}
        curves.add(rows)
        scored.add({name: row.nanmean(1) for name, row in rows.items()})
    shares = np.cumsum([0, *map(len, groups)]) / sum(map(len, groups))
    panel = {}
    for name, known in curves.values().items():
        trained = np.ones((len(known), 1))  # no layer is drawn anew yet
        panel[name] = mean_and_limits(np.concatenate([trained, known], 1))
    result = with_curves(summary(spec, scored), shares, {spec.label: panel})
    layers = [name for group in groups for name in group]
    numbers = {**result.numbers, "layers": len(layers)}
    return Result(numbers, result.arrays, {"layers": layers})


def _compared(judged: Judged, batch: Batch, maps: Tensor, *, signed: bool) -> Maps:
    """Return what is ranked of maps and baselines, (N, H * W)."""
    if signed:
        return per_image(judged.signed(batch.images, maps), lambda one: one.sum(1).flatten(1))
    return per_image(judged.importance(batch.images, maps), lambda one: one.flatten(1))


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return Spearman's correlation of rows (N, P), (N,) float64; NaN where a row is constant.

    Equal values share the mean of their ranks. Rows that are not finite have none.
    """
    x, y = _ranks(a), _ranks(b)
    size = x.norm(dim=1) * y.norm(dim=1)
    whole = a.isfinite().all(1) & b.isfinite().all(1) & (size > 0).to(a.device)
    found = (x * y).sum(1) / size
    return torch.where(whole.to(found.device), found, torch.nan)


def _ranks(rows: Tensor) -> Tensor:
    """Return the centred ranks of rows, float64 on the CPU; equal values share their mean."""
    values = rows.nan_to_num().cpu().contiguous()
    rising = values.sort(dim=1).values
    below = torch.searchsorted(rising, values)
    up_to = torch.searchsorted(rising, values, right=True)
    return wide(below + up_to) / 2 - values.shape[1] / 2


def _fresh(judged: Judged) -> nn.Module:
    """Return an untrained network of the same kind."""
    of = judged.context.spec
    assert isinstance(of, Measurement)
    classifier = of.classifier
    outputs = classifier.outputs if isinstance(classifier, Imported) else None
    fresh = fresh_network(
        classifier.network,
        device_images(judged.context, classifier.images),
        judged.context.device,
        generator=judged.generator("weights drawn anew"),
        outputs=outputs,
    )
    return fresh.eval().requires_grad_(False)


def layers_in_order(model: nn.Module, image: Tensor) -> list[str]:
    """Return the names of the modules with weights of their own, in the order of their use.

    Modules whose weights another module uses without calling them follow the one before them.

    Raises
    ------
    SpecError
        If there are none.
    """
    network = copy.deepcopy(model)  # other computations use the network at the same time
    named = [
        (name, module)
        for name, module in network.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    if not named:
        raise SpecError("the network has no layer with weights, which could be drawn anew")
    used: dict[str, int] = {}

    def noting(name: str) -> Callable[..., None]:
        def note(*_: object) -> None:
            used.setdefault(name, len(used))

        return note

    for name, module in named:
        module.register_forward_pre_hook(noting(name))
    with evaluating(network), torch.no_grad():
        network(as_unit(image))
    place, order = -1, {}
    for name, _ in named:
        place = used.get(name, place)
        order[name] = place
    return sorted(order, key=lambda name: order[name])


def grouped(layers: list[str], steps: int) -> list[list[str]]:
    """Return the layers from the last to the first, in at most so many groups of about one size."""
    count = min(steps, len(layers))
    ends = [round(len(layers) * step / count) for step in range(1 + count)]
    backwards = layers[::-1]
    return [backwards[start:end] for start, end in itertools.pairwise(ends)]


def cascade(model: nn.Module, fresh: nn.Module, groups: list[list[str]]) -> Iterator[nn.Module]:
    """Yield the network after each group of layers got the weights of a fresh one; they stay so.

    It is the same object each time. Statistics of batch normalisation go with their layer.
    """
    network = copy.deepcopy(model)
    for group in groups:
        for name in group:
            ours, theirs = network.get_submodule(name), fresh.get_submodule(name)
            with torch.no_grad():
                for part, tensor in _own(theirs).items():
                    _own(ours)[part].copy_(tensor)
        yield network


def _own(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a module itself."""
    return dict(
        itertools.chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
    )
