"""Find the images of a folder or archive by class and part, or the files of MNIST.

Supported layouts are ``<class>/...``; ``train/<class>/...`` beside ``test/<class>/...``, maybe with
a validation part (val, valid or validation; without a test part it is that); each of these inside
wrapping folders; and images without class folders, which are unlabelled. Paths are relative to the
innermost wrapping folder, so a folder and an archive of it give the same paths.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.data.archives import SUFFIXES as ARCHIVE_SUFFIXES
from engine.data.archives import archive_stem, open_archive
from engine.data.decode import SUFFIXES as IMAGE_SUFFIXES
from engine.data.image_set import Skipped
from engine.data.remarks import name_remarks
from engine.data.sources import (
    Check,
    FolderSource,
    ImagesError,
    Listing,
    OnProgress,
    Places,
    Source,
    SourceFile,
    never,
    silent,
)
from engine.texts import lowered

Part = Literal["train", "test", "validation", "either"]

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing")
VALIDATION_NAMES = ("val", "valid", "validation")
SEQUENCE_SUFFIXES = frozenset((".heics", ".heifs"))
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp")
)
IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file: path below the wrapping folders, class index (-1 if none), and part."""

    path: str
    entry: SourceFile
    label: int
    part: Part


@dataclass(frozen=True)
class Found:
    """The images found in a source.

    Parameters
    ----------
    name
        Name of the innermost wrapping folder, or of the folder or archive itself.
    images
        Training and test images, sorted by path.
    validation
        Images of a validation folder beside a training and a test folder, sorted by path.
    classes
        Sorted names of the classes that contain a training or test image; empty if no image is
        labelled.
    idx
        The four files of MNIST by name without ".gz", or empty.
    skipped
        Files that are not images or do not fit the layout.
    notes
        Sentences on peculiarities of the layout.
    """

    name: str
    images: tuple[FoundImage, ...] = ()
    validation: tuple[FoundImage, ...] = ()
    classes: tuple[str, ...] = ()
    idx: Mapping[str, SourceFile] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


def scan(places: Places, check_cancelled: Check = never, progress: OnProgress = silent) -> Found:
    """Find the images at one or several paths without reading them; see :func:`open_source`.

    Raises
    ------
    ImagesError
        If a path does not exist, cannot be read, or is a damaged archive.
    """
    with closing(open_source(places, check_cancelled, progress)) as source:
        return lay_out(source.listing)


def open_source(
    places: Places, check_cancelled: Check = never, progress: OnProgress = silent
) -> Source:
    """Open a folder, an archive, a file, or several of them, and list their files.

    Parameters
    ----------
    places
        One path, or several that are treated as items of one folder.
    check_cancelled
        Called regularly; may raise to stop the listing.
    progress
        Called with the number of files found so far, and 0 because the total is not known.

    Returns
    -------
    Source
        The caller must close it.

    Raises
    ------
    ImagesError
        If a path does not exist, cannot be read, or is a damaged archive.
    """
    paths = [Path(places)] if isinstance(places, str | os.PathLike) else [*map(Path, places)]
    if not paths:
        raise ImagesError("no path is given, must be a folder, an archive or image files")
    for path in paths:
        _check_exists(path)
    if len(paths) == 1 and paths[0].is_file() and archive_stem(paths[0].name):
        return open_archive(paths[0], check_cancelled, progress)
    return FolderSource(paths, check_cancelled, progress)


