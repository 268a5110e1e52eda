"""Build sentences that tell the user about peculiarities of the images that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.data.safety.names import lookalike_files, lookalikes
from engine.data.traits import Traits
from engine.data.values import BY_ITSELF, CLIPPED, FEW_BITS, FLAT, SCALED_16, UNIT, is_scaling
from engine.specs.images import FolderImages

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet

UNUSED_VALIDATION = "in a validation folder, and no validation part is asked for"
LEAST_LEFT = 50  # files left out that raise a doubt; a few notes and lists are in many sets
MOST_FOLDERS = 3  # folders of images a class: train, test and validation
MANY_CLASSES, FEW_IMAGES = 5, 3
NAMED = 5  # maximum number of names in a sentence before "and ... more"

_FITTED = {
    "resize": "stretched",
    "crop": "cut to their middle square and resized",
    "pad": "set on a black square and resized",
}


DISAGREEING = (CLIPPED, FLAT, BY_ITSELF)  # rules whose images are named
EIGHT_BITS = "8-bit values were kept"
AGAIN = "Add the images again to have one rule for all of them"


def rule_remarks(paths: Sequence[str], traits: Sequence[Traits | None]) -> list[str]:
    """Return a sentence for every rule of :mod:`engine.data.decode` that was applied.

    Images that disagree with the set's rule for deep values are named.
    """
    under: dict[str, list[str]] = defaultdict(list)
    for path, stored in zip(paths, traits, strict=True):
        for rule in stored.rules if stored else ():
            under[rule].append(path)
    found = []
    for rule, images in sorted(under.items()):
        named = f": {_some(images)}" if rule in DISAGREEING else ""
        after = f" {AGAIN}." if rule == BY_ITSELF else ""
        found.append(f"{_images(len(images))}: {rule}{named}.{after}")
    return found


def scale_sentences(traits: Iterable[Traits]) -> tuple[str, ...]:
    """Return which values became black and white, a sentence for each kind of file."""
    counts = Counter(
        next((rule for rule in stored.rules if is_scaling(rule)), EIGHT_BITS) for stored in traits
    )
    return tuple(f"{_images(count)}: {rule}." for rule, count in counts.most_common())


def depth_remarks(traits: Iterable[Traits]) -> list[str]:
    """Return a sentence where most files of all 16 bits look as if they held 12."""
    deep = [stored for stored in traits if SCALED_16 in stored.rules]
    few = sum(stored.values in FEW_BITS for stored in deep)
    if not few or few < len(deep) / 2:
        return []
    verb = "uses" if few == 1 else "use"
    return [
        f"{_images(few)} of 16 bits {verb} no value above 4,095: if these are 12 bits, set the bit "
        "depth to 12."
    ]


def range_remarks(paths: Sequence[str], traits: Sequence[Traits | None]) -> list[str]:
    """Return a sentence on images from 0 to 1 under a range of the set that begins below 0."""
    found = [
        path
        for path, stored in zip(paths, traits, strict=True)
        if stored and stored.values == UNIT and any(map(_begins_below_zero, stored.rules))
    ]
    if not found:
        return []
    verb = "has" if len(found) == 1 else "have"
    return [
        f"{_images(len(found))} {verb} values from 0 to 1, the range of the set begins below 0; if "
        f"black is 0 in these, they were made too bright: {_some(found)}."
    ]


def _begins_below_zero(rule: str) -> bool:
    return is_scaling(rule) and rule.startswith("values from -")


def unused_remarks(paths: Sequence[str]) -> list[str]:
    """Return a sentence on validation images that are left out; nothing if there are none."""
    if not paths:
        return []
    folder = paths[0].partition("/")[0]
    return [f"The folder {folder!r} was left out: no validation part is asked for."]


def size_remarks(sizes: Counter[tuple[int, int]], spec: FolderImages) -> list[str]:
    """Return a sentence on how many images had another size, and how they were resized."""
    side = spec.image_size
    other = {size: count for size, count in sizes.items() if size != (side, side)}
    if not other:
        return []
    smallest, largest = min(other, key=_area), max(other, key=_area)
    span = f"{smallest[0]}x{smallest[1]}"
    if largest != smallest:
        span += f" to {largest[0]}x{largest[1]}"
    square = all(width == height for width, height in other)
    how = "resized" if square else _FITTED[spec.fit]
    return [f"{_images(sum(other.values()))} of {span} pixels: {how} to {side}x{side}."]


def was_resized(images: ImageSet) -> bool:
    """Return whether an image had another size, as :func:`size_remarks` says."""
    _, _, side = images.shape
    return any(note.endswith(f" to {side}x{side}.") for note in images.notes)


def class_remarks(
    classes: Sequence[str], train_labels: NDArray[np.int64], test_labels: NDArray[np.int64]
) -> list[str]:
    """Return sentences on classes that cannot be trained or tested."""
    if not classes:
        return ["The images have no class folders: they are unlabelled, and all are test images."]
    found = ["There is only one class, so there is nothing to tell apart."] * (len(classes) == 1)
    train = np.bincount(train_labels, minlength=len(classes))
    test = np.bincount(test_labels, minlength=len(classes))
    cases = (
        ("no readable image", (train + test) == 0),
        ("a single image, which is for training", (train == 1) & (test == 0)),
        ("no test image", (train > 1) & (test == 0) & (len(test_labels) > 0)),
        ("no training image", (train == 0) & (test > 0) & (len(train_labels) > 0)),
    )
    for what, holds in cases:
        names = [name for name, case in zip(classes, holds, strict=True) if case]
        if names:
            verb = "has" if len(names) == 1 else "have"
            found.append(
                f"{_counted(len(names), 'class', 'classes')} {verb} {what}: {_some(names)}."
            )
    return found


def class_doubt(name: str, images: ImageSet) -> str:
    """Return why folders do not look like the classes of a data set; "" if they do.

    Three things are unlike a data set: more files left out than used, images in more subfolders of
    the class folders than there are classes, and many classes of one or two images.
    """
    if not images.classes:
        return ""
    parts = [(images.train_files, images.train_labels), (images.test_files, images.test_labels)]
    files = [path for paths, _ in parts for path in paths]
    counts = np.bincount(np.concatenate([labels for _, labels in parts]).clip(0))
    below = Counter(path.rpartition("/")[0] for path in files)
    left, classes = len(images.skipped), len(images.classes)
    reasons = []
    if left > max(len(files), LEAST_LEFT):
        reasons.append(f"{left:,} of {left + len(files):,} files are left out")
    if len(below) > MOST_FOLDERS * classes:
        reasons.append(f"the images lie in {len(below):,} folders")
    if classes >= MANY_CLASSES and np.median(counts) < FEW_IMAGES:
        reasons.append("most of the classes have fewer than three images")
    if not reasons:
        return ""
    folders = _counted(classes, "folder becomes a class", "folders become classes")
    doubt = f"{name} does not look like a folder of classes: {'; '.join(reasons)}."
    return f"{doubt} {folders}: {_some(images.classes)}."


def name_remarks(classes: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Return sentences on names of classes and files that look alike, or are one elsewhere."""
    found = []
    for group in lookalikes(classes):
        names = _some([f"'{name}'" for name in group])
        found.append(
            f"{len(group)} classes have names that look alike or are one on other systems; they "
            f"stay {len(group)}: {names}."
        )
    known = set(paths)
    groups = [[path for path in group if path in known] for group in lookalike_files(paths)]
    files = [path for group in groups if len(group) > 1 for path in group]
    if files:
        found.append(
            f"{len(files):,} files have names that look alike or are one on other systems: "
            f"{_some(files)}."
        )
    return found


def copy_remarks(
    paths: Sequence[str],
    hashes: Sequence[bytes | None],
    train: Sequence[int],
    test: Sequence[int],
) -> list[str]:
    """Return sentences on files that are exact copies, and on copies in both training and test."""
    first: dict[bytes, int] = {}
    copies = []
    for k, content in enumerate(hashes):
        if content is not None and first.setdefault(content, k) != k:
            copies.append(paths[k])
    if not copies:
        return []
    verb = "is an exact copy" if len(copies) == 1 else "are exact copies"
    found = [f"{_counted(len(copies), 'file', 'files')} {verb} of another: {_some(copies)}."]
    known = {hashes[k] for k in train}
    leaked = [paths[k] for k in test if hashes[k] in known]
    if leaked:
        verb = "is" if len(leaked) == 1 else "are"
        count = _counted(len(leaked), "test image", "test images")
        found.append(f"{count} {verb} also among the training images: {_some(leaked)}.")
    return found


def _area(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * size[1], size[0]


def _images(count: int) -> str:
    return _counted(count, "image", "images")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
