"""Find the data sets that presets name, and download them with torchvision.

Data sets are downloaded only when the user asks for it with ``run --download``. MNIST and
Fashion-MNIST are stored as their four files, CIFAR-10 as a folder of PNG images. Nothing else in
the program uses the network.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from engine.data.images import data_folder
from engine.specs.schema import SpecError

ENDINGS = ("", ".zip", ".tar.gz", "-images.tar.gz", "-images.zip")


def find_data(path: str, *, download: bool = False) -> Path:
    """Return a path if it exists; else look it up in the data folders, and download if allowed.

    The data folders are :func:`engine.data.images.data_folder` and :func:`own_folder`. There, the
    path may also have one of the ``ENDINGS`` of archives.

    Raises
    ------
    SpecError
        If the path is found nowhere, and was not or could not be downloaded.
    """
    if Path(path).exists():
        return Path(path)
    for folder in (data_folder(), own_folder()):
        for ending in ENDINGS:
            if (place := folder / f"{path}{ending}").exists():
                return place
    if download:
        return fetch(path, Path(os.environ.get("ISTHMUS_DATA") or own_folder()))
    raise SpecError(
        f"path is {path!r}, which is neither here nor in the folder that ISTHMUS_DATA names; set "
        "it, name a folder with --images, or let --download fetch it"
    )


def own_folder() -> Path:
    """Return the folder for the program's downloads."""
    return Path(platformdirs.user_data_dir("Isthmus", appauthor=False)) / "data"


def fetch(name: str, folder: Path) -> Path:
    """Download a data set that a preset names; return its path.

    Parameters
    ----------
    name
        A key of :data:`DOWNLOADS`.
    folder
        The parent folder of the data set's folder; created if it is missing.

    Raises
    ------
    SpecError
        If the name is unknown, or the download failed; existing files are not changed.
    """
    if name not in DOWNLOADS:
        known = ", ".join(DOWNLOADS)
        raise SpecError(f"path is {name!r}; only {known} can be downloaded")
    place = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as partial:
            DOWNLOADS[name](Path(partial)).rename(place)
    except (OSError, RuntimeError) as error:
        raise SpecError(f"{name} cannot be downloaded to {folder}: {error}") from error
    return place


def _idx(kind: str) -> Callable[[Path], Path]:
    def get(partial: Path) -> Path:
        from torchvision import datasets

        getattr(datasets, kind)(partial, download=True)
        raw = partial / kind / "raw"
        for unpacked in [path for path in raw.iterdir() if path.suffix != ".gz"]:
            unpacked.unlink()
        return raw

    return get


def _cifar10(partial: Path) -> Path:
    from torchvision import datasets

    images = partial / "images"
    for part, train in (("train", True), ("test", False)):
        found = datasets.CIFAR10(partial, train=train, download=True)
        _write_images(images / part, found.data, found.targets, found.classes)
    for other in [path for path in partial.iterdir() if path != images]:
        shutil.rmtree(other) if other.is_dir() else other.unlink()
    return images


def _write_images(
    folder: Path, pixels: Iterable[Any], labels: Iterable[int], classes: Sequence[str]
) -> None:
    from PIL import Image

    for name in classes:
        (folder / name).mkdir(parents=True)
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(image).save(folder / classes[label] / f"{index:05}.png")


DOWNLOADS: dict[str, Callable[[Path], Path]] = {
    "mnist": _idx("MNIST"),
    "fashion-mnist": _idx("FashionMNIST"),
    "cifar10": _cifar10,
}
