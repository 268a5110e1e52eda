"""Dropped and pasted data: extracts paths and pictures, and sorts the paths by kind."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QByteArray, QMimeData, QUrl
from PySide6.QtGui import QImage

from engine.store.files import open_regular
from engine.store.study import SUFFIX, Study, StudyError
from engine.texts import lowered

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.specs import ImagesSpec, Imported, StoredImages

# Files that are asked about as weights; those that are none are then named for what they are.
WEIGHTS = (
    *(".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".t7", ".pkl", ".pickle", ".pth.tar"),
    *(".pt.tar", ".ckpt.tar", ".pt2", ".onnx", ".keras", ".npz", ".tflite", ".pb", ".weights"),
    *(".pth.gz", ".pt.gz", ".gguf", ".msgpack", ".joblib", ".mlmodel", ".caffemodel", ".npy"),
    *(".pdparams", ".mar", ".safetensors.index.json"),
)
PACKED = (".h5", ".hdf5")
PLAN = ".toml"
Keep = Callable[[Study, Any], object]
"""Takes a study and the spec of an import; may raise StudyError."""
# Fields of images that say how they become square, and which values are black and white.
RULE = ("fit", "bit_depth", "black", "white", "beyond")
FIRST_LABELS = {
    bytes((7, 2, 1, 0, 4, 1, 4, 9, 5, 9)): "MNIST",
    bytes((9, 2, 1, 1, 6, 1, 4, 6, 5, 7)): "Fashion-MNIST",
}
T = TypeVar("T")
COPIED_FILES = "x-special/gnome-copied-files"


@dataclass(frozen=True)
class Sorted:
    """Paths sorted by what can be done with them.

    Attributes
    ----------
    studies, packed, plans, weights, images
        Study folders; studies packed as one file; plan files; weights files; folders, archives and
        files that may hold images.
    folders
        Those of ``images`` that are folders.
    name
        What a set of several of ``images`` is called.
    problems
        One sentence for every path that cannot be used.
    """

    studies: list[Path] = field(default_factory=list)
    packed: list[Path] = field(default_factory=list)
    plans: list[Path] = field(default_factory=list)
    weights: list[Path] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    name: str = ""
    problems: list[str] = field(default_factory=list)


def can_take(mime: QMimeData) -> bool:
    """Whether dragged or copied data holds files or a picture."""
    return mime.hasUrls() or mime.hasImage() or mime.hasFormat(COPIED_FILES)


def paths_of(mime: QMimeData) -> list[Path]:
    """Return the files and folders in dragged or copied data; remote addresses are left out."""
    urls = mime.urls() or _copied_files(mime)
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def _copied_files(mime: QMimeData) -> list[QUrl]:
    """Parse a file manager's clipboard: a line "copy" or "cut", then one URL per line."""
    lines = bytes(mime.data(COPIED_FILES).data()).split(b"\n")[1:]
    return [QUrl.fromEncoded(QByteArray(line)) for line in lines if line.strip()]


def picture_of(mime: QMimeData) -> QImage | None:
    """Return the picture in copied data, such as a screenshot, or None."""
    if not mime.hasImage():
        return None
    found = mime.imageData()
    return found if isinstance(found, QImage) and not found.isNull() else None


def nothing_in(mime: QMimeData) -> str:
    """Say why dragged or copied data without any file or picture is of no use."""
    if any(not url.isLocalFile() for url in mime.urls()):
        return "That is an address and no file: save what is there, and drop the file."
    return "There is no file and no picture in that."


def sort_paths(paths: Iterable[Path]) -> Sorted:
    """Sort paths into studies, weights and images, with a sentence for each unreadable one.

    It asks the drive about each, which may take as long as the drive likes.
    """
    found = Sorted()
    for path in paths:
        problem = _problem(path)
        if problem:
            found.problems.append(problem)
        elif path.is_dir() and (path / "study.json").is_file():
            found.studies.append(path)
        elif path.is_file() and lowered(path.suffix) in PACKED:
            found.packed.append(path)
        elif path.is_file() and lowered(path.suffix) == PLAN:
            found.plans.append(path)
        elif path.is_file() and (lowered(path.name).endswith(WEIGHTS) or _holds_weights(path)):
            found.weights.append(path)
        else:
            found.images.append(path)
            if path.is_dir():
                found.folders.append(path)
    if len(found.images) > 1 and not found.folders:
        found = replace(found, name=name_of(found.images))
    return found


def _holds_weights(path: Path) -> bool:
    """Whether a file whose name tells nothing begins as weights do, such as one of a cache."""
    from engine.data.archives import SUFFIXES as ARCHIVES
    from engine.data.decode import SUFFIXES as PICTURES
    from engine.networks.opening.formats import WeightsError, format_of, regular_file

    if lowered(path.name).endswith((*ARCHIVES, *PICTURES)):
        return False
    try:
        with regular_file(path) as file:
            format_of(file, path.name)
    except WeightsError:
        return False
    return True


