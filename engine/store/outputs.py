"""Where a file that the user asked for may be written: one rule for every command and dialog.

A file never lands inside a study, whichever study that is and however its path leads there, and
never replaces what is not a file of its own kind, nor, unless the user agreed to that, one that
Isthmus did not write. A new study never lies inside another one.
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
REPLACE = "it is not replaced without --replace"
LOST = "whose study.json is lost or damaged; check --repair writes it anew"
# Stands in every file that is written, but in tables: as the PNG text "Software", the comment of a
# GIF, the creator of a PDF and an SVG, the generator of a page.
MADE_BY = "Isthmus"
# What the first line of a table begins with that is no remark.
CHART_COLUMNS = ("panel", "series", "x", "y", "low", "high", "key", "x_label", "y_label", "value")
MAP_COLUMNS = ("row", "column", "y", "x")
COMPARISON_COLUMNS = ("score", "networks", "against", "n")
_TABLES = tuple(
    ",".join(names).encode() for names in (CHART_COLUMNS, MAP_COLUMNS, COMPARISON_COLUMNS)
)
_HEAD = 1 << 16
_TAIL = 1 << 20  # a PDF tells its creator behind its pages
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
_OF_FIGURES = (".pdf", ".svg", ".png", ".csv", ".html", ".htm")
_ENDINGS = {
    PACKED_STUDY: (".h5", ".hdf5"),
    FIGURE_DATA: (".h5",),
    ANIMATION: (".gif", ".png"),
}


class OutputError(ValueError):
    """A file may not be written to this path; the message is one sentence for the user."""


_agreed: set[Path] = set()


def agree(path: Path) -> None:
    """Let what is at a path be replaced once although Isthmus did not write it: the user agreed."""
    _agreed.add(path.absolute())


def settle(path: Path) -> None:
    """End what :func:`agree` began."""
    _agreed.discard(path.absolute())


def is_agreed(path: Path) -> bool:
    """Whether the user agreed that the file at a path is replaced whoever wrote it."""
    return path.absolute() in _agreed


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
    settle(path)


def check(path: Path, kind: str = "") -> None:
    """Refuse a path to which no file of this kind may be written.

    Parameters
    ----------
    kind
        ``PACKED_STUDY``, ``FIGURE_DATA``, or "" for the kind that the path's ending names: .png,
        .pdf, .svg, .csv or .html.

    Raises
    ------
    OutputError
        If the path has another ending, lies inside a study, or names something that is there and is
        no file of this kind: a folder, a pipe, a device, a record, a text; or a file that Isthmus
        did not write, unless the user agreed (:func:`agree`).
    """
    endings = _ENDINGS.get(kind, _OF_FIGURES)
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
    if not found.st_size:
        return
    if not _is_of_kind(path, kind):
        what = kind or f"a file of the kind {ending}"
        raise OutputError(f"{path} is there and is not {what}: it is not replaced")
    if kind not in _IN_HDF5 and not is_agreed(path) and not _is_ours(path, found.st_size):
        raise OutputError(f"{path} is there and Isthmus did not write it: {REPLACE}")


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
        with open(path, "rb") as opened:
            return _FORMATS[path.suffix.lower()][0](opened.read(_HEAD))
    except FileError:
        return False
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error


def _is_ours(path: Path, size: int) -> bool:
    """Whether a file of the kind that its ending names bears the mark of those we write."""
    try:
        with open(path, "rb") as opened:
            head = opened.read(_HEAD)
            opened.seek(max(0, size - _TAIL))
            return _FORMATS[path.suffix.lower()][1](head, opened.read(_TAIL))
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text


def _is_our_svg(head: bytes, tail: bytes) -> bool:
    """Whether we wrote it and no editor since: Inkscape keeps the creator, not our first lines."""
    begins = head.replace(b"\r\n", b"\n").startswith(
        b'<?xml version="1.0" encoding="utf-8" standalone="no"?>\n<!DOCTYPE svg PUBLIC'
    )
    return begins and b"<dc:title>" + MADE_BY.encode() + b"</dc:title>" in head


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


def _is_our_table(head: bytes, tail: bytes) -> bool:
    lines = (line for line in head.splitlines() if not line.startswith(b"#"))
    return next(lines, b"").startswith(_TABLES)


def _has(*marks: bytes) -> Callable[[bytes, bytes], bool]:
    return lambda head, tail: all(mark in head or mark in tail for mark in marks)


_PAGE = (_is_page, _has(f'<meta name="generator" content="{MADE_BY}">'.encode()))
_GIF_COMMENT = b"!\xfe" + bytes([len(MADE_BY)]) + MADE_BY.encode() + b"\0"
# Ending -> (whether a beginning is of that format, whether beginning and end say that we wrote it)
_FORMATS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes, bytes], bool]]] = {
    ".pdf": (
        lambda head: b"%PDF-" in head[:1024],
        _has(f"/Creator ({MADE_BY}".encode(), b"/Producer (Matplotlib"),
    ),
    ".svg": (_is_svg, _is_our_svg),
    ".png": (
        lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
        lambda head, tail: b"tEXtSoftware\0" + MADE_BY.encode() in head,
    ),
    ".csv": (_is_table, _is_our_table),
    ".html": _PAGE,
    ".htm": _PAGE,
    ".gif": (
        lambda head: head.startswith((b"GIF87a", b"GIF89a")),
        lambda head, tail: _GIF_COMMENT in head,
    ),
}
