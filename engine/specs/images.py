"""Specs of images and networks: what is looked at, and what looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.schema import Spec, SpecError, param

Channels = Literal["rgb", "grey"]
ImageFit = Literal["resize", "crop", "pad"]
Beyond = Literal["clip", "skip"]
DEPTH_HELP = (
    "Bits in use in 16-bit files: 12 makes 4095 white. Settled over all files when images are "
    "added; empty: there are none, or they use all 16"
)
BLACK_HELP = (
    "The value that becomes black in files of floating-point, 32-bit or signed numbers. Settled "
    "over all files when images are added; empty: there are none, or each by its own values"
)
WHITE_HELP = "The value that becomes white in those files"
BEYOND_HELP = (
    "What becomes of a file with values further beyond depth or range than these are wide: clip "
    "its values, or skip the file and list it. Values a little beyond are always clipped"
)
VALIDATION_HELP = (
    "Share of the training images that is held out of training, class by class; curves, alarms and "
    "the best epoch are then taken from it. A folder val/ beside train/ and test/ is that part. "
    "0: none, and the curves are of test images"
)


@dataclass(frozen=True, kw_only=True)
class ImagesSpec(Spec, recorded=True):
    """A set of training and test images, and maybe of validation images."""

    validation: float = param(
        0.0,
        low=0.0,
        high=0.5,
        label="validation part",
        help=VALIDATION_HELP,
    )

    @property
    def drawn_by(self) -> int:
        """The seed that draws the validation part."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Glyphs(ImagesSpec, kind="glyphs", label="Glyphs (built in)"):
    """Digits drawn by the program from eight smooth factors; 28x28, one channel."""

    train: int = param(3000, low=10, high=200_000, label="training images")
    test: int = param(1000, low=10, high=50_000, label="test images")
    variation: float = param(1.0, low=0.0, high=1.5, help="How far every drawing factor may vary")
    seed: int = param(0, low=0)

    @property
    def drawn_by(self) -> int:
        return self.seed

    @property
    def title(self) -> str:
        return f"Glyphs, {self.train:,} + {self.test:,}"


@dataclass(frozen=True, kw_only=True)
class StoredImages(ImagesSpec):
    """Images that lie in files; the digest says which, the study knows where."""

    name: str = param(label="name", help="The name of the folder or archive")
    digest: str = param(label="content hash", help="Hash over the relative paths and bytes")
    max_train: int | None = param(None, low=1, label="training images at most")
    max_test: int | None = param(None, low=1, label="test images at most")
    split_seed: int = param(0, low=0, label="split seed", help="Draws the split and the subsets")

    @property
    def drawn_by(self) -> int:
        return self.split_seed

    @property
    def title(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class FolderImages(StoredImages, kind="folder", label="Image folder"):
    """A folder (or zip, or tar) of image files: <class>/..., train/ and test/, or flat."""

    image_size: int = param(32, low=2, high=1024, label="side", unit="px")
    channels: Channels = param("rgb")
    fit: ImageFit = param("resize", help="How an image of another shape becomes square")
    test_fraction: float = param(
        0.2,
        low=0.0,
        high=1.0,
        help="Where the folder has no test/; 1: all, none are left to train on",
    )
    bit_depth: int | None = param(None, low=1, high=16, label="bit depth", help=DEPTH_HELP)
    black: float | None = param(None, label="black at", help=BLACK_HELP)
    white: float | None = param(None, label="white at", help=WHITE_HELP)
    beyond: Beyond = param("clip", label="far beyond", help=BEYOND_HELP)

    def check(self) -> None:
        if (self.black is None) != (self.white is None):
            missing = "black" if self.black is None else "white"
            raise SpecError(f"{missing} is missing: black and white are given both, or neither")
        if self.black is not None and self.white is not None and self.white <= self.black:
            raise SpecError(f"white is {self.white:g}, must be above black, {self.black:g}")


@dataclass(frozen=True, kw_only=True)
class IdxImages(StoredImages, kind="idx", label="MNIST files"):
    """A folder with the four files of MNIST or Fashion-MNIST (idx format, gzip or plain)."""

    held_out: int = param(
        0,
        low=0,
        label="first images held out",
        help="So many images at the beginning of the training file are not used; "
        "the released code holds out 5,000",
        faithful=5000,
    )


@dataclass(frozen=True, kw_only=True)
class Gaussians2D(ImagesSpec, kind="gaussians_2d", label="Two Gaussians in the plane"):
    """The paper's 2-D data: two thin Gaussians, as images of two channels and one pixel.

    Coordinates are scaled together to [-1, 1] as in the paper and stored in [0, 1] units.
    Source: Kim, Seo, Jeon 2019, boundary tilting experiment.
    """

    per_class: int = param(3000, low=10, high=100_000, label="points per class")
    seed: int = param(0, low=0, high=2**32 - 1)  # what numpy's RandomState takes

    @property
    def drawn_by(self) -> int:
        return self.seed
