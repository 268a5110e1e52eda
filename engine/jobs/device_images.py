"""Image sets as tensors on the device, shared between computations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.images import load
from engine.devices.wide import wide
from engine.jobs.context import Cache, Context
from engine.memory import blocks, scratch_in
from engine.networks.gradients import as_unit
from engine.specs import ImagesSpec
from engine.specs.schema import SpecError
from engine.store.study import Result

PROBES = 8
THUMBNAILS = 64
STATISTICS_IMAGES = 5000  # in a block, at most; with fewer, the sums of small images would change
Part = tuple[Tensor, Tensor]
"""Images (N, C, H, W) and their labels, int64 (N,)."""


@dataclass(frozen=True)
class DeviceImages:
    """An image set as tensors on the device.

    Attributes
    ----------
    train, test, validation
        (N, C, H, W); uint8 for images, float32 in [0, 1] for points of the plane. N of the
        validation part is 0 if the spec asks for none.
    train_labels, test_labels, validation_labels
        int64 (N,); -1 where unlabelled.
    channel_mean, channel_std
        float32 (C,), of the training images, in [0, 1].
    classes
        Number of classes.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    channel_mean: Tensor
    channel_std: Tensor
    classes: int

    @property
    def tested(self) -> Part:
        """The test images, for final numbers."""
        return self.test, self.test_labels

    @property
    def watched(self) -> Part:
        """The images behind curves, alarms and choices: validation images, else test images."""
        return (self.validation, self.validation_labels) if len(self.validation) else self.tested

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.test.shape[1:]
        return int(channels), int(height), int(width)

    @property
    def nbytes(self) -> int:
        """Size of the images in bytes."""
        return self.train.nbytes + self.test.nbytes + self.validation.nbytes


def image_set(context: Context, spec: ImagesSpec) -> ImageSet:
    """Return the image set of a spec; load it once for all computations that need it."""

    def make() -> ImageSet:
        with scratch_in(context.study.path / "checkpoints"):
            return load(
                spec,
                context.study.locate,
                progress=lambda done, total: context.progress(done, total, "images"),
                check_cancelled=context.check_cancelled,
            )

    return context.shared(_shared_name(spec), make, lambda made: made.own_bytes)


def share_images(cache: Cache, spec: ImagesSpec, images: ImageSet) -> None:
    """Put images that are already in memory into the cache, so that no file is read again."""
    cache.put(_shared_name(spec), images, images.own_bytes)


def _shared_name(spec: ImagesSpec) -> str:
    return f"images/{spec.key}"


def device_images(context: Context, spec: ImagesSpec) -> DeviceImages:
    """Return the image set of a spec on the context's device.

    On a CPU the tensors are the image set's own arrays: the pixels lie in memory once.
    """

    def make() -> DeviceImages:
        images = image_set(context, spec)

        def put(array: NDArray[Any]) -> Tensor:
            return _as_tensor(array).to(context.device)

        train, test = put(images.train_images), put(images.test_images)
        mean, std = _channel_statistics(train if len(train) else test)
        return DeviceImages(
            train=train,
            train_labels=put(images.train_labels),
            test=test,
            test_labels=put(images.test_labels),
            validation=put(images.validation_images),
            validation_labels=put(images.validation_labels),
            channel_mean=mean,
            channel_std=std,
            classes=images.class_count,
        )

    def size(made: DeviceImages) -> int:
        return 0 if context.device.type == "cpu" else made.nbytes

    return context.shared(f"tensors/{spec.key}", make, size)


def trainable(context: Context, spec: ImagesSpec) -> DeviceImages:
    """Return the images of a spec; raise :class:`SpecError` if no training is possible."""
    images = tested(context, spec)
    if len(images.train) == 0:
        raise SpecError(f"images {spec.title!r} have no training images; at least one is needed")
    return images


def tested(context: Context, spec: ImagesSpec) -> DeviceImages:
    """Return the images of a spec; raise :class:`SpecError` if no accuracy can be measured."""
    images = device_images(context, spec)
    if images.classes < 2:
        found = "no labels" if images.classes == 0 else "one class only"
        raise SpecError(f"images {spec.title!r} have {found}; training needs at least two classes")
    if len(images.test) == 0:
        raise SpecError(f"images {spec.title!r} have no test images; at least one is needed")
    return images


def layout(images: Tensor) -> Tensor:
    """Return the images in channels-last memory order, in which convolutions are fastest."""
    if images.shape[-1] * images.shape[-2] == 1:
        return images
    return images.to(memory_format=torch.channels_last)


def probe_indices(labels: Tensor | NDArray[np.int64], count: int = PROBES) -> list[int]:
    """Return image indices that cycle through the classes: first images first, then second ones."""
    order: list[tuple[int, int, int]] = []
    seen: dict[int, int] = {}
    for index, label in enumerate(labels.tolist()):
        round_ = seen.get(label, 0)
        seen[label] = round_ + 1
        order.append((round_, label, index))
        if len(order) > 50 * count:
            break
    return [index for _, _, index in sorted(order)[:count]]


def describe_images(spec: ImagesSpec, context: Context) -> Result:
    """Compute an images record: counts, classes, split by file, what was skipped, thumbnails."""
    images = image_set(context, spec)
    chosen = probe_indices(torch.from_numpy(np.array(images.test_labels)), THUMBNAILS)
    channels, height, width = images.shape
    return Result(
        numbers={
            "train_images": len(images.train_images),
            "test_images": len(images.test_images),
            "validation_images": len(images.validation_images),
            "classes": images.class_count,
            "channels": channels,
            "height": height,
            "width": width,
            "skipped": len(images.skipped),
        },
        arrays={
            "train_labels": images.train_labels,
            "test_labels": images.test_labels,
            "validation_labels": images.validation_labels,
            "thumbnails": images.test_images[chosen],
            "channel_mean": np.asarray(images.channel_mean, dtype=np.float32),
        },
        documents={
            "classes": list(images.classes),
            "train_files": list(images.train_files),
            "test_files": list(images.test_files),
            "validation_files": list(images.validation_files),
            "skipped": [[item.path, item.reason] for item in images.skipped],
            "notes": list(images.notes),
            "scale": list(images.scale),
            "alarms": list(images.alarms),
        },
    )


class _Lent:
    """A read-only array as one that torch takes without a copy; nothing writes to image sets."""

    def __init__(self, array: NDArray[Any]):
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
        self.array = array  # keeps the memory alive as long as a tensor uses it


def _as_tensor(array: NDArray[Any]) -> Tensor:
    """Return a tensor on an array's memory; torch warns of read-only arrays and has none."""
    return torch.from_numpy(np.asarray(_Lent(np.ascontiguousarray(array))))


def _channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation per channel in [0, 1], summed in float64 by blocks.

    Images of 32 x 32 in colour and smaller ones are summed 5,000 at a time, as they always were;
    larger ones in blocks of bounded bytes. The order of the sums concerns the last digits of
    float64, which are beyond those of the float32 results.
    """
    total = torch.zeros(images.shape[1], dtype=torch.float64, device=wide(images[:0]).device)
    squares = torch.zeros_like(total)
    each = 8 * images[:1].numel()  # as float64
    for part in blocks(len(images), each, most=STATISTICS_IMAGES):
        pixels = wide(as_unit(images[part]))
        total += pixels.sum((0, 2, 3))
        squares += pixels.square_().sum((0, 2, 3))
    count = max(1, images.numel() // images.shape[1])
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(1e-12).sqrt()
    return mean.float().to(images.device), std.float().to(images.device)
