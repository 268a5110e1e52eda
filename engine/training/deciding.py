"""Let labelled images decide how a foreign network reads pixels, and what its outputs mean.

A weights file rarely says by which normaliser pixels were prepared, or which class an output stands
for. With the wrong one a good network looks bad: measured on CIFAR-10, 84 % become 16 %. So the
accuracy is measured for every normaliser and every order of classes, and the best is proposed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import bdtrc
from torch import Tensor, nn

from engine.data.image_set import ImageSet
from engine.jobs.device_images import layout
from engine.networks.architectures import build
from engine.networks.gradients import as_unit
from engine.networks.opening.finding import Found
from engine.networks.opening.outputs import Order, orders
from engine.networks.opening.tried import Tried
from engine.specs import NetworkSpec
from engine.specs.networks import NORMALIZERS
from engine.specs.schema import SpecError

MOST_IMAGES = 500
FEWEST_IMAGES = 50
SECONDS = 90.0  # if the first batch shows that it would take longer, fewer images are measured
BATCH = 25
STANDARD_ERRORS = 3.0  # above the best that an order found in the images must be to be offered
GUESSED = 0.001  # probability by which a guessing network may have as many right
FOUND_ORDER = "found in the images"

Progress = Callable[[float, float], None]
Check = Callable[[], None]


@dataclass(frozen=True)
class Choice:
    """One way to use the network, and how many of the images it then gets right.

    Attributes
    ----------
    network
        The architecture with its normalisation.
    normalizer, class_order
        What they are called in the table.
    order
        The output for each class; () where outputs and classes are in the same order.
    correct, count
        Of labelled images.
    """

    network: NetworkSpec
    normalizer: str
    class_order: str
    order: Order
    correct: int
    count: int

    @property
    def accuracy(self) -> float:
        """The share of images it gets right."""
        return self.correct / max(1, self.count)

    @property
    def error(self) -> float:
        """The standard error of the accuracy; not 0 where all or none are right."""
        right, count = self.correct + 1, self.count + 2
        return math.sqrt(right * (count - right) / count) / count


@dataclass(frozen=True)
class Decision:
    """All choices that were measured, and which of them is proposed.

    Attributes
    ----------
    choices
        In the order of preference where accuracies are equal.
    best
        The index of the proposed one.
    chance
        The accuracy of guessing.
    near_chance
        Whether no choice is better than guessing.
    """

    choices: tuple[Choice, ...]
    best: int
    chance: float
    near_chance: bool

    @property
    def proposed(self) -> Choice:
        """The choice that is proposed."""
        return self.choices[self.best]

    def tried(self, taken: Choice) -> list[Tried]:
        """Return the table for the record of an import, with the choice that was taken."""
        return [
            Tried(one.normalizer, one.class_order, one.correct, one.count, one is taken)
            for one in self.choices
        ]


def decide(
    found: Found,
    images: ImageSet,
    *,
    device: torch.device | str = "cpu",
    most: int = MOST_IMAGES,
    progress: Progress | None = None,
    check_cancelled: Check | None = None,
) -> Decision:
    """Measure a found network on labelled images with every normaliser and order of classes.

    Parameters
    ----------
    found
        From :func:`engine.networks.opening.finding.find` with the shape of these images.
    images
        Test images are used, and training images where there are fewer than ``most``.
    most
        Images that are measured at most.
    progress
        Called with the passes done and their number.
    check_cancelled
        Called before every batch; may raise.

    Raises
    ------
    SpecError
        If the network cannot take these images, has fewer outputs than they have classes, or no
        image has a label.
    """
    pixels, labels = _sample(images, most)
    known = orders(images.classes, found.classes, found.said.classes)
    if not known:
        raise SpecError(
            f"the network has {found.classes} outputs, the images have {images.class_count} classes"
        )
    readings = readings_of(found, images)
    measured: list[tuple[NetworkSpec, str, Tensor]] = []
    count, started = len(pixels), time.monotonic()
    total = len(readings) * count
    for number, (label, spec) in enumerate(readings):
        model = built(found, spec, images).to(device)
        parts: list[Tensor] = []
        done = 0
        while done < count:
            if check_cancelled is not None:
                check_cancelled()
            block = torch.from_numpy(pixels[done : min(done + BATCH, count)]).to(device)
            with torch.no_grad():
                parts.append(model(layout(as_unit(block))).float().cpu())
            done += len(block)
            if number == 0 and done == len(block):
                started = time.monotonic()  # the first batch takes longer, as memory is prepared
            elif number == 0 and done <= 3 * BATCH:
                seconds = (time.monotonic() - started) / (done - BATCH)
                count = min(count, max(FEWEST_IMAGES, int(SECONDS / seconds / len(readings))))
                total = len(readings) * count
            if progress is not None:
                progress(number * count + done, total)
        measured.append((spec, label, torch.cat(parts)[:count]))
    return _decided(measured, known, labels[:count], found)


def readings_of(found: Found, images: ImageSet) -> list[tuple[str, NetworkSpec]]:
    """Return the networks to measure with the names of their normalisers, preferred ones first."""
    kinds: list[tuple[str, dict[str, Any]]] = []
    own = found.normalizer
    channels = images.shape[0]
    if own is not None:
        kinds.append(("file", {"normalization": "given", "mean": own.mean, "std": own.std}))
    kinds += [("none", {"normalization": "none"}), ("signed", {"normalization": "signed"})]
    mean, std = _statistics(images)
    kinds.append(("data set", {"normalization": "given", "mean": mean, "std": std}))
    if channels == len(NORMALIZERS["imagenet"][0]):
        kinds.append(("ImageNet", {"normalization": "imagenet"}))
    once: dict[str, NetworkSpec] = {}
    known: set[Any] = set()
    for label, fields in kinds:
        for spec in found.alternatives:
            read = replace(spec, **{"mean": (), "std": (), **fields})
            same = (replace(spec, normalization="none", mean=(), std=()), _constants(read))
            if same not in known:
                known.add(same)
                once[label + _difference(spec, found.network)] = read
    return list(once.items())


def built(found: Found, spec: NetworkSpec, images: ImageSet) -> nn.Module:
    """Return the found network in evaluation mode, with the normalisation of a spec."""
    mean, std = _statistics(images)
    model = build(
        spec,
        shape=images.shape,
        classes=found.classes,
        generator=torch.Generator().manual_seed(0),
        channel_mean=mean,
        channel_std=std,
    )
    state = {f"network.{name}": tensor for name, tensor in found.state.items()}
    model.load_state_dict(state, strict=False)
    if images.shape[1] * images.shape[2] > 1:
        model = model.to(memory_format=torch.channels_last)
    return model.eval().requires_grad_(False)


def _decided(
    measured: Sequence[tuple[NetworkSpec, str, Tensor]],
    known: dict[str, Order],
    labels: Tensor,
    found: Found,
) -> Decision:
    choices = []
    for spec, label, logits in measured:
        predicted = logits.argmax(1)
        for name, order in known.items():
            choices.append(_choice(spec, label, name, order, predicted, labels, found.classes))
    classes = len(next(iter(known.values())))
    chance = 1 / found.classes if found.classes > classes else 1 / classes
    highest = max(choice.accuracy for choice in choices)
    choices += [
        choice
        for choice in _from_confusion(measured, labels, classes, found)
        if choice.accuracy > highest + STANDARD_ERRORS * choice.error
    ]
    best = max(range(len(choices)), key=lambda k: (choices[k].accuracy, -k))
    if choices[0].normalizer == "file" and choices[best].normalizer != "file":
        best = _kept(choices, best)
    return Decision(tuple(choices), best, chance, _is_chance(choices[best], chance))


def _kept(choices: list[Choice], best: int) -> int:
    """Return the best choice with the file's normaliser, unless another is clearly better."""
    own = max(
        (k for k, one in enumerate(choices) if one.normalizer == "file"),
        key=lambda k: (choices[k].accuracy, -k),
    )
    lead = choices[best].accuracy - choices[own].accuracy
    return best if lead > 2 * choices[best].error else own


