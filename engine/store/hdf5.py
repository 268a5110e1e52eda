"""Store one result as one HDF5 file: its layout, how to write it and how to read it safely.

A file consists of a user block of 512 bytes, which every HDF5 reader skips, and the HDF5 data. The
user block holds the SHA-256 of the data after it, so any changed byte of the content is detected
(:mod:`engine.store.seal`). The data are plain arrays and one fixed-length text per JSON document.
Links, references, pickles and filters are not used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.store import seal
from engine.store.atomic import new_file, remove_left_over
from engine.store.files import BLOCK, check_regular
from engine.store.seal import USER_BLOCK
from engine.store.write_guard import GuardedFile

# Numbers of errors that a damaged file can cause: a place or a size in it that cannot be.
_OF_THE_FILE = (None, 0, errno.EINVAL, errno.EFBIG, errno.EOVERFLOW)

MAX_OBJECTS = 20_000
MAX_DEPTH = 6
MAX_BYTES = 4 << 30
MAX_TEXT = 64 << 20

Array = NDArray[Any]


class FileError(ValueError):
    """A file is damaged or has the wrong content; the message is one sentence."""


class NotRead(FileError):
    """A file does not fit into the memory now, which does not say that it is damaged."""


class Newer(NotRead):
    """A file of a later version of the program, which this one cannot judge."""


@dataclass(frozen=True)
class Content:
    """The content of one file.

    Attributes
    ----------
    documents
        JSON documents by name.
    arrays
        Arrays by name; a name may contain "/".
    """

    documents: Mapping[str, Any]
    arrays: Mapping[str, Array]


def write(path: Path, content: Content, *, exclusive: bool = False) -> int:
    """Write a file under a temporary name, flush it to disk, then rename it.

    Parameters
    ----------
    exclusive
        Do not replace an existing file.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    FileExistsError
        If ``exclusive`` and the file exists.
    OSError
        If it cannot be written. An existing file is not changed and no partial file remains.
    """
    image = _image(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path, exclusive=exclusive) as temporary, open(temporary, "wb") as file:
        file.writelines(seal.parts(image))
    return USER_BLOCK + len(image)


def read(path: Path, *, only_documents: bool = False) -> Content:
    """Read a file after verifying its checksum; refuse any content that could do harm.

    Parameters
    ----------
    only_documents
        Do not read the arrays.

    Raises
    ------
    FileError
        If a byte changed, or the file holds anything but plain documents and arrays.
    OSError
        If it cannot be opened.
    """
    verify(path)
    return read_unsealed(path, only_documents=only_documents)


def read_unsealed(path: Path, *, only_documents: bool = False) -> Content:
    """Read a file as :func:`read` does, but without verifying its checksum.

    Harmful content is refused, but documents and arrays may have changed values.
    """
    with safe_open(path) as file:
        return _Reader(path, only_documents).content(file)


def write_packed(
    path: Path,
    contents: Iterable[tuple[str, Content]],
    check: Callable[[], object] = lambda: None,
) -> int:
    """Write several contents into one file with a checksum, each in a separate group.

    Like :func:`write`, but keeps only one content in memory at a time.

    Parameters
    ----------
    contents
        Pairs of a group's name, which may contain "/", and its content.
    check
        Called regularly while the checksum is made; may raise to stop.

    Returns
    -------
    int
        The size of the file in bytes.

    Raises
    ------
    OSError
        If it cannot be written. An existing file is not changed and no partial file remains.
    """
    remove_left_over(path.parent, path)
    with new_file(path) as temporary:
        with GuardedFile(temporary) as guarded:
            with h5py.File(guarded, "w", userblock_size=USER_BLOCK) as file:
                for name, content in contents:
                    _fill(file.create_group(name), content)
                    guarded.check()
            guarded.check()
        with open(temporary, "r+b") as raw:
            raw.seek(USER_BLOCK)
            digest = hashlib.sha256()
            while block := raw.read(BLOCK):
                check()
                digest.update(block)
            size = raw.tell()
            raw.seek(0)
            raw.write(seal.block(digest.hexdigest()))
    return size


def read_packed(
    path: Path, depth: int, check: Callable[[], object] = lambda: None
) -> Iterator[tuple[str, Content]]:
    """Read a file of :func:`write_packed` group by group, with the checks of :func:`read`.

    Parameters
    ----------
    depth
        Number of parts, divided by "/", in the names of the groups.
    check
        Called regularly while the file is compared with its checksum; may raise to stop.

    Raises
    ------
    FileError
        If a byte changed, or the file holds anything but plain documents and arrays.
    OSError
        If it cannot be opened.
    """
    verify(path, check)
    with safe_open(path) as file:
        reader = _Reader(path)
        for name, group in reader.groups(file, "", depth):
            yield name, reader.content(group)


def packed_names(path: Path, depth: int) -> list[str]:
    """Return the names of the groups of a packed file; raises as :func:`read_packed`."""
    verify(path)
    with safe_open(path) as file:
        return [name for name, _ in _Reader(path).groups(file, "", depth)]


def verify(path: Path, check: Callable[[], object] = lambda: None) -> None:
    """Compare a file with its checksum; raise :class:`FileError` if they differ."""
    check_regular(path)
    whole = seal.is_whole(path, check)
    if whole is None:
        raise FileError(f"{path.name} is not a file that Isthmus wrote")
    if not whole:
        raise FileError(
            f"{path.name} is damaged: its bytes differ from its checksum. A program that writes "
            "HDF5 files anew, such as h5repack, does that too"
        )


def safe_open(path: Path) -> h5py.File:
    """Open any HDF5 file for reading; raise :class:`FileError` if the library cannot.

    What the system refuses is an ``OSError``, as everywhere.
    """
    check_regular(path)
    try:
        return h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError, ValueError) as error:
        _pass_on(error)
        raise FileError(f"{path.name} is not a readable HDF5 file") from error


def _fill(group: h5py.Group, content: Content) -> None:
    for name, document in content.documents.items():
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1)
        group.create_dataset(f"documents/{name}", data=np.bytes_(text.encode()))
    for name, array in content.arrays.items():
        group.create_dataset(f"arrays/{name}", data=np.asarray(array))


def _image(content: Content) -> bytes:
    # HDF5 cannot open two files of the same name at once, even in memory.
    name = f"memory-{uuid.uuid4().hex}"
    with h5py.File(name, "w", driver="core", backing_store=False) as file:
        _fill(file, content)
        file.flush()
        return bytes(file.id.get_file_image())


class _Reader:
    """Reads one file; refuses content that refers to other files, fills memory, or never ends.

    Does not trust sizes or structures declared in the file: reads no object twice, and refuses the
    file if its objects together declare more bytes than the file has.
    """

    def __init__(self, path: Path, only_documents: bool = False):
        self.path = path
        self._only_documents = only_documents
        self._left = os.path.getsize(path)
        self._seen: set[int] = set()

    def groups(
        self, group: h5py.Group, prefix: str, depth: int
    ) -> Iterator[tuple[str, h5py.Group]]:
        """Yield the groups of a packed file, each with its full name."""
        for name, item in self._items(group, prefix):
            if not isinstance(item, h5py.Group):
                raise self._error(f"holds {name!r}, which no packed study has")
            if depth == 1:
                yield name, item
            else:
                yield from self.groups(item, f"{name}/", depth - 1)

    def content(self, group: h5py.Group) -> Content:
        """Return the documents and arrays below a group."""
        documents: dict[str, Any] = {}
        arrays: dict[str, Array] = {}
        whole = self._left
        for name, item in self._datasets(group):
            if whole - self._left > MAX_BYTES:
                raise self._error(f"holds a record of more than {MAX_BYTES >> 30} GB")
            top, _, rest = name.partition("/")
            if top == "documents":
                documents[rest] = self._document(name, item)
            elif not self._only_documents:
                arrays[rest] = self._array(name, item)
        return Content(documents, arrays)

    def _document(self, name: str, item: h5py.Dataset) -> Any:
        text = self._array(name, item)
        try:
            return json.loads(bytes(text), parse_constant=_refuse_constant)
        except (ValueError, TypeError, RecursionError):
            raise self._error(f"holds no JSON text at {name!r}") from None

    def _array(self, name: str, item: h5py.Dataset) -> Any:
        with self._as_file_error(name):
            return item[()]

    def _datasets(self, top: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
        found = 0
        stack: list[tuple[str, h5py.Group, int]] = [("", top, 0)]
        while stack:
            prefix, group, depth = stack.pop()
            for name, item in self._items(group, prefix):
                found += 1
                if found > MAX_OBJECTS or depth >= MAX_DEPTH:
                    raise self._error(f"holds too many objects, or too deep ones, at {name!r}")
                if isinstance(item, h5py.Group):
                    stack.append((f"{name}/", item, depth + 1))
                else:
                    with self._as_file_error(name):
                        self._refuse(name, item)
                    yield name, item

    def _items(self, group: h5py.Group, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield the items of a group; refuse an item that was read before."""
        with self._as_file_error(prefix):
            names = list(group)
        for name in names:
            full = f"{prefix}{name}"
            if not isinstance(name, str) or name in (".", "..") or not name.isprintable():
                raise self._error(f"holds {full!r}, which is no name")
            with self._as_file_error(full):
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise self._error(f"holds a link at {full!r}; only plain data is read")
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
            if address in self._seen:
                raise self._error(f"holds {full!r} twice, or in a loop")
            self._seen.add(address)
            yield full, item

    def _refuse(self, name: str, item: Any) -> None:
        plain = isinstance(item, h5py.Dataset) and not item.is_virtual and item.external is None
        # Chunked data can use filters, which may run plug-in code; Isthmus writes no chunks.
        if not plain or item.chunks is not None or item.dtype.kind not in "fiubS":
            raise self._error(f"holds something other than plain data at {name!r}")
        if item.shape is None or item.dtype.subdtype is not None:
            raise self._error(f"holds something other than plain data at {name!r}")
        top, _, rest = name.partition("/")
        text = item.dtype.kind == "S"
        if top not in ("documents", "arrays") or not rest or text != (top == "documents"):
            raise self._error(f"holds {name!r}, which no record has")
        declared = item.dtype.itemsize * math.prod(item.shape)
        self._left -= declared
        if self._left < 0 or (text and declared > MAX_TEXT):
            raise self._error(f"declares {declared} bytes at {name!r}, more than it can hold")

    @contextmanager
    def _as_file_error(self, name: str) -> Iterator[None]:
        """Convert any exception of the library on damaged data into :class:`FileError`."""
        try:
            yield
        except FileError:
            raise
        except MemoryError as error:
            raise NotRead(f"{self.path.name} does not fit into the memory at {name!r}") from error
        except Exception as error:  # h5py raises RuntimeError, KeyError, OSError, TypeError, ...
            _pass_on(error)
            raise self._error(f"is damaged at {name!r}") from error

    def _error(self, what: str) -> FileError:
        return FileError(f"{self.path.name} {what}")


def _pass_on(error: Exception) -> None:
    """Raise an error of the library again if the system refused something, as one line."""
    if isinstance(error, OSError) and error.errno not in _OF_THE_FILE:
        raise OSError(error.errno, os.strerror(error.errno)) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