def may_be_images(path: Path) -> bool:
    """Return whether the name of a path, of which its drive was not asked, lets it be images."""
    name = lowered(path.name)
    return not name.endswith((*WEIGHTS, *PACKED, PLAN, SUFFIX))


def guests_among(paths: Iterable[Path]) -> list[Path]:
    """Return the paths of pictures and of folders of pictures, which a page can show by themselves.

    Archives and the files of MNIST are sets of their own.
    """
    from engine.data.archives import archive_stem
    from engine.data.scan import IDX_NAMES

    def is_set(path: Path) -> bool:
        names = [path.name] if path.is_file() else [file.name for file in path.iterdir()]
        idx = any(name.removesuffix(".gz") in IDX_NAMES for name in names)
        return idx or (path.is_file() and bool(archive_stem(path.name)))

    return [path for path in sort_paths(paths).images if not is_set(path)]


def _problem(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist."
    if not os.access(path, os.R_OK):
        return f"{path} may not be read by Isthmus: choose it in a file dialog instead."
    return ""


def name_of(paths: Sequence[Path]) -> str:
    """Return a name for files that become one set: "first and 5 more", or that of MNIST's set.

    The files of MNIST and those of Fashion-MNIST have the same names; they are told apart by their
    first test labels.
    """
    from engine.data.scan import IDX_NAMES

    named = {path.name.removesuffix(".gz"): path for path in paths}
    if not named.keys() & set(IDX_NAMES):
        more = len(paths) - 1
        return f"{paths[0].stem} and {more:,} more" if more else paths[0].stem
    labels = named.get("t10k-labels-idx1-ubyte")
    return "MNIST files" if labels is None else FIRST_LABELS.get(_head(labels), "MNIST files")


def _head(path: Path) -> bytes:
    """Return the first ten labels in an idx file, or b"" if it cannot be read."""
    try:
        with open_regular(path) as file:
            unpacked = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
            return bytes(unpacked.read(18)[8:])
    except (OSError, EOFError, zlib.error):
        return b""  # reading the set will say what is wrong with it


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path that does not exist yet: stem.suffix in the folder, or "stem 2.suffix"..."""
    candidate, number = folder / f"{stem}{suffix}", 2
    while candidate.exists():
        candidate, number = folder / f"{stem} {number}{suffix}", number + 1
    return candidate


def image_files(paths: Sequence[Path], check: Callable[[], None]) -> list[Path]:
    """Return the files, and the image files in the folders at any depth, in the order of names."""
    from engine.data.decode import SUFFIXES

    found = []
    for path in paths:
        if path.is_dir():
            for file in path.rglob("*"):
                check()
                if lowered(file.suffix) in SUFFIXES and file.name[0] != "." and file.is_file():
                    found.append(file)
        else:
            found.append(path)
    return sorted(found)


def spread(files: Sequence[Path], most: int) -> list[Path]:
    """Return at most so many files, evenly spaced, so that every folder has its share."""
    step = -(-len(files) // most)
    return list(files[:: max(1, step)])


def note_place(study: Study, digest: str, path: Path) -> str:
    """Keep in a study where files lie, which asks their drive; return what hinders it, or ""."""
    try:
        study.set_location(digest, path)
    except StudyError as error:
        return str(error)
    return ""


def note_import(study: Study, spec: Imported, path: Path, keep: Keep) -> str:
    """Do as :func:`note_place` for an import's weights, then keep what its record will need."""
    try:
        study.set_location(spec.digest, path)
        keep(study, spec)
    except StudyError as error:
        return str(error)
    return ""


def form_like(spec: ImagesSpec | None, images: ImageSet | None, path: Path) -> dict[str, Any]:
    """Return options that give pictures at a path the shape, cut and values of present images.

    Networks of those images fit then, and see the brightness that they were trained on. An archive
    is a set of its own, like a folder.
    """
    from engine.data.archives import archive_stem

    if images is None or images.shape[0] not in (1, 3) or archive_stem(path.name):
        return {}
    channels, side, _ = images.shape
    rule = {name: getattr(spec, name) for name in RULE if hasattr(spec, name)}
    return {"image_size": side, "channels": "grey" if channels == 1 else "rgb", **rule}


def told_of_values(images: ImageSet) -> list[str]:
    """Return the sentences on images whose values are not simply those of their files."""
    from engine.data.decode import ON_WHITE
    from engine.data.remarks import DISAGREEING

    told = (ON_WHITE, *DISAGREEING)
    return [note for note in images.notes if any(words in note for words in told)]


def summary(spec: StoredImages, images: ImageSet) -> str:
    """Return what was read, in one line for the user."""
    text = f"{spec.name}: {images.counts}."
    if images.skipped:
        text += " " + f"Files left out: {len(images.skipped):,}."
    if images.alarms:
        text += " " + "How they are stored tells their class: see the Data page."
    return text
