"""Files that are either whole or not there.

A file is written under a temporary name beside its place, flushed to the disk, and only then given
its name. A process that is killed in between leaves a temporary file, and nothing else; it is
removed as soon as its process is known to be gone.
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
_STEM_LENGTH = 40  # of a name in any script: with the rest it stays below 255 bytes
_LEFT_OVER = re.compile(r"\..*\.tmp-([0-9a-f]{8})-([0-9]{1,10})-[0-9]+")
_ABANDONED_AFTER = 3600.0  # seconds, where no one can be asked whether the process is alive


@contextmanager
def new_file(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to; flush and name the file when the block is left.

    Parameters
    ----------
    path
        The file's place; what is there is replaced at once, or stays as it is.
    exclusive
        Leave a file that is there alone, also one that appeared while ours was written.

    Raises
    ------
    FileExistsError
        If ``exclusive`` and the file is there.
    OSError
        If it cannot be written. In every case the temporary file is gone.
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
    """Remove temporary files of processes of this machine that are gone.

    Parameters
    ----------
    folder
        Where to look; folders below it are left alone.
    path
        Only those of this file.
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


def _prefix(path: Path) -> str:
    return f".{path.name[:_STEM_LENGTH]}.tmp-"


def _is_gone(path: Path, process: int) -> bool:
    if os.name == "nt":  # there os.kill would end the process instead of asking for it
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
    except OSError:  # a file system without links: what is there is looked for a moment before
        if path.exists():
            raise FileExistsError(f"{path.name} is there") from None
        os.replace(temporary, path)
    else:
        temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Flush to the disk which names a folder holds; raise ``OSError`` where it is missing."""
    if os.name == "nt":
        return  # Windows has no handle of a folder that could be flushed
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