def _check_exists(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()
    except PermissionError:
        raise ImagesError(f"{path} cannot be read: this user has no permission to") from None
    except OSError:
        raise ImagesError(f"{path} does not exist") from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise ImagesError(f"{path} is neither a file nor a folder")


def lay_out(listing: Listing) -> Found:
    """Select the image files of a listing, and derive classes and parts from their paths."""
    idx = _idx_files(listing.entries)
    if idx:
        folder = posixpath.dirname(next(iter(idx.values())).path)
        return Found(posixpath.basename(folder) or listing.name, idx=idx, skipped=listing.skipped)
    images, others = _by_suffix(listing.entries)
    wrapper = _wrapper([entry.path for entry in images], _empty_folders(listing))
    inside = len(_prefix(wrapper))
    paths = [entry.path[inside:] for entry in images]
    places, notes = _places(paths)
    classes = sorted({p.label for p in places if p.label and p.part != "validation"})
    index = {label: k for k, label in enumerate(classes)}
    found, held, outside = [], [], []
    for path, entry, place in zip(paths, images, places, strict=True):
        image = FoundImage(path, entry, index.get(place.label, -1), place.part)
        if place.reason:
            outside.append(Skipped(entry.path, place.reason))
        elif place.part != "validation":
            found.append(image)
        elif image.label >= 0:
            held.append(image)
        else:
            reason = "in the validation part, of a class without a training or test image"
            outside.append(Skipped(entry.path, reason))
    empty = [path for path in _empty_folders(listing) if path.startswith(_prefix(wrapper))]
    notes += [*_empty_notes(empty, classes), *name_remarks(classes, paths)]
    skipped = sorted((*listing.skipped, *others, *outside), key=lambda item: item.path)
    name = _name(wrapper, listing.name)
    return Found(
        name,
        images=tuple(found),
        validation=tuple(held),
        classes=tuple(classes),
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


def _idx_files(entries: Sequence[SourceFile]) -> dict[str, SourceFile]:
    """Return MNIST's four files, plain or gzipped, from the first folder that has all four."""
    folders: dict[str, dict[str, SourceFile]] = {}
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        stem = name.removesuffix(".gz")
        if stem in IDX_NAMES:
            # Entries are sorted by path, so a plain file comes before its gzipped copy and is used.
            folders.setdefault(folder, {}).setdefault(stem, entry)
    return next((files for files in folders.values() if len(files) == len(IDX_NAMES)), {})


def lacking_idx(paths: Iterable[str]) -> list[str]:
    """Return which of MNIST's four files are missing where some are; [] where there are none."""
    there = {posixpath.basename(path).removesuffix(".gz") for path in paths}
    return [name for name in IDX_NAMES if name not in there] if there & {*IDX_NAMES} else []


def _by_suffix(entries: Iterable[SourceFile]) -> tuple[list[SourceFile], list[Skipped]]:
    images, others = [], []
    for entry in entries:
        suffix = lowered(posixpath.splitext(entry.path)[1])
        if suffix in IMAGE_SUFFIXES:
            images.append(entry)
        elif archive_stem(entry.path):
            others.append(Skipped(entry.path, "an archive among other files is not opened"))
        else:
            others.append(Skipped(entry.path, _no_image(suffix)))
    return images, others


def _no_image(suffix: str) -> str:
    """Return why a file with this suffix is left out."""
    if suffix in VIDEO_SUFFIXES:
        return f"a video ({suffix}); only single images are read"
    if suffix in SEQUENCE_SUFFIXES:
        return f"a sequence of HEIC photographs ({suffix}); only single images are read"
    return f"not an image file ({suffix or 'no suffix'})"


def _empty_folders(listing: Listing) -> list[str]:
    used = {path.rpartition("/")[0] for path in listing.folders}
    used.update(entry.path.rpartition("/")[0] for entry in listing.entries)
    return sorted(listing.folders - used)


def _wrapper(paths: Sequence[str], empty: Sequence[str]) -> str:
    """Return the innermost folder that contains all images.

    A folder with images directly in it and empty folders beside it is a class, not a wrapper.
    """
    wrapper = ""
    while True:
        start = len(_prefix(wrapper))
        tops = {path[start:].partition("/")[0] if "/" in path[start:] else "" for path in paths}
        if len(tops) != 1 or "" in tops:
            return wrapper
        (top,) = tops
        inner = f"{_prefix(wrapper)}{top}"
        beside = [path for path in empty if path.startswith(_prefix(wrapper))]
        direct = any("/" not in path[len(inner) + 1 :] for path in paths)
        if direct and any(not path.startswith(f"{inner}/") for path in beside):
            return wrapper
        wrapper = inner


def _name(wrapper: str, outer: str) -> str:
    """Return the innermost wrapping folder's name that is not a part's, such as "train"."""
    plain = (*TRAIN_NAMES, *TEST_NAMES, *VALIDATION_NAMES)
    telling = [part for part in wrapper.split("/") if part and lowered(part) not in plain]
    return telling[-1] if telling else outer


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


@dataclass(frozen=True, slots=True)
class _Place:
    label: str = ""
    part: Part = "either"
    reason: str = ""


def _places(paths: Sequence[str]) -> tuple[list[_Place], list[str]]:
    """Return the class and part of every path, or the reason to skip it; and the notes."""
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    parts, notes = _parts(tops)
    if parts:
        places = [_place_in_part(path, parts) for path in paths]
    elif len(tops) > 1 or (tops and all("/" in path for path in paths)):
        places = [_Place(label=path.rpartition("/")[0].partition("/")[0]) for path in paths]
    else:
        return [_Place() for _ in paths], notes
    if not any(place.label for place in places if place.part != "validation"):
        return [_Place(reason=place.reason or _without_classes(place)) for place in places], notes
    stray = _Place(reason="not in a class folder")
    return [place if place.label or place.reason else stray for place in places], notes


def _without_classes(place: _Place) -> str:
    """Return why an image of a set without classes is skipped, or ""."""
    return "in a validation part, which needs classes" if place.part == "validation" else ""


def _parts(tops: Collection[str]) -> tuple[dict[str, Part], list[str]]:
    """Map top folders to their parts; empty if the folders are classes."""

    def named(names: Sequence[str]) -> list[str]:
        return sorted(top for top in tops if lowered(top) in names)

    train, test, validation = map(named, (TRAIN_NAMES, TEST_NAMES, VALIDATION_NAMES))
    if not train or not (test or validation):
        return {}, []
    parts: dict[str, Part] = dict.fromkeys(train, "train")
    parts.update(dict.fromkeys(test or validation, "test"))
    if test:
        parts.update(dict.fromkeys(validation, "validation"))
    elif validation:
        return parts, [f"The folder {validation[0]!r} serves as the test set."]
    return parts, []


def _place_in_part(path: str, parts: Mapping[str, Part]) -> _Place:
    top, _, rest = path.partition("/")
    if top not in parts or not rest:
        return _Place(reason=f"outside {' and '.join(parts)}")
    return _Place(label=rest.partition("/")[0] if "/" in rest else "", part=parts[top])


def _empty_notes(empty: Sequence[str], classes: Sequence[str]) -> list[str]:
    if not classes:
        return []
    names = sorted({posixpath.basename(path) for path in empty if path} - set(classes))
    return [f"The class folder {name!r} is empty and was left out." for name in names]


def unsupported(name: str) -> str:
    """Return a sentence that a file has an unsupported type, and which types are supported."""
    allowed = ", ".join((*ARCHIVE_SUFFIXES, *sorted(IMAGE_SUFFIXES)))
    return f"{name} is of no supported type, must be a folder or one of {allowed}"
