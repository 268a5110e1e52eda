"""Read an image folder or archive into an image set."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.data.decode import UnreadableImage, measure
from engine.data.image_set import ImageSet, Skipped
from engine.data.reading import ColourFound, Reading, Wish, compact, read_images
from engine.data.remarks import (
    UNUSED_VALIDATION,
    class_remarks,
    copy_remarks,
    depth_remarks,
    range_remarks,
    rule_remarks,
    scale_sentences,
    size_remarks,
    unused_remarks,
)
from engine.data.scan import Found
from engine.data.selection import draw, split, subset
from engine.data.sources import Check, ImagesError, OnProgress, Source, UnreadableFile
from engine.data.traits import coincidences
from engine.data.values import Scale
from engine.specs.images import Channels, FolderImages

SAMPLE = 64  # files measured to choose image size and channels
Parts = tuple[list[int], list[int], list[int]]
LARGEST_DEFAULT = 64  # pixels; larger images get this side by default


def settled(
    source: Source,
    found: Found,
    image_size: int | None,
    channels: Channels | None,
    largest: int = LARGEST_DEFAULT,
) -> tuple[int, Channels]:
    """Return image size and channels; choose missing ones from an evenly spaced sample.

    A size that is chosen is at most ``largest``.
    """
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
    side = min(sorted(sizes)[len(sizes) // 2], largest) if sizes else largest
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
    The spec with its digest, with channels "rgb" if an image has colour, and with the rule for
    deep values; and the image set.

    Raises
    ------
    ImagesError
        If no image can be read, or the pixels do not fit into the memory.
    """
    grey_only = grey_guessed and spec.channels == "grey"
    try:
        return _read_settling(source, found, spec, grey_only, check, progress)
    except ColourFound:
        # All images of the sample are grey, but another one is not: read again with colour.
        spec = spec.replace("channels", "rgb")
        return _read_settling(source, found, spec, False, check, progress)


def read_folder(
    source: Source,
    found: Found,
    spec: FolderImages,
    grey_only: bool,
    check: Check,
    progress: OnProgress,
) -> tuple[tuple[str, ...], ImageSet]:
    """Read the images that the spec selects.

    Returns
    -------
    The digests by which a spec may know the images, the present one first; and the set. A spec
    without a validation part may be older than such parts: its digest leaves a validation folder
    out.

    Raises
    ------
    ImagesError
        If no image can be read, or the pixels do not fit into the memory.
    ColourFound
        If ``grey_only`` and an image has colour.
    """
    digests, _, images = _read(source, found, spec, Scale.of(spec), grey_only, check, progress)
    return digests, images


def _read_settling(
    source: Source,
    found: Found,
    spec: FolderImages,
    grey_only: bool,
    check: Check,
    progress: OnProgress,
) -> tuple[FolderImages, ImageSet]:
    """Read images, and settle what the spec leaves open of the rule for deep values."""
    scale = Scale.of(spec, settling=True)
    digests, scale, images = _read(source, found, spec, scale, grey_only, check, progress)
    return scale.into(spec).replace("digest", digests[0]), images


def _read(
    source: Source,
    found: Found,
    spec: FolderImages,
    scale: Scale,
    grey_only: bool,
    check: Check,
    progress: OnProgress,
) -> tuple[tuple[str, ...], Scale, ImageSet]:
    """Return the digests, the rule for deep values, and the set; see :func:`read_folder`."""
    chosen = _chosen(found, spec)
    every = (*found.images, *found.validation)
    rows = [-1] * len(every)
    for row, k in enumerate(itertools.chain(*chosen)):
        rows[k] = row
    reading = read_images(
        source,
        [image.entry for image in every],
        rows,
        Wish(spec.image_size, spec.channels, spec.fit, grey_only, scale),
        check_cancelled=check,
        progress=progress,
    )
    if not reading.is_read.any():
        raise no_image(spec.name, reading.skipped)
    paths, count = [image.path for image in every], len(found.images)
    digests = [digest_of(paths, reading.hashes)]
    if found.validation and not spec.validation:
        digests.append(digest_of(paths[:count], reading.hashes[:count]))
    return tuple(digests), reading.scale, _assembled(found, spec, reading, chosen)


def _chosen(found: Found, spec: FolderImages) -> Parts:
    """Return the training, test and validation images in their final order.

    They are indices into the found images followed by the found validation images; those of a
    validation folder only, because the others are drawn from the training images that were read.
    """
    keys = [image.path for image in found.images]
    labels = [image.label for image in found.images]
    seed = spec.split_seed
    if not found.classes:
        return [], subset(keys, labels, limit=spec.max_test, seed=seed), []
    train = [k for k, image in enumerate(found.images) if image.part == "train"]
    test = [k for k, image in enumerate(found.images) if image.part == "test"]
    if not train:
        train, test = split(keys, labels, fraction=spec.test_fraction, seed=seed)

    def drawn(part: Sequence[int], limit: int | None) -> list[int]:
        places = draw([keys[k] for k in part], [labels[k] for k in part], limit=limit, seed=seed)
        return [part[place] for place in places]

    train, test = drawn(train, spec.max_train), drawn(test, spec.max_test)
    keys += [image.path for image in found.validation]
    labels += [image.label for image in found.validation]
    held = range(len(found.images), len(keys)) if spec.validation else ()
    return train, test, drawn(held, None)


def _assembled(found: Found, spec: FolderImages, reading: Reading, parts: Parts) -> ImageSet:
    pixels = compact(reading.pixels, reading.is_read)
    every = (*found.images, *found.validation)
    chosen = np.array([*itertools.chain(*parts)])[reading.is_read]
    labels = np.array([every[k].label for k in chosen], np.int64)
    files = tuple(every[k].path for k in chosen)
    ends = np.cumsum([len(part) for part in parts])
    first, second = (int(reading.is_read[:end].sum()) for end in ends[:2])
    paths = [image.path for image in every]
    train, test, _ = parts
    unused = () if spec.validation else found.validation
    stored = [(image.label, t) for image, t in zip(every, reading.traits, strict=True) if t]
    alarms = coincidences([item for item in stored if item[0] >= 0], found.classes)
    notes = (
        *alarms,
        *found.notes,
        *unused_remarks([image.path for image in unused]),
        *class_remarks(found.classes, labels[:first], labels[first:second]),
        *size_remarks(reading.sizes, spec),
        *rule_remarks(paths, reading.traits),
        *depth_remarks([t for _, t in stored]),
        *range_remarks(paths, reading.traits),
        *copy_remarks(paths, reading.hashes, train, test),
    )
    left_out = [Skipped(image.entry.path, UNUSED_VALIDATION) for image in unused]
    skipped = (*found.skipped, *reading.skipped, *left_out)
    return ImageSet(
        train_images=pixels[:first],
        train_labels=labels[:first],
        test_images=pixels[first:second],
        test_labels=labels[first:second],
        validation_images=pixels[second:],
        validation_labels=labels[second:],
        classes=found.classes,
        train_files=files[:first],
        test_files=files[first:second],
        validation_files=files[second:],
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
        notes=notes,
        scale=scale_sentences([t for _, t in stored]),
        alarms=alarms,
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
