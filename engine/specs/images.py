"""Specs of images and networks: what is looked at, and what looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.schema import Spec, param

Channels = Literal["rgb", "grey"]
Fit = Literal["resize", "crop", "pad"]


@dataclass(frozen=True, kw_only=True)
class ImagesSpec(Spec, recorded=True):
    """A set of training and test images."""


@dataclass(frozen=True, kw_only=True)
class Glyphs(ImagesSpec, kind="glyphs", label="Glyphs (built in)"):
    """Digits drawn by the program from eight smooth factors; 28x28, one channel."""

    train: int = param(3000, low=10, high=200_000, label="training images")
    test: int = param(1000, low=10, high=50_000, label="test images")
    variation: float = param(1.0, low=0.0, high=1.5, help="How far every drawing factor may vary")
    seed: int = param(0, low=0)

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
    def title(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class FolderImages(StoredImages, kind="folder", label="Image folder"):
    """A folder (or zip, or tar) of image files: <class>/..., train/ and test/, or flat."""

    image_size: int = param(32, low=2, high=1024, label="side", unit="px")
    channels: Channels = param("rgb")
    fit: Fit = param("resize", help="How an image of another shape becomes square")
    test_fraction: float = param(0.2, low=0.0, high=0.9, help="Where the folder has no test/")


@dataclass(frozen=True, kw_only=True)
class IdxImages(StoredImages, kind="idx", label="MNIST files"):
    """A folder with the four files of MNIST or Fashion-MNIST (idx format, gzip or plain)."""


@dataclass(frozen=True, kw_only=True)
class Gaussians2D(ImagesSpec, kind="gaussians_2d", label="Two Gaussians in the plane"):
    """The paper's 2-D data: two thin Gaussians, as images of two channels and one pixel.

    Coordinates are scaled together to [-1, 1] as in the paper and stored in [0, 1] units.
    Source: Kim, Seo, Jeon 2019, boundary tilting experiment.
    """

    per_class: int = param(3000, low=10, high=100_000, label="points per class")
    seed: int = param(0, low=0, high=2**32 - 1)  # what numpy's RandomState takes


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """An architecture; its first layer normalises images of [0, 1]."""

    normalization: Literal["signed", "none", "per_channel"] = param(
        "signed", help="signed: to [-1, 1] as in the paper; per_channel: by training statistics"
    )


@dataclass(frozen=True, kw_only=True)
class SmallCNN(NetworkSpec, kind="small_cnn", label="Small CNN"):
    """Two strided 5x5 convolutions and one hidden layer: seconds per training on a CPU."""

    width: int = param(16, low=2, high=512, help="Channels of the first convolution")
    hidden: int = param(64, low=2, high=4096, help="Units of the hidden layer")


@dataclass(frozen=True, kw_only=True)
class PaperMnistCNN(NetworkSpec, kind="paper_mnist_cnn", label="Paper's MNIST network"):
    """conv5x5-32, conv5x5-64, maxpool2, dense 1024, dense K. Source: Kim, Seo, Jeon 2019."""


@dataclass(frozen=True, kw_only=True)
class PaperCifarCNN(NetworkSpec, kind="paper_cifar_cnn", label="Paper's CIFAR-10 network"):
    """conv3x3-32 twice, maxpool2, conv3x3-64 twice, maxpool2, dense 512, dense K.

    Source: Kim, Seo, Jeon 2019.
    """


@dataclass(frozen=True, kw_only=True)
class PaperMLP(NetworkSpec, kind="paper_mlp", label="Paper's 2-D network"):
    """dense 128, dense K. Source: Kim, Seo, Jeon 2019."""


@dataclass(frozen=True, kw_only=True)
class ResNet18(NetworkSpec, kind="resnet18", label="ResNet-18"):
    """torchvision's ResNet-18; up to 64 px the first layer is 3x3 stride 1 without pooling."""
