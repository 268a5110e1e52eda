"""The memory that the process may use, blocks of bounded bytes, and arrays mapped from files.

What works on a whole set of images takes it block by block (:func:`blocks`), so that the memory it
needs beside the pixels does not grow with the set or with the size of an image. What is as large as
a set is made by :func:`room`: in memory, or beyond a share of it in a file without a name that is
mapped into memory. The system reads such a file as it is used, writes it back when memory gets
short, and removes it when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK_BYTES = 128 * 2**20
BATCH_BYTES = 512 * 2**20  # of images as floats: 500 of 299 px in colour
SHARE = "ISTHMUS_IMAGE_MEMORY"
DEFAULT_PERCENT = 25
PERCENTS = (1, 90)
BATCH_NOTE = "while training on a batch"
SYSTEM = Path("/")
UNLIMITED = 1 << 60  # control groups without a limit say a number of about 2**63

_scratch: ContextVar[Path | None] = ContextVar("scratch", default=None)


def blocks(
    count: int, bytes_each: int, *, most: int | None = None, limit: int = BLOCK_BYTES
) -> Iterator[slice]:
    """Yield slices over ``count`` items, each of at most ``limit`` bytes but at least one item.

    Parameters
    ----------
    bytes_each
        Memory that the work on one item needs, in bytes, at least 1.
    most
        Largest number of items in a block. Where sums depend on the blocks, it keeps those of small
        items as they were.
    """
    length = max(1, min(limit // max(1, bytes_each), count if most is None else most))
    for start in range(0, count, length):
        yield slice(start, min(start + length, count))


def in_a_batch_of(most: int, values: int) -> int:
    """Return how many images to send through a network at once.

    It is ``most`` for all but very large images: the last bits of a result depend on how images are
    divided. Those are taken in multiples of 16, which networks are given at once anyway.

    Parameters
    ----------
    values
        Numbers in an image, as float32.
    """
    fits = BATCH_BYTES // max(1, 4 * values)
    return most if most <= fits else max(1, fits // 16 * 16 or fits)


def usable_memory(system: Path = SYSTEM) -> int:
    """Return the bytes of memory that this process may use.

    It is the smallest of the machine's memory, the limits of the process's control group, and the
    limit on its address space.

    Parameters
    ----------
    system
        The root folder below which the kernel's files about control groups lie.
    """
    found = [_physical()]
    group = system / "sys/fs/cgroup"
    for path in (group / "memory.max", group / "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError):
            text = path.read_text().strip()
            if text.isdecimal() and 0 < int(text) < UNLIMITED:
                found.append(int(text))
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if 0 < limit < UNLIMITED:
            found.append(limit)
    return min(found)


def _physical() -> int:
    if os.name == "nt":
        return _physical_on_windows()
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _physical_on_windows() -> int:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((f"bytes{k}", ctypes.c_ulonglong) for k in range(7)),
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.bytes0)


def image_percent() -> int:
    """Return the share of memory that one set of images may take, in percent.

    It is the environment variable ISTHMUS_IMAGE_MEMORY; values that are no numbers are ignored.
    """
    text = os.environ.get(SHARE, "").strip()
    low, high = PERCENTS
    return min(max(int(text), low), high) if text.isdecimal() else DEFAULT_PERCENT


def set_image_percent(percent: int) -> None:
    """Set the share for this process and those it starts; see :func:`image_percent`."""
    os.environ[SHARE] = str(percent)


def image_memory() -> int:
    """Return how many bytes one set of images may take in memory."""
    return usable_memory() * image_percent() // 100


@contextlib.contextmanager
def scratch_in(folder: Path) -> Iterator[None]:
    """Let :func:`room` place its files in a folder; it is created when it is needed."""
    token = _scratch.set(folder)
    try:
        yield
    finally:
        _scratch.reset(token)


def room(shape: tuple[int, ...], dtype: DTypeLike, limit: int | None = None) -> NDArray[Any]:
    """Return an array to fill: in memory, or mapped from a file if it is larger than ``limit``.

    Parameters
    ----------
    limit
        In bytes; by default :func:`image_memory`.

    Raises
    ------
    MemoryError
        If there is no memory for it, or no room on the disk.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= (image_memory() if limit is None else limit):
        return np.empty(shape, dtype)
    folder = _scratch.get()
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file, size)
            return np.frombuffer(mmap.mmap(file.fileno(), size), dtype).reshape(shape)
    except OSError as error:
        raise MemoryError(f"no room for {size:,} bytes on the disk: {error.strerror}") from error


def _reserve(file: Any, size: int) -> None:
    """Take the room on the disk now: a mapped page that finds none later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    block = bytes(1 << 20)
    for start in range(0, size, len(block)):
        file.write(block[: size - start])
    file.flush()


def is_mapped(array: NDArray[Any]) -> bool:
    """Return whether an array lies in a mapped file, which takes no memory that others need."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    while isinstance(base, memoryview):
        base = base.obj
    return isinstance(base, mmap.mmap)


def own_bytes(array: NDArray[Any]) -> int:
    """Return the bytes that an array takes of the process's own memory."""
    return 0 if is_mapped(array) else int(array.nbytes)


def in_words(size: float) -> str:
    """Return a number of bytes as a short text: "460 kB", "340 MB" or "3.0 GB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def move_rows(array: NDArray[Any], order: NDArray[np.int64]) -> None:
    """Rearrange the rows of an array in place; row k becomes the row that was at ``order[k]``.

    Only one row is copied beside the array, so that a set never lies in memory twice.
    """
    moved = order == np.arange(len(order))
    for start in np.flatnonzero(~moved):
        if moved[start]:
            continue
        kept, place = array[start].copy(), int(start)
        while order[place] != start:
            array[place] = array[order[place]]
            moved[place] = True
            place = int(order[place])
        array[place] = kept
        moved[place] = True


def memory_advice(error: BaseException) -> str:
    """Say how much was asked for and what needs less: the batch only where it was the batch's."""
    found = re.search(r"allocate ([\d.]+ ?[KMGT]?i?B\b|\d+ bytes)", str(error))
    asked = f", asked for {found[1]}" if found else ""
    notes = getattr(error, "__notes__", ())
    batch = next((note for note in notes if note.startswith(BATCH_NOTE)), None)
    if batch is not None:
        return f"{asked} {batch}; try a smaller batch size"
    return f"{asked} outside the batches; smaller or fewer images need less, or fewer jobs at once"