def _choice(
    spec: NetworkSpec,
    label: str,
    name: str,
    order: Order,
    predicted: Tensor,
    labels: Tensor,
    outputs: int,
) -> Choice:
    meant = torch.tensor(order)[labels]
    plain = order == tuple(range(len(order)))
    correct = int((predicted == meant).sum())
    return Choice(spec, label, name, () if plain else order, correct, len(labels))


def _from_confusion(
    measured: Sequence[tuple[NetworkSpec, str, Tensor]],
    labels: Tensor,
    classes: int,
    found: Found,
) -> list[Choice]:
    """Return choices with the order that half of the images shows, measured on the other half."""
    choices = []
    first, second = labels[0::2], labels[1::2]
    for spec, label, logits in measured:
        predicted = logits.argmax(1)
        votes = torch.zeros(classes, found.classes)
        votes.index_put_((first, predicted[0::2]), torch.ones(len(first)), accumulate=True)
        order = tuple(votes.argmax(1).tolist())
        if len(set(order)) == classes and bool((votes.sum(1) >= 3).all()):
            choice = _choice(
                spec, label, FOUND_ORDER, order, predicted[1::2], second, found.classes
            )
            choices.append(choice)
    return choices


def _is_chance(best: Choice, chance: float) -> bool:
    """Return whether a guessing network has as many right in at least one of a thousand samples."""
    by_chance = float(bdtrc(best.correct - 1, best.count, chance)) if best.correct else 1.0
    # Of a handful of images even all that are right come about by chance, but not near guessing.
    return by_chance > GUESSED and best.accuracy - chance <= (1 - chance) / 2


