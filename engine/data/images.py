"""Read image sets: from a dropped path (:func:`ingest`) or from a spec (:func:`load`).

A set's digest is a hash over the relative paths and the bytes of its image files. It is the same
for a folder and an archive of it, and does not depend on their location.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.cache import ImageCache, wish_of
from engine.data.folders import LARGEST_DEFAULT, digest_of, no_image, read_folder, read_new, settled
from engine.data.idx import CAP as IDX_CAP
from engine.data.idx import parse_idx, unpack_idx
from engine.data.image_set import ImageSet, Skipped
from engine.data.remarks import class_remarks
from engine.data.safety.apart import left_behind_on_cancel
from engine.data.scan import IDX_NAMES, Found, lacking_idx, lay_out, open_source, unsupported
from engine.data.selection import subset
from engine.data.sources import (
    Check,
    ImagesError,
    OnProgress,
    Places,
    Source,
    UnreadableFile,
    never,
    silent,
)
from engine.program import ROOT
from engine.specs.images import (
    Beyond,
    Channels,
    FolderImages,
    Gaussians2D,
    Glyphs,
    IdxImages,
    ImageFit,
    ImagesSpec,
    StoredImages,
)
from engine.specs.proposals import PART, validation_for
from engine.specs.schema import fields_of

__all__ = ["IMAGES", "ImageSet", "ImagesError", "Skipped", "data_folder", "ingest", "load"]

Locate = Callable[[str], Places]


def data_folder() -> Path:
    """Return the folder with real data for tests and measurements; it may not exist.

    The environment variable ISTHMUS_DATA sets it; the default is ../shared/data from the project's
    root.
    """
    beside = ROOT.parent / "shared" / "data"
    return Path(os.environ.get("ISTHMUS_DATA") or beside)


@left_behind_on_cancel
def ingest(
    places: Places,
    *,
    image_size: int | None = None,
    largest: int = LARGEST_DEFAULT,
    channels: Channels | None = None,
    fit: ImageFit = "resize",
    test_fraction: float = 0.2,
    split_seed: int = 0,
    max_train: int | None = None,
    max_test: int | None = None,
    validation: float | None = 0.0,
    bit_depth: int | None = None,
    black: float | None = None,
    white: float | None = None,
    beyond: Beyond = "clip",
    progress: OnProgress | None = None,
    check_cancelled: Check | None = None,
    cache: ImageCache | None = None,
) -> tuple[StoredImages, ImageSet]:
    """Detect which kind of images a dropped path holds, and read them.

    Parameters
    ----------
    places
        A folder, an archive or an image file; or several folders and image files.
    image_size
        Side in pixels. If None, use the median of the shorter sides of a sample, but at most
        ``largest``; for small square images of one size this is their size.
    channels
        If None, use grey if all images are grey, else RGB.
    fit, test_fraction, split_seed, max_train, max_test, validation
        As in :class:`engine.specs.images.FolderImages`. If ``validation`` is None, use what
        :func:`engine.specs.proposals.validation_for` proposes for that many images.
    bit_depth, black, white, beyond
        As in :class:`engine.specs.images.FolderImages`. What is None is settled over all files that
        need it, by :func:`engine.data.values.decided`.
    progress
        Called with the number of files done and their total, or 0 while the total is not known.
    check_cancelled
        Called often, on this thread and the one that reads; may raise to stop at once.
    cache
        The cache to look up the set in, and to store it in after reading.

    Returns
    -------
    The spec, and the image set that :func:`load` returns for it.

    Raises
    ------
    ImagesError
        If the path does not exist, is empty or damaged, or has no readable image.
    SpecError
        If an option has a value that is not allowed.
    """
    check, report = check_cancelled or never, progress or silent
    rules = {
        "fit": fit,
        "test_fraction": test_fraction,
        "max_train": max_train,
        "max_test": max_test,
        "split_seed": split_seed,
        "bit_depth": bit_depth,
        "black": black,
        "white": white,
        "beyond": beyond,
    }
    shape = (image_size, channels, largest)

    def read() -> tuple[StoredImages, ImageSet]:
        with closing(open_source(places, check, report)) as source:
            found = lay_out(source.listing)
            # A validation folder is used whenever a part is asked for, however large.
            asked = float(bool(found.validation)) * PART if validation is None else validation
            fields = {**rules, "validation": asked}
            spec, images = _read_found(source, found, places, shape, fields, check, report)
        if validation is None and not found.validation:
            spec = spec.replace("validation", validation_for(len(images.train_images)))
        return spec, images.held_out(spec.validation, spec.drawn_by, in_place=True)

    if cache is None:
        return read()
    wish = {"shape": shape, "validation": validation, **rules}
    return cache.recall(places, wish, read, check)


def options_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the fields of images that are options of :func:`ingest`."""
    own = {"places", "progress", "check_cancelled", "cache"}
    known = set(inspect.signature(ingest).parameters) - own
    return {name: value for name, value in fields.items() if name in known}


