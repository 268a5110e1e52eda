"""Where a file that the user asked for may be written: one rule for every command and dialog.

A file never lands inside a study, whichever study that is and however its path leads there, and
never replaces what is not a file of its own kind. A new study never lies inside another one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.store import hdf5
from engine.store.atomic import is_left_over, new_file
from engine.store.hdf5 import FileError

PACKED_STUDY = "a packed study"
FIGURE_DATA = "the data of a figure"
ANIMATION = "an animated picture"
LOST = "whose study.json is lost or damaged; check --repair writes it anew"
# Stands in every picture that is written, as the PNG text "Software" or the comment of a GIF.
MADE_BY = "Isthmus"
_HEAD = 4096
_LONGEST_ABOUT = 1 << 20
_BESIDE_RECORDS = (
    "index.jsonl",
    "labels.json",
    "locations.json",
    "folders.json",
    "checkpoints",
    "asked",
    "shards",
    "trash",
)
# The object that only this kind of file has. A record has documents/header.
_IN_HDF5 = {PACKED_STUDY: "study/about", FIGURE_DATA: "documents/figure"}
_ENDINGS = {
    PACKED_STUDY: (".h5", ".hdf5"),
    FIGURE_DATA: (".h5",),
    ANIMATION: (".gif", ".png"),
}


class OutputError(ValueError):
    """A file may not be written to this path; the message is one sentence for the user."""


@contextmanager
def output(path: Path, kind: str = "") -> Iterator[Path]:
    """Yield a temporary path to write a file to that the user asked for; name it at the end.

    Parameters
    ----------
    path
        The final path. A file of the same kind is replaced atomically; on an error it stays.
    kind
        As :func:`check`.

    Raises
    ------
    OutputError
        As :func:`check`.
    OSError
        If it cannot be written. No partial file remains.
    """
    check(path, kind)
    with new_file(path) as temporary:
        yield temporary


def check(path: Path, kind: str = "") -> None:
    """Refuse a path to which no file of this kind may be written.

    Parameters
    ----------
    kind
        ``PACKED_STUDY``, ``FIGURE_DATA``, or "" for the kind that the path's ending names: .png,
        .pdf, .svg, .csv or .html. Of pictures, only those that we wrote are replaced.

    Raises
    ------
    OutputError
        If the path has another ending, lies inside a study, or names something that is there and is
        no file of this kind: a folder, a pipe, a device, a record, a text.
    """
    endings = _ENDINGS.get(kind, tuple(_BEGINS))
    wanted = f"must be a file that ends in {' or '.join(endings)}"
    check_outside_studies(path)
    try:
        found = os.stat(path)
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{path} is a folder, {wanted}")
    ending = path.suffix.lower()
    if ending not in endings:
        raise OutputError(f"file is {path.name!r}, {wanted}")
    if found is None:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{path} is no plain file: a pipe or a device is not replaced")
    if found.st_size and not _is_of_kind(path, kind):
        what = kind or f"a file of the kind {ending}"
        made = " that Isthmus made" if ending in (".png", ".gif") else ""
        raise OutputError(f"{path} is there and is not {what}{made}: it is not replaced")


def check_outside_studies(path: Path) -> None:
    """Raise :class:`OutputError` if a path leads into the folder of a study.

    The path itself need not exist and may be a study. Links are followed: neither the link nor what
    it names may lie in a study.
    """
    real = Path(os.path.realpath(path))
    beside = Path(os.path.realpath(path.parent)) / path.name
    for folder in (*beside.parents, *real.parents):
        if is_study(folder):
            raise OutputError(f"{path} lies in the study {folder}, which keeps only its own files")


def is_study(folder: Path) -> bool:
    """Whether a folder is a study, even one whose ``study.json`` was lost."""
    try:
        if (folder / "records").is_dir():
            return (
                (folder / "study.json").is_file()
                or any((folder / name).exists() for name in _BESIDE_RECORDS)
                or any(folder.glob("records/*/*.h5"))
            )
        about = folder / "study.json"
        return (
            about.is_file()
            and about.stat().st_size < _LONGEST_ABOUT
            and b'"schema"' in about.read_bytes()
        )
    except OSError:
        return False


def no_study_words(path: Path) -> str:
    """Return why what is at a path is no study that can be opened, to follow "study is PATH, "."""
    if is_study(path):
        return LOST
    if path.is_file():
        with suppress(OutputError):
            if _is_of_kind(path, PACKED_STUDY):
                return "a packed study, one file; the command unpack makes a study of it"
        return "a file; it must be a folder"
    problem = "which is not a study" if path.exists() else "which does not exist"
    return f"{problem}; a study is a folder of records"


def is_remnant(path: Path) -> bool:
    """Whether a path was left by a study whose creation was interrupted."""
    empty = path.name == "records" and path.is_dir() and not any(path.iterdir())
    return empty or path.name.startswith(".study.json.tmp-")


def holds_only_parts(folder: Path) -> bool:
    """Whether every file under a folder has a name that only the files of a study have.

    So looks a study of which an interrupted creation or removal left a part, also an empty one.
    """
    if folder.is_symlink() or not folder.is_dir():
        return False
    files = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return all(
        path.name == "study.json"
        or path.relative_to(folder).parts[0] in _BESIDE_RECORDS
        or (path.relative_to(folder).parts[0] == "records" and path.suffix == ".h5")
        or is_left_over(path.name)
        for path in files
    )


def _is_of_kind(path: Path, kind: str) -> bool:
    try:
        if kind in _IN_HDF5:
            with hdf5.safe_open(path) as file:
                return _IN_HDF5[kind] in file
        begins = _BEGINS | _ALSO_BEGINS if kind else _BEGINS
        with open(path, "rb") as opened:
            return begins[path.suffix.lower()](opened.read(_HEAD))
    except FileError:
        return False
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error


def _is_marked(head: bytes) -> bool:
    """Whether the texts at the beginning of a PNG say that we wrote it, or a library for us."""
    return any(b"Software\0" + name in head for name in (MADE_BY.encode(), b"Matplotlib"))


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text


def _is_page(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower() == b"<!doctype html"


def _is_table(head: bytes) -> bool:
    try:
        # The last letter may be cut in two.
        text = head[: -3 if len(head) == _HEAD else None].decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if any(ord(letter) < 32 and letter not in "\t\r\n" for letter in text):
        return False
    return not text.lstrip().startswith(("{", "[", "<", "%PDF"))


_BEGINS: dict[str, Callable[[bytes], bool]] = {
    ".pdf": lambda head: b"%PDF-" in head[:1024],
    ".svg": _is_svg,
    # A picture without the mark may be one of a set of images, or the only one of its kind.
    ".png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n") and _is_marked(head),
    ".csv": _is_table,
    ".html": _is_page,
    ".htm": _is_page,
}
# Not among the endings of a figure, which is never animated.
_ALSO_BEGINS = {
    ".gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")) and MADE_BY.encode() in head
}
