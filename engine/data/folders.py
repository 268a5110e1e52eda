"""Read an image folder or archive into an image set."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.data.decode import UnreadableImage, measure
from engine.data.image_set import ImageSet, Skipped
from engine.data.reading import ColourFound, Reading, Wish, compact, read_images
from engine.data.remarks import class_remarks, copy_remarks, rule_remarks, size_remarks
from engine.data.scan import Found
from engine.data.selection import draw, split, subset
from engine.data.sources import Check, ImagesError, OnProgress, Source, UnreadableFile
from engine.specs.images import Channels, FolderImages

SAMPLE = 64  # files measured to choose image size and channels
LARGEST_DEFAULT = 64  # pixels; larger images get this side by default


def settled(
    source: Source, found: Found, image_size: int | None, channels: Channels | None
) -> tuple[int, Channels]:
    """Return image size and channels; choose missing ones from an evenly spaced sample."""
    if image_size is not None and channels is not None:
        return image_size, channels
    step = -(-len(found.images) // SAMPLE)
    entries = [image.entry for image in found.images[::step]]
    sizes, greys = [], []
    for k in source.in_order(entries):
        try:
            size, grey = measure(source.read(entries[k]))
        except (UnreadableFile, UnreadableImage):
            continue
        sizes.append(min(size))
        greys.append(grey)
    # Use the median of the shorter sides, so that single images of another size have no effect.
    side = min(sorted(sizes)[len(sizes) // 2], LARGEST_DEFAULT) if sizes else LARGEST_DEFAULT
    colours: Channels = "grey" if greys and all(greys) else "rgb"
    return image_size or max(side, 2), channels or colours


def read_new(
    source: Source,
    found: Found,
    spec: FolderImages,
    grey_guessed: bool,
    check: Check,
    progress: OnProgress,
) -> tuple[FolderImages, ImageSet]:
    """Read images whose digest is not known yet.

    Parameters
    ----------
    spec
        The complete spec except for its digest.
    grey_guessed
        Whether channels "grey" were chosen from a sample and may be wrong.

    Returns
    -------
    The spec with its digest, and with channels "rgb" if an image has colour; and the image set.

    Raises
    ------
    ImagesError
        If no image can be read, or the pixels do not fit into the memory.
    """
    grey_only = grey_guessed and spec.channels == "grey"
    try:
        digest, images = read_folder(source, found, spec, grey_only, check, progress)
    except ColourFound:
        # All images of the sample are grey, but another one is not: read again with colour.
        spec = spec.replace("channels", "rgb")
        digest, images = read_folder(source, found, spec, False, check, progress)
    return spec.replace("digest", digest), images


def read_folder(
    source: Source,
    found: Found,
    spec: FolderImages,
    grey_only: bool,
    check: Check,
    progress: OnProgress,
) -> tuple[str, ImageSet]:
    """Read the images that the spec selects; return the digest of all images, and the set.

    Raises
    ------
    ImagesError
        If no image can be read, or the pixels do not fit into the memory.
    ColourFound
        If ``grey_only`` and an image has colour.
    """
    train, test = _chosen(found, spec)
    rows = [-1] * len(found.images)
    for row, k in enumerate((*train, *test)):
        rows[k] = row
    reading = read_images(
        source,
        [image.entry for image in found.images],
        rows,
        Wish(spec.image_size, spec.channels, spec.fit, grey_only),
        check_cancelled=check,
        progress=progress,
    )
    if not reading.is_read.any():
        raise no_image(spec.name, reading.skipped)
    paths = [image.path for image in found.images]
    return digest_of(paths, reading.hashes), _assembled(found, spec, reading, train, test)


def _chosen(found: Found, spec: FolderImages) -> tuple[list[int], list[int]]:
    """Return the training and the test images as indices, in their final order."""
    keys = [image.path for image in found.images]
    labels = [image.label for image in found.images]
    seed = spec.split_seed
    if not found.classes:
        return [], subset(keys, labels, limit=spec.max_test, seed=seed)
    train = [k for k, image in enumerate(found.images) if image.part == "train"]
    test = [k for k, image in enumerate(found.images) if image.part == "test"]
    if not train:
        train, test = split(keys, labels, fraction=spec.test_fraction, seed=seed)

    def drawn(part: Sequence[int], limit: int | None) -> list[int]:
        places = draw([keys[k] for k in part], [labels[k] for k in part], limit=limit, seed=seed)
        return [part[place] for place in places]

    return drawn(train, spec.max_train), drawn(test, spec.max_test)


def _assembled(
    found: Found, spec: FolderImages, reading: Reading, train: Sequence[int], test: Sequence[int]
) -> ImageSet:
    pixels = compact(reading.pixels, reading.is_read)
    chosen = np.array([*train, *test])[reading.is_read]
    labels = np.array([found.images[k].label for k in chosen], np.int64)
    files = tuple(found.images[k].path for k in chosen)
    first = int(reading.is_read[: len(train)].sum())
    paths = [image.path for image in found.images]
    notes = (
        *found.notes,
        *class_remarks(found.classes, labels[:first], labels[first:]),
        *size_remarks(reading.sizes, spec),
        *rule_remarks(reading.rules),
        *copy_remarks(paths, reading.hashes, train, test),
    )
    return ImageSet(
        train_images=pixels[:first],
        train_labels=labels[:first],
        test_images=pixels[first:],
        test_labels=labels[first:],
        classes=found.classes,
        train_files=files[:first],
        test_files=files[first:],
        skipped=tuple(sorted((*found.skipped, *reading.skipped), key=lambda item: item.path)),
        notes=notes,
    )


def digest_of(paths: Sequence[str], hashes: Sequence[bytes | None]) -> str:
    """Return a hash of relative paths and contents; ignore files that could not be read."""
    whole = hashlib.sha256()
    for path, content in sorted(zip(paths, hashes, strict=True), key=lambda pair: pair[0]):
        if content is not None:
            whole.update(f"{path}\0{content.hex()}\n".encode())
    return whole.hexdigest()


def no_image(shown: str, skipped: Sequence[Skipped]) -> ImagesError:
    """Return an error that no image is readable, with the most common reason."""
    reason, count = Counter(item.reason for item in skipped).most_common(1)[0]
    return ImagesError(
        f"{shown} holds no readable image: {count} of {len(skipped)} files were skipped "
        f"with the reason: {reason}"
    )