def _read_found(
    source: Source,
    found: Found,
    places: Places,
    shape: tuple[int | None, Channels | None, int],
    rules: dict[str, Any],
    check: Check,
    report: OnProgress,
) -> tuple[StoredImages, ImageSet]:
    """Read the images; ``rules`` are fields of a FolderImages spec, or of an IdxImages."""
    if found.idx:
        known = {item.name for item in fields_of(IdxImages)}
        limits = {name: value for name, value in rules.items() if name in known}
        idx = IdxImages(name=found.name, digest="", **limits)
        digest, images = _read_idx(source, found, idx)
        return idx.replace("digest", digest), images
    _require_images(found, places)
    side, colours = settled(source, found, *shape)
    spec = FolderImages(name=found.name, digest="", image_size=side, channels=colours, **rules)
    return read_new(source, found, spec, shape[1] is None, check, report)


def load(
    spec: ImagesSpec,
    locate: Locate,
    *,
    progress: OnProgress | None = None,
    check_cancelled: Check | None = None,
    cache: ImageCache | None = None,
) -> ImageSet:
    """Return the images of a spec.

    Parameters
    ----------
    locate
        Returns the path or paths of the files with a digest.
    progress, check_cancelled, cache
        As in :func:`ingest`.

    Raises
    ------
    ImagesError
        If the files are not readable, or have another digest than the spec.
    """
    report = progress or silent
    if not isinstance(spec, StoredImages):
        return _made(spec, locate, check_cancelled or never, report)
    return _load_stored(spec, locate, report, cache, check_cancelled=check_cancelled)


def _made(spec: ImagesSpec, locate: Locate, check: Check, report: OnProgress) -> ImageSet:
    images = IMAGES[spec.kind](spec, locate, check, report)
    return images.held_out(spec.validation, spec.drawn_by, in_place=True)


@left_behind_on_cancel
def _load_stored(
    spec: StoredImages,
    locate: Locate,
    report: OnProgress,
    cache: ImageCache | None,
    *,
    check_cancelled: Check | None = None,
) -> ImageSet:
    check = check_cancelled or never
    if cache is None:
        return _made(spec, locate, check, report)

    def read() -> tuple[StoredImages, ImageSet]:
        return spec, _made(spec, locate, check, report)

    return cache.recall(locate(spec.digest), wish_of(spec), read, check)[1]


def _load_folder(
    spec: FolderImages, locate: Locate, check: Check, progress: OnProgress
) -> ImageSet:
    places = locate(spec.digest)
    with closing(open_source(places, check, progress)) as source:
        found = lay_out(source.listing)
        if not found.images:
            raise _changed(spec.name, places)
        digests, images = read_folder(source, found, spec, False, check, progress)
    if spec.digest not in digests:
        raise _changed(spec.name, places)
    return images


