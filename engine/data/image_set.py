"""The common form of all image sets: arrays in memory, and remarks from reading them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    """Training and test images in memory, as read-only arrays.

    Parameters
    ----------
    train_images, test_images
        (N, C, H, W) of the same C, H, W; uint8, or float32 in [0, 1] where 256 levels are too
        coarse (the points of the plane).
    train_labels, test_labels
        (N,) int64, indices into ``classes``; -1 where an image has no label.
    classes
        Names of the classes. If empty, no image has a label and all images are test images.
    train_files, test_files
        Relative posix paths, one per image; empty if the images do not come from files.
    skipped
        Files that were left out.
    notes
        Sentences on the rules that were applied and on what looks odd.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """

    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...] = ()
    train_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_part("train", self.train_images, self.train_labels, self.train_files)
        _check_part("test", self.test_images, self.test_labels, self.test_files)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise ValueError(
                f"train_images are {self.train_images.shape[1:]} and test_images "
                f"{self.test_images.shape[1:]}, must be of one shape"
            )
        for name in ("train_images", "train_labels", "test_images", "test_labels"):
            # Make only a view read-only; the caller's array stays writeable.
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.test_images.shape[1:]
        return channels, height, width

    @property
    def class_count(self) -> int:
        """Number of classes; 0 if no image has a label."""
        return len(self.classes)

    @cached_property
    def channel_mean(self) -> NDArray[np.float64]:
        """Mean of every channel over the training images, (C,) in [0, 1].

        Where there are no training images it is the mean over the test images.
        """
        images = self.train_images if len(self.train_images) else self.test_images
        mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
        return np.asarray(mean / 255.0 if images.dtype == np.uint8 else mean)


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
