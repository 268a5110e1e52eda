"""The file of a decoded image set: pixels that are mapped into memory, not read.

The file begins with :data:`MAGIC` and where its table lies; the arrays follow, each at a multiple
of :data:`ALIGNED` bytes, then the table as JSON: what the caller wants to know about the set, type,
shape and place of every array, and a checksum of every block of :data:`BLOCK` bytes. Opening a set
takes as long as reading the table and checking some blocks, however large the set is, and the
pixels take no memory that another program could need: the system reads them as they are used.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.sources import Check, never
from engine.memory import blocks
from engine.store.atomic import new_file

MAGIC = b"ISTHMUS-IMAGES-2"
HEAD = struct.Struct("<16sQQI")  # magic, place and length of the table, its checksum
ALIGNED = 4096
BLOCK = 8 << 20
CHECKED = 16  # blocks that are compared with their checksums when a set is opened
TYPES = ("uint8", "float32", "int64")

Arrays = Mapping[str, NDArray[Any]]


class ShelfError(ValueError):
    """The file is damaged or is no set of images."""


def write(path: Path, about: Mapping[str, Any], arrays: Arrays, check: Check = never) -> None:
    """Write a set under a temporary name, block by block, flush it, and rename it.

    Parameters
    ----------
    about
        JSON data that :func:`read` returns.
    arrays
        By name; uint8, float32 or int64.
    check
        Called before every block; may raise to stop, and then nothing is left behind.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    table: dict[str, Any] = {"about": dict(about), "arrays": {}}
    with new_file(path) as temporary, open(temporary, "wb", buffering=0) as file:
        for name, array in arrays.items():
            place = file.seek(-(-max(file.tell(), HEAD.size) // ALIGNED) * ALIGNED)
            sums = _write_array(file, array, check)
            table["arrays"][name] = [str(array.dtype), list(array.shape), place, sums]
        place = file.tell()
        text = json.dumps(table).encode("utf-8", "surrogatepass")
        _write_all(file, memoryview(text))
        file.seek(0)
        _write_all(file, memoryview(HEAD.pack(MAGIC, place, len(text), zlib.crc32(text))))


def _write_array(file: Any, array: NDArray[Any], check: Check) -> list[int]:
    """Write an array and return the checksums of its blocks; other threads run meanwhile."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    sums = []
    for part in blocks(len(flat), 1, limit=BLOCK):
        check()
        data = flat[part].data
        sums.append(zlib.crc32(data))
        _write_all(file, data)
    return sums


def _write_all(file: Any, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what a set is about, and its arrays, mapped from the file.

    The table is checked in full, of the pixels :data:`CHECKED` blocks evenly spaced over each
    array, the first and the last among them. Arrays up to 128 MB are therefore checked in full.

    Raises
    ------
    ShelfError
        If the file is damaged, cut off, or none of ours.
    OSError
        If it cannot be opened.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < HEAD.size:
            raise ShelfError(f"{path.name} is cut off")
        # A private mapping: what a program writes to an array would never reach the file.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    magic, place, length, total = HEAD.unpack_from(data)
    if magic != MAGIC or place + length != size:
        raise ShelfError(f"{path.name} is cut off, or no set of images")
    text = data[place:]
    if zlib.crc32(text) != total:
        raise ShelfError(f"{path.name} is damaged in its table")
    table = json.loads(text.decode("utf-8", "surrogatepass"))
    found = {name: _array(path, data, place, row) for name, row in table["arrays"].items()}
    return table["about"], found


def _array(path: Path, data: mmap.mmap, end: int, row: list[Any]) -> NDArray[Any]:
    kind, shape, place, sums = row
    if kind not in TYPES:
        raise ShelfError(f"{path.name} holds an array of {kind}")
    dtype, count = np.dtype(kind), math.prod(shape)
    size = count * dtype.itemsize
    if not HEAD.size <= place <= place + size <= end or len(sums) != -(-size // BLOCK):
        raise ShelfError(f"{path.name} holds an array outside the file")
    for k in _some(len(sums)):
        start = place + k * BLOCK
        with memoryview(data) as whole, whole[start : min(start + BLOCK, place + size)] as block:
            if zlib.crc32(block) != sums[k]:
                raise ShelfError(f"{path.name} is damaged at byte {start}")
    return np.frombuffer(data, dtype, count, place).reshape(shape)


def _some(count: int) -> list[int]:
    """Return at most CHECKED of the indices below ``count``, the first and the last included."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, CHECKED))})
