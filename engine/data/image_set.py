"""The common form of all image sets: arrays in memory, and remarks from reading them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.selection import split
from engine.memory import move_rows, own_bytes

PARTS = ("train", "test", "validation")


@dataclass(frozen=True)
class Skipped:
    """A file that was skipped, and the reason.

    Parameters
    ----------
    path
        Relative to the dropped folder or archive, with forward slashes.
    reason
        A short phrase for the user, such as "not an image".
    """

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """Training, test and validation images in memory, as read-only arrays.

    Parameters
    ----------
    train_images, test_images, validation_images
        (N, C, H, W) of the same C, H, W; uint8, or float32 in [0, 1] where 256 levels are too
        coarse (the points of the plane).
        Validation images are not among the training images; without any, N is 0.
    train_labels, test_labels, validation_labels
        (N,) int64, indices into ``classes``; -1 where an image has no label.
    classes
        Names of the classes. If empty, no image has a label and all images are test images.
    train_files, test_files, validation_files
        Relative posix paths, one per image; empty if the images do not come from files.
    skipped
        Files that were left out.
    notes
        Sentences on the rules that were applied and on what looks odd, alarms first.
    scale
        Sentences on which values became black and white; empty if the images are no files.
    alarms
        The notes that say how the images of a class are stored unlike the others.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """

    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    validation_images: NDArray[Any] = field(
        default_factory=lambda: np.zeros((0, 0, 0, 0), np.uint8)
    )
    validation_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    classes: tuple[str, ...] = ()
    train_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    validation_files: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.validation_images):
            object.__setattr__(self, "validation_images", self.train_images[:0])
        for part in PARTS:
            self._check(part)
        for name in (f"{part}_{what}" for part in PARTS for what in ("images", "labels")):
            # Make only a view read-only; the caller's array stays writeable.
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def _check(self, part: str) -> None:
        images, labels, files = (
            getattr(self, f"{part}_{what}") for what in ("images", "labels", "files")
        )
        _check_part(part, images, labels, files)
        if images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(
                f"{part}_images are {images.shape[1:]} and test_images "
                f"{self.test_images.shape[1:]}, must be of one shape"
            )

    def held_out(self, fraction: float, seed: int, *, in_place: bool = False) -> ImageSet:
        """Return the set with a fraction of every class moved from training to validation.

        The images that remain keep their order, and so do those that are moved. A set that has
        validation images already, or no training images, or a fraction of 0, stays as it is.

        Parameters
        ----------
        in_place
            Rearrange the pixels of this set, which must not be used any more, without a copy.
        """
        if not fraction or len(self.validation_images) or not len(self.train_images):
            return self
        keys = self.train_files or [str(k) for k in range(len(self.train_labels))]
        labels = self.train_labels.tolist()
        kept, held = split(keys, labels, fraction=fraction, seed=seed, purpose="validation")
        files = self.train_files
        pixels = _rearranged(self.train_images, np.array([*kept, *held]), in_place)
        return replace(
            self,
            train_images=pixels[: len(kept)],
            train_labels=self.train_labels[kept],
            train_files=tuple(files[k] for k in kept) if files else (),
            validation_images=pixels[len(kept) :],
            validation_labels=self.train_labels[held],
            validation_files=tuple(files[k] for k in held) if files else (),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.test_images.shape[1:]
        return channels, height, width

    @property
    def nbytes(self) -> int:
        """Size of the pixels in bytes, wherever they lie."""
        return sum(int(getattr(self, f"{part}_images").nbytes) for part in PARTS)

    @property
    def own_bytes(self) -> int:
        """Bytes of the process's memory that the pixels take; 0 if they are mapped from a file."""
        return sum(own_bytes(getattr(self, f"{part}_images")) for part in PARTS)

    @property
    def class_count(self) -> int:
        """Number of classes; 0 if no image has a label."""
        return len(self.classes)

    @property
    def counts(self) -> str:
        """The numbers of images by part, in words."""
        parts = (self.train_images, "training"), (self.validation_images, "validation")
        others = [f"{len(images):,} {name}" for images, name in parts if len(images)]
        count = len(self.test_images)
        test = "1 test image" if count == 1 else f"{count:,} test images"
        return " and ".join(filter(None, [", ".join(others), test]))

    @cached_property
    def channel_mean(self) -> NDArray[np.float64]:
        """Mean of every channel over the training images, (C,) in [0, 1].

        Where there are no training images it is the mean over the test images.
        """
        images = self.train_images if len(self.train_images) else self.test_images
        mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
        return np.asarray(mean / 255.0 if images.dtype == np.uint8 else mean)


def _rearranged(images: NDArray[Any], order: NDArray[np.int64], in_place: bool) -> NDArray[Any]:
    """Return images in another order; a read-only array is copied, also in place."""
    if in_place:
        own = images.view()
        try:
            own.flags.writeable = True
        except ValueError:
            return images[order]
        move_rows(own, order)
        return own
    return images[order]


def _check_part(
    part: str, images: NDArray[Any], labels: NDArray[np.int64], files: tuple[str, ...]
) -> None:
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"{part}_images are {images.dtype} of shape {images.shape}, "
            "must be uint8 or float32 of shape (N, C, H, W)"
        )
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{part}_labels are {labels.dtype} of shape {labels.shape}, "
            f"must be int64 of shape ({len(images)},)"
        )
    if files and len(files) != len(images):
        raise ValueError(f"{part}_files name {len(files)} files, must name {len(images)}")