def _sample(images: ImageSet, most: int) -> tuple[NDArray[Any], Tensor]:
    """Return labelled images drawn with seed 0: test images, then training images if they are few.

    A network from elsewhere has learned from neither.
    """
    pixels: list[NDArray[Any]] = []
    labels: list[NDArray[np.int64]] = []
    count = 0
    for block, known in (
        (images.test_images, images.test_labels),
        (images.train_images, images.train_labels),
    ):
        labelled = np.flatnonzero(known >= 0)
        drawn = np.random.default_rng(0).permutation(labelled)[: most - count]
        if len(drawn):
            pixels.append(block[drawn])
            labels.append(known[drawn])
            count += len(drawn)
    if not count:
        raise SpecError("no image has a label, which is needed to measure an accuracy")
    return np.concatenate(pixels), torch.from_numpy(np.concatenate(labels))


def _statistics(images: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of every channel in [0, 1], over at most 5,000 images."""
    pixels = images.train_images if len(images.train_images) else images.test_images
    step = max(1, len(pixels) // 5000)
    block = as_unit(torch.from_numpy(np.array(pixels[::step][:5000])))
    mean, std = block.mean((0, 2, 3)), block.std((0, 2, 3))
    return (
        tuple(float(f"{one:.4g}") for one in mean.tolist()),
        tuple(float(f"{max(one, 1 / 255):.4g}") for one in std.tolist()),
    )


def _constants(spec: NetworkSpec) -> Any:
    if spec.constants is not None:
        mean, std = spec.constants
        return tuple(round(one, 3) for one in (*mean, *std))
    return spec.normalization


def _difference(spec: NetworkSpec, first: NetworkSpec) -> str:
    """Return what distinguishes an alternative network, such as ", silu"; "" for the first."""
    names = ("activation", "shortcut", "padding")
    values = [
        str(getattr(spec, name))
        for name in names
        if getattr(spec, name, None) != getattr(first, name, None)
    ]
    return ", " + " and ".join(values) if values else ""
