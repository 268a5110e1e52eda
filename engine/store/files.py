"""Open the user's files: regular ones only, because reading a pipe or a device may never end."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A plan, the description of a study, its locations and labels.
TEXT_CAP = 64 << 20
BLOCK = 1 << 20

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFile(OSError):
    """The path leads to something else than a regular file; ``strerror`` says to what."""


def names_folder(text: str | os.PathLike[str]) -> bool:
    """Whether a path ends as that of a folder does, in a slash or a dot alone.

    :class:`pathlib.Path` drops both, and would name a file instead.
    """
    return os.path.basename(os.fspath(text)) in ("", ".")


def open_regular(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file for reading bytes, without buffer.

    Links are followed. It is looked at before it is opened, because opening a device can change it,
    and again afterwards, because the path may lead to something else by then.

    Raises
    ------
    NotAFile
        If it is a folder, a pipe, a socket or a device.
    OSError
        If it cannot be opened.
    """
    _check(os.stat(path), path)
    # Without O_NONBLOCK, opening a pipe that was put there since would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _check(os.fstat(descriptor), path)
        return open(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise as :func:`open_regular`; for libraries that open a path themselves."""
    open_regular(path).close()


def read_text(path: Path, cap: int = TEXT_CAP, errors: str = "strict") -> str:
    """Return the text of a regular file of UTF-8, as :meth:`pathlib.Path.read_text` does.

    A mark of the byte order before it, which editors on Windows write, is no part of the text.

    Raises
    ------
    OSError
        As :func:`open_regular`, and if it has more than ``cap`` bytes.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    with open_regular(path) as file:
        found = bytearray()
        while block := file.read(BLOCK):
            found += block
            if len(found) > cap:
                raise OSError(errno.EFBIG, f"has more than {cap >> 20} MB", str(path))
    text = found.decode("utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_text(data: Any) -> str:
    """Return data as JSON that UTF-8 can hold; paths that are not UTF-8 are written as escapes."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(data, indent=1)
    return text


def digest_of(path: Path, check: Callable[[], None] = lambda: None) -> str:
    """Return the SHA-256 of a regular file.

    Parameters
    ----------
    check
        Called regularly; may raise to stop.

    Raises
    ------
    OSError
        As :func:`open_regular`.
    """
    found = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(BLOCK):
            check()
            found.update(block)
    return found.hexdigest()


def kind_of(about: os.stat_result) -> str:
    """Return in words what is no regular file, such as "a pipe"; "" for a regular file."""
    kind = stat.S_IFMT(about.st_mode)
    return "" if kind == stat.S_IFREG else _KINDS.get(kind, "something else")


def _check(about: os.stat_result, path: str | os.PathLike[str]) -> None:
    if what := kind_of(about):
        kind = stat.S_IFMT(about.st_mode)
        code = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
        raise NotAFile(code, f"it is {what}, must be a regular file", os.fspath(path))
