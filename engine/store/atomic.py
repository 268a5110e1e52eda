"""Write files atomically: a file is either complete or does not exist.

Write to a temporary file in the same folder, flush it to disk, then rename it. A process that is
killed before the rename leaves only the temporary file, which :func:`remove_left_over` removes once
the process no longer runs.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_COUNT = itertools.count()
_STEM_LENGTH = 40  # characters; in any script the temporary name stays below 255 bytes
_LEFT_OVER = re.compile(r"\..*\.tmp-([0-9a-f]{8})-([0-9]{1,10})-[0-9]+")
_ABANDONED_AFTER = 3600.0  # seconds; used where the system cannot tell if the process is alive


@contextmanager
def new_file(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; flush and rename the file at the end of the block.

    Parameters
    ----------
    path
        The final path. An existing file is replaced atomically; on an error it is not changed.
    exclusive
        Do not replace an existing file, even one that appeared while the block ran.

    Raises
    ------
    FileExistsError
        If ``exclusive`` and the file exists.
    OSError
        If it cannot be written. The temporary file is removed on every error.
    """
    temporary = path.with_name(f"{_prefix(path)}{_MACHINE}-{os.getpid()}-{next(_COUNT)}")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        if exclusive:
            _name_once(temporary, path)
        else:
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_left_over(folder: Path, path: Path | None = None) -> None:
    """Remove temporary files whose process ran on this machine and has ended.

    Parameters
    ----------
    folder
        The folder to search; its subfolders are not searched.
    path
        If given, remove only the temporary files of this file.
    """
    begin = "." if path is None else _prefix(path)
    try:
        names = [item.name for item in os.scandir(folder) if item.name.startswith(begin)]
    except OSError:
        return
    for name in names:
        found = _LEFT_OVER.fullmatch(name)
        if found and found[1] == _MACHINE:
            with suppress(OSError):  # another process removed it first, or the folder is read-only
                if _is_gone(folder / name, int(found[2])):
                    (folder / name).unlink()


def is_left_over(name: str) -> bool:
    """Whether this is the name of a temporary file of :func:`new_file`, of any process."""
    return _LEFT_OVER.fullmatch(name) is not None


def _prefix(path: Path) -> str:
    return f".{path.name[:_STEM_LENGTH]}.tmp-"


def _is_gone(path: Path, process: int) -> bool:
    if os.name == "nt":  # on Windows, os.kill(process, 0) would end the process
        return time.time() - path.stat().st_mtime > _ABANDONED_AFTER
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _name_once(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system: check, then rename (not atomic)
        if path.exists():
            raise FileExistsError(f"{path.name} is there") from None
        os.replace(temporary, path)
    else:
        temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Flush a folder's directory entries to disk; raise ``OSError`` if it is missing."""
    if os.name == "nt":
        return  # Windows cannot flush a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