def _load_idx(spec: IdxImages, locate: Locate, check: Check, progress: OnProgress) -> ImageSet:
    places = locate(spec.digest)
    with closing(open_source(places, check, progress)) as source:
        found = lay_out(source.listing)
        if not found.idx:
            raise _changed(spec.name, places)
        digest, images = _read_idx(source, found, spec)
    if digest != spec.digest:
        raise _changed(spec.name, places)
    return images


def _load_glyphs(spec: Glyphs, locate: Locate, check: Check, progress: OnProgress) -> ImageSet:
    # Import here because importing torch takes seconds and reading files does not need it.
    from engine.data.glyphs import draw_set

    return draw_set(spec)


def _load_gaussians(
    spec: Gaussians2D, locate: Locate, check: Check, progress: OnProgress
) -> ImageSet:
    from engine.data.gaussians import draw_points

    return draw_points(spec)


IMAGES: dict[str, Callable[[Any, Locate, Check, OnProgress], ImageSet]] = {
    "glyphs": _load_glyphs,
    "folder": _load_folder,
    "idx": _load_idx,
    "gaussians_2d": _load_gaussians,
}


def _changed(name: str, places: Places) -> ImagesError:
    return ImagesError(
        f"the images at {_shown(places)} changed since {name} was added: "
        "their content hash is another, so add them as new images"
    )


def _shown(places: Places) -> str:
    if isinstance(places, str | os.PathLike):
        return str(places)
    return ", ".join(str(place) for place in places)


def _require_images(found: Found, places: Places) -> None:
    if found.images:
        return
    shown = _shown(places)
    beside = [skipped.path for skipped in found.skipped]
    if lacking := lacking_idx(beside or [_shown(places)]):
        raise ImagesError(
            f"{shown} holds only a part of MNIST's four files, which are read together: "
            f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing"
        )
    if isinstance(places, str | os.PathLike) and found.skipped and Path(places).is_file():
        only = found.skipped[0].path
        if len(found.skipped) == 1 and only == Path(places).name:
            raise ImagesError(unsupported(shown))
    if not found.skipped:
        raise ImagesError(f"{shown} is empty, must hold image files")
    raise no_image(shown, found.skipped)


def _read_idx(source: Source, found: Found, spec: IdxImages) -> tuple[str, ImageSet]:
    """Return digest and set; the digest is of the unpacked files, so gzip does not affect it."""
    plain: dict[str, bytes] = {}
    for name in IDX_NAMES:
        try:
            left = IDX_CAP - sum(map(len, plain.values()))
            plain[name] = unpack_idx(name, source.read(found.idx[name]), left)
        except UnreadableFile as error:
            raise ImagesError(f"{name} cannot be used: {error}") from None
    arrays = parse_idx(plain)
    out = spec.held_out
    if out and out >= len(arrays.train_images):
        raise ImagesError(
            f"held_out is {out}, must be below the {len(arrays.train_images)} training images"
        )
    parts = (
        (arrays.train_images[out:], arrays.train_labels[out:], spec.max_train),
        (arrays.test_images, arrays.test_labels, spec.max_test),
    )
    (train_images, train_labels), (test_images, test_labels) = (
        _limited(images, labels, limit, spec.split_seed) for images, labels, limit in parts
    )
    count = 1 + max((int(labels.max()) for _, labels, _ in parts if len(labels)), default=-1)
    classes = tuple(str(k) for k in range(count))
    images = ImageSet(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=classes,
        skipped=found.skipped,
        notes=tuple(class_remarks(classes, train_labels, test_labels)),
    )
    hashes = [hashlib.sha256(plain[name]).digest() for name in IDX_NAMES]
    return digest_of(IDX_NAMES, hashes), images


def _limited(
    images: NDArray[np.uint8], labels: NDArray[np.int64], limit: int | None, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    keys = [str(k) for k in range(len(labels))]
    kept = subset(keys, labels.tolist(), limit=limit, seed=seed)
    return (images, labels) if len(kept) == len(labels) else (images[kept], labels[kept])
