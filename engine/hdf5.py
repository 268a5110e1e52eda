"""One result as one HDF5 file: how it is laid out, written and safely read.

A file is 512 bytes of user block, which any HDF5 reader skips, and the HDF5 file proper. The user
block holds the SHA-256 of everything behind it, so a single changed byte anywhere is found. Inside:
one fixed-length text per JSON document, and plain arrays. No links, no references, no pickles, no
filters.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

MAGIC = b"ISTHMUS-RECORD sha256="
USER_BLOCK = 512
MAX_OBJECTS = 20_000
MAX_DEPTH = 6
MAX_BYTES = 4 << 30
MAX_TEXT = 64 << 20

Array = NDArray[Any]


class FileError(ValueError):
    """A file that is damaged, or that is not what it must be; one sentence."""


@dataclass(frozen=True)
class Content:
    """What one file holds.

    Attributes
    ----------
    documents
        JSON documents by name.
    arrays
        Arrays by name; a name may have parts divided by "/".
    """

    documents: Mapping[str, Any]
    arrays: Mapping[str, Array]


def write(path: Path, content: Content) -> int:
    """Write a file under a temporary name, flush it to the disk, then give it its name.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind and an older file keeps its content.
    """
    image = _image(content)
    seal = (MAGIC + hashlib.sha256(image).hexdigest().encode()).ljust(USER_BLOCK, b"\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.stem}.tmp-{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(seal)
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return len(seal) + len(image)


def read(path: Path, *, only_documents: bool = False) -> Content:
    """Read a file after checking its seal and everything in it that could do harm.

    Parameters
    ----------
    only_documents
        Leave the arrays on the disk.

    Raises
    ------
    FileError
        If a byte changed, or the file holds anything but plain documents and arrays.
    OSError
        If it cannot be opened.
    """
    verify(path)
    with safe_open(path) as file:
        return _content(file, path, only_documents=only_documents)


def write_packed(path: Path, contents: Iterable[tuple[str, Content]]) -> int:
    """Write several contents into one sealed file, each under a group of its own.

    Like :func:`write`, but one content is in memory at a time.

    Parameters
    ----------
    contents
        The group's name, its parts divided by "/", and what it holds.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind and an older file keeps its content.
    """
    temporary = path.parent / f".{path.stem}.tmp-{os.getpid()}"
    try:
        with h5py.File(temporary, "w", userblock_size=USER_BLOCK, locking=False) as file:
            for name, content in contents:
                _fill(file.create_group(name), content)
        with open(temporary, "r+b") as raw:
            raw.seek(USER_BLOCK)
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
            size = raw.tell()
            raw.seek(0)
            raw.write((MAGIC + digest.encode()).ljust(USER_BLOCK, b"\0"))
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return size


def read_packed(path: Path, depth: int) -> Iterator[tuple[str, Content]]:
    """Read what :func:`write_packed` wrote, one group after the other, as safely as :func:`read`.

    Parameters
    ----------
    depth
        How many parts the names of the groups have.

    Raises
    ------
    FileError
        If a byte changed, or the file holds anything but plain documents and arrays.
    OSError
        If it cannot be opened.
    """
    verify(path)
    with safe_open(path) as file:
        for name, group in _groups(file, "", depth, path):
            yield name, _content(group, path)


def _groups(
    group: h5py.Group, prefix: str, depth: int, path: Path
) -> Iterator[tuple[str, h5py.Group]]:
    for name in group:
        full = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FileError(f"{path.name} holds a link at {full!r}; only plain data is read")
        item = group[name]
        if not isinstance(item, h5py.Group):
            raise FileError(f"{path.name} holds {full!r}, which no packed study has")
        if depth == 1:
            yield full, item
        else:
            yield from _groups(item, f"{full}/", depth - 1, path)


def verify(path: Path) -> None:
    """Compare a file with its seal; raise :class:`FileError` if they differ."""
    with open(path, "rb") as file:
        block = file.read(USER_BLOCK)
        digest = hashlib.file_digest(file, "sha256")
    if not block.startswith(MAGIC):
        raise FileError(f"{path.name} is not a file that Isthmus wrote")
    if block != (MAGIC + digest.hexdigest().encode()).ljust(USER_BLOCK, b"\0"):
        raise FileError(f"{path.name} is damaged: its content differs from its checksum")


def safe_open(path: Path) -> h5py.File:
    """Open any HDF5 file for reading; raise :class:`FileError` if the library cannot."""
    try:
        return h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise FileError(f"{path.name} is not a readable HDF5 file") from error


def _content(group: h5py.Group, path: Path, *, only_documents: bool = False) -> Content:
    documents: dict[str, Any] = {}
    arrays: dict[str, Array] = {}
    for name, item in _datasets(group, path):
        top, _, rest = name.partition("/")
        if top == "documents":
            documents[rest] = json.loads(bytes(item[()]))
        elif not only_documents:
            arrays[rest] = item[()]
    return Content(documents, arrays)


def _fill(group: h5py.Group, content: Content) -> None:
    for name, document in content.documents.items():
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1)
        group.create_dataset(f"documents/{name}", data=np.bytes_(text.encode()))
    for name, array in content.arrays.items():
        group.create_dataset(f"arrays/{name}", data=np.asarray(array))


def _image(content: Content) -> bytes:
    # Two files of one name cannot be open at once, not even in memory.
    name = f"memory-{uuid.uuid4().hex}"
    with h5py.File(name, "w", driver="core", backing_store=False) as file:
        _fill(file, content)
        file.flush()
        return bytes(file.id.get_file_image())


def _datasets(file: h5py.Group, path: Path) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every dataset, having refused whatever could reach outside the file or fill memory."""
    limit = min(MAX_BYTES, 1000 * os.path.getsize(path) + (1 << 20))
    seen: set[int] = set()
    stack: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    while stack:
        prefix, group, depth = stack.pop()
        for name in group:
            full = f"{prefix}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise FileError(f"{path.name} holds a link at {full!r}; only plain data is read")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen or len(seen) >= MAX_OBJECTS or depth >= MAX_DEPTH:
                raise FileError(f"{path.name} holds a loop, or too many objects, at {full!r}")
            seen.add(address)
            if isinstance(item, h5py.Group):
                stack.append((full + "/", item, depth + 1))
            else:
                _refuse(item, full, limit, path)
                yield full, item


def _refuse(item: Any, name: str, limit: int, path: Path) -> None:
    plain = isinstance(item, h5py.Dataset) and not item.is_virtual and item.external is None
    if not plain or item.dtype.kind not in "fiubS" or item.shape is None:
        raise FileError(f"{path.name} holds something other than plain data at {name!r}")
    declared = item.dtype.itemsize * int(np.prod(item.shape, dtype=object) if item.shape else 1)
    top = name.partition("/")[0]
    text = item.dtype.kind == "S"
    if declared > (MAX_TEXT if text else limit):
        raise FileError(f"{path.name} declares {declared} bytes at {name!r}, more than it can hold")
    if top not in ("documents", "arrays") or text != (top == "documents"):
        raise FileError(f"{path.name} holds {name!r}, which no record has")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows has no handle of a folder that could be flushed
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
